"""What an informer knows: typed views by key, with declared indexes. Synchronous and never partial.

Brains read it, only the informer (or a test) writes it. A cache holds views that are shared and
frozen; whoever wants to change an object sends a patch.

Worked example:
    >>> cache = Cache(Pod, {"node": lambda pod: (pod.spec.nodeName,)})
    >>> cache.put(pod)                      # spec.nodeName == "n1"
    >>> [p.metadata.name for p in cache.by_index("node", "n1")]
    ['web-1']
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Generic, Protocol, TypeVar

from navarch.api.views.meta import ObjectMeta
from navarch.base.resource import ObjectKey


class HasMetadata(Protocol):
    """What the cache asks of a view."""

    @property
    def metadata(self) -> ObjectMeta: ...


V = TypeVar("V", bound=HasMetadata)
#: The values under which an index files a view; none: not at all.
IndexFunction = Callable[[V], Iterable[Hashable]]


def key_of(view: HasMetadata) -> ObjectKey:
    return ObjectKey(view.metadata.namespace, view.metadata.name)


class Cache(Generic[V]):
    """Views by key. `revision` is that of the last list, event or bookmark taken in."""

    __slots__ = ("_functions", "_indexes", "_views", "revision", "view")

    def __init__(self, view: type[V], indexes: Mapping[str, IndexFunction[V]] | None = None) -> None:
        self.view = view
        self.revision = 0
        self._views: dict[ObjectKey, V] = {}
        self._functions: dict[str, IndexFunction[V]] = {}
        self._indexes: dict[str, dict[Hashable, dict[ObjectKey, V]]] = {}
        for name, function in (indexes or {}).items():
            self.add_index(name, function)

    def get(self, key: ObjectKey) -> V | None:
        return self._views.get(key)

    def __len__(self) -> int:
        return len(self._views)

    def keys(self) -> Collection[ObjectKey]:
        return self._views.keys()

    def values(self) -> Collection[V]:
        """All views. The order is that in which keys appeared; sort before choosing."""
        return self._views.values()

    def by_index(self, name: str, value: Hashable) -> Collection[V]:
        """The views that index `name` files under `value`. Do not hold the answer over an await."""
        bucket = self._indexes[name].get(value)
        return bucket.values() if bucket is not None else ()

    def add_index(self, name: str, function: IndexFunction[V]) -> None:
        """Declare an index. Declaring the same function again changes nothing."""
        assert self._functions.get(name, function) is function, f"index {name!r} is declared twice"
        if name in self._functions:
            return
        self._functions[name] = function
        self._indexes[name] = {}
        for key, view in self._views.items():
            self._file(name, function, key, view)

    def put(self, view: V) -> V | None:
        """Take in a new state; returns the one before."""
        key = key_of(view)
        old = self.remove(key) if key in self._views else None
        self._views[key] = view
        for name, function in self._functions.items():
            self._file(name, function, key, view)
        return old

    def remove(self, key: ObjectKey) -> V | None:
        """Forget an object; returns its last state."""
        old = self._views.pop(key, None)
        if old is None:
            return None
        for name, function in self._functions.items():
            index = self._indexes[name]
            for value in function(old):
                bucket = index.get(value)
                if bucket is None:
                    continue
                bucket.pop(key, None)
                if not bucket:
                    del index[value]
        return old

    def _file(self, name: str, function: IndexFunction[V], key: ObjectKey, view: V) -> None:
        index = self._indexes[name]
        for value in function(view):
            index.setdefault(value, {})[key] = view
