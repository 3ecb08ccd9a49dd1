"""Independent watchers: one for each resource and one for the pods of each node.

They watch as any client does, through the API server's whole watch path, but over no link that could
fail, and do nothing but apply what they are told. After every change in the store each must hold exactly
what a list would show: the same objects at the same revisions. A watch that misses an event, tells one
twice, gives it the wrong type or mixes up who is selected is found at that very event.

Called by `invariants.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from navarch.api.views.base import decode
from navarch.base.resource import ObjectKey, Resource
from navarch.client import identities
from navarch.client.cache import key_of
from navarch.client.contract import WatchEvent
from navarch.client.direct import Feed
from navarch.control.views import Bare
from navarch.schema.types import Tree
from navarch.server.app import ApiServer
from navarch.wire.messages import Request

if TYPE_CHECKING:
    from navarch.testing.cluster import Cluster

_FROM_THE_START = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"


class Watcher:
    """What one watch has told: the revision of each object that is there. `wrong` says what cannot be."""

    def __init__(self, resource: Resource, field: str = "", selects: Callable[[Tree], bool] = lambda _: True) -> None:
        self.name = f"{resource.plural}.{resource.version} {field}".strip()
        self.selects = selects
        self.held: dict[ObjectKey, int] = {}
        self.wrong: list[str] = []
        self._resource = resource
        self._query = f"{_FROM_THE_START}&fieldSelector={quote(field)}" if field else _FROM_THE_START
        self._stop: Callable[[], None] = lambda: None

    async def open(self, server: ApiServer) -> None:
        request = Request("GET", self._resource.path(), self._query, {}, b"", user=identities.ADMIN)
        feed = cast(Feed, (await server.handle_as(request)).stream)
        self._take(feed.attach(self._take, self._ended))
        self._stop = feed.stop

    def close(self) -> None:
        self._stop()

    def _take(self, changes: Sequence[WatchEvent]) -> None:
        for change in changes:
            if change.type == "BOOKMARK":
                continue
            key = key_of(decode(Bare, change.raw))
            if (change.type == "ADDED") == (key in self.held):
                self.wrong.append(f"{change.type} {key} at revision {change.revision}")
            if change.type == "DELETED":
                self.held.pop(key, None)
            else:
                self.held[key] = change.revision

    def _ended(self) -> None:
        self.wrong.append("ended by itself")


def _bound_to(node: str) -> Callable[[Tree], bool]:
    return lambda tree: tree["spec"].get("nodeName") == node


class Watchers:
    """The watchers of a cluster, opened now."""

    def __init__(self, cluster: Cluster) -> None:
        self._by_bucket: dict[str, list[Watcher]] = {}
        for served in cluster.server.resources:
            if {"list", "watch"} <= set(served.kind.verbs):
                self._by_bucket.setdefault(served.bucket, []).append(Watcher(served.resource))
        pods = Resource("", "v1", "pods", "Pod", True)
        for node in cluster.nodes:
            self._by_bucket["pods"].append(Watcher(pods, f"spec.nodeName={node}", _bound_to(node)))
        cluster.run(self._open(cluster.server))

    async def _open(self, server: ApiServer) -> None:
        for watchers in self._by_bucket.values():
            for watcher in watchers:
                await watcher.open(server)

    def close(self) -> None:
        for watchers in self._by_bucket.values():
            for watcher in watchers:
                watcher.close()

    def differences(self, bucket: str, key: str, revision: int, tree: Tree | None) -> Iterator[str]:
        """After a change: how what the bucket's watchers hold of an object differs from the list. `tree` is
        None if it is deleted."""
        _, _, rest = key.partition("/")
        namespace, _, name = rest.rpartition("/")
        for watcher in self._by_bucket.get(bucket, ()):
            wanted = revision if tree is not None and watcher.selects(tree) else None
            held = watcher.held.get(ObjectKey(namespace, name))
            if held != wanted:
                yield f"the watcher of {watcher.name} holds {key} at {held}, the list at {wanted}"
            if watcher.wrong:
                yield f"the watcher of {watcher.name} was told: {watcher.wrong.pop()}"
