"""Puts requests under the FlowSchemas and PriorityLevelConfigurations in the store.

    flow = control.flow(request)           # a look into a dict
    if not flow.level.exempt: ...          # see app.py
    response.headers: flow.uids

Source: KEP-1040; apiserver `util/flowcontrol` (work estimates).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from navarch.base.errors import StatusError
from navarch.schema.types import Tree
from navarch.server.fairness.levels import Level
from navarch.server.fairness.schemas import FlowSchema, classify, schemas_of
from navarch.server.options import integer, parse_query
from navarch.server.served import Resources
from navarch.store.contract import Event, Store
from navarch.wire.messages import Request

SCHEMAS: Final = "flowschemas.flowcontrol.apiserver.k8s.io"
LEVELS: Final = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"

#: Seats of a server, all levels together: 400 for reads and 200 for writes in Kubernetes.
SERVER_SEATS: Final = 600
#: A list takes a seat for this many objects, up to a limit. Source: flowcontrol request estimator.
_OBJECTS_PER_SEAT: Final = 100
_MOST_SEATS: Final = 10
#: Kinds of requests that are remembered.
_KEEP: Final = 8192


@dataclass(frozen=True, slots=True)
class Flow:
    """What a request is under. `key` tells its flow from others of the level; `uids` go into the answer."""

    schema: str
    level: Level
    key: str
    uids: tuple[str, str]


#: Before there is any configuration.
_FREE: Final = Flow("", Level("exempt"), "", ("", ""))


class FlowControl:
    """The flow control of one server."""

    def __init__(self, store: Store, resources: Resources, seats: int = SERVER_SEATS) -> None:
        self._store = store
        self._resources = resources
        self._seats = seats
        self._schemas: list[FlowSchema] = []
        self._levels: dict[str, Level] = {}
        self._known: dict[tuple[object, ...], Flow] = {}
        #: Whether the configuration has changed since it was read: it is read when it is needed.
        self._stale = True
        revision = store.index.revision
        self._cancels: list[Callable[[], None]] = [
            store.index.watch(bucket, revision, self._changed) for bucket in (LEVELS, SCHEMAS)
        ]

    def close(self) -> None:
        for cancel in self._cancels:
            cancel()

    @property
    def levels(self) -> dict[str, Level]:
        if self._stale:
            self._load()
        return self._levels

    # --- the hot path

    def flow(self, request: Request) -> Flow:
        """What the request is under; `request.info` and `request.user` are set."""
        user, info = request.user, request.info
        assert info is not None
        key: tuple[object, ...]
        if info.is_resource:
            key = (user.name, user.groups, info.verb, info.group, info.resource, info.subresource, info.namespace)
        else:
            key = (user.name, user.groups, info.verb, request.path)
        found = self._known.get(key)
        return found if found is not None else self._classify(request, key)

    def seats(self, request: Request) -> int:
        """How many seats a request takes: lists as many as they are long."""
        info = request.info
        if info is None or info.verb != "list":
            return 1
        served = self._resources.find(info.group, info.version, info.resource)
        if served is None:
            return 1
        objects = self._store.index.count(served.namespace_prefix(info.namespace))
        if "limit" in request.query:
            try:
                objects = min(objects, integer(parse_query(request.query), "limit") or objects)
            except StatusError:
                return 1
        return max(1, min(_MOST_SEATS, -(-objects // _OBJECTS_PER_SEAT)))

    def _classify(self, request: Request, key: tuple[object, ...]) -> Flow:
        info = request.info
        assert info is not None
        levels = self.levels
        schema = classify(self._schemas, request.user, info, request.path)
        level = levels.get(schema.level) if schema is not None else None
        if schema is None or level is None:
            return _FREE
        flow = f"{schema.name}\0{schema.flow(request.user, info)}"
        if len(self._known) >= _KEEP:
            self._known.clear()
        found = self._known[key] = Flow(schema.name, level, flow, (schema.uid, level.uid))
        return found

    # --- following the store

    def _load(self) -> None:
        self._stale = False
        self._schemas = schemas_of(self._trees(SCHEMAS))
        # A level stays the same object: requests that are under way come back to it.
        old, self._levels = self._levels, {}
        for tree in self._trees(LEVELS):
            name = tree["metadata"]["name"]
            level = self._levels[name] = old.get(name) or Level(name)
            level.configure(tree["metadata"].get("uid", ""), tree["spec"])
        for name in old.keys() - self._levels.keys():
            old[name].serve(everybody=True)
        for level in self._levels.values():
            level.share(self._seats, self._levels.values())

    def _trees(self, bucket: str) -> list[Tree]:
        return [orjson.loads(entry.value) for entry in self._store.index.range(bucket + "/")]

    def _changed(self, events: Sequence[Event]) -> None:
        if not self._stale and any(_is_new(event) for event in events):
            self._stale = True
            self._known.clear()

    # --- metrics

    def executing(self) -> Iterator[tuple[str, float]]:
        for level in self.levels.values():
            yield f'priority_level="{level.name}"', level.in_use

    def queued(self) -> Iterator[tuple[str, float]]:
        for level in self.levels.values():
            yield f'priority_level="{level.name}"', level.waiting

    def dispatched(self) -> Iterator[tuple[str, float]]:
        for level in self.levels.values():
            yield f'priority_level="{level.name}"', level.dispatched

    def rejected(self) -> Iterator[tuple[str, float]]:
        for level in self.levels.values():
            for why, count in level.rejected.items():
                yield f'priority_level="{level.name}",reason="{why}"', count

    def limits(self) -> Iterator[tuple[str, float]]:
        for level in self.levels.values():
            yield f'priority_level="{level.name}"', level.nominal


def _is_new(event: Event) -> bool:
    """Whether an event changes what is configured: writes of a status do not."""
    if event.deleted or event.previous is None:
        return True
    before, after = orjson.loads(event.previous.value), orjson.loads(event.entry.value)
    return bool(before["spec"] != after["spec"])
