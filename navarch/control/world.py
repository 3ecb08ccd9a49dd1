"""What a reconcile function sees: the caches of declared sources, and the outcome of its last attempt.

A `Source` names a resource, the view it is decoded as, and its indexes; each source has one informer in
the process, shared by all controllers. A `World` is read-only for controllers.

Worked example:
    world[PODS].by_index("owner", replica_set.metadata.uid)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from navarch.base.resource import ObjectKey, Resource
from navarch.client.cache import Cache, HasMetadata, IndexFunction
from navarch.control.intents import Plan
from navarch.schema.types import Tree

V = TypeVar("V", bound=HasMetadata)


@dataclass(frozen=True, eq=False)
class Source(Generic[V]):
    """A watched resource. Compared by identity: each is declared once, in `sources.py`."""

    resource: Resource
    view: type[V]
    indexes: Mapping[str, IndexFunction[V]] = field(default_factory=dict)
    #: Only what it selects is watched.
    fields: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt at a key failed: what was tried (Create, Delete, ...), reason and message."""

    verb: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The answer to a `List`: trees, or why there are none."""

    trees: tuple[Tree, ...] = ()
    error: str = ""


class World:
    """The caches by source. `started_at` is when the process had its first complete view."""

    def __init__(self, caches: Mapping[Source[Any], Cache[Any]], started_at: float = 0.0) -> None:
        self._caches = caches
        self.started_at = started_at
        #: By the controller's key; gone after a successful attempt.
        self.failures: dict[Hashable, Failure] = {}
        #: By the controller's key, answers to `Look` (the uid, or "" if there is no such object) and to `Ask`.
        self.seen: dict[Hashable, dict[tuple[Resource, ObjectKey], str]] = {}
        #: By the controller's key, answers to `List`.
        self.lists: dict[Hashable, dict[Resource, Listing]] = {}

    def __getitem__(self, source: Source[V]) -> Cache[V]:
        return cast(Cache[V], self._caches[source])


#: (world, key of the object, state before, state now) -> the controller's keys to look at.
Keys = Callable[[World, ObjectKey, V | None, V | None], Iterable[Hashable]]
#: (world, key, seconds since the epoch) -> plan.
Reconcile = Callable[[World, Any, float], Plan]


@dataclass(frozen=True)
class Watch(Generic[V]):
    """Changes of `source` cause work on the keys that `keys` names."""

    source: Source[V]
    keys: Keys[V]


@dataclass(frozen=True)
class Controller:
    """The declaration of one controller. `name` is its identity and the component of its events."""

    name: str
    watches: tuple[Watch[Any], ...]
    reconcile: Reconcile
    #: Sources that are read, but whose changes cause no work.
    reads: tuple[Source[Any], ...] = ()
    workers: int = 5

    @property
    def sources(self) -> tuple[Source[Any], ...]:
        return (*dict.fromkeys(w.source for w in self.watches), *self.reads)


def same_key(_world: World, key: ObjectKey, _old: HasMetadata | None, _new: HasMetadata | None) -> tuple[ObjectKey]:
    """The key of the changed object itself."""
    return (key,)
