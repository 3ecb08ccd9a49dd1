"""A read-only view of the cluster for admission plug-ins and subresources.

Decoded trees are kept by key and revision: a namespace or a service account is looked up by
thousands of writes and changes seldom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import orjson

from navarch.schema.types import Tree
from navarch.seams.contract import Seams
from navarch.server.access import Access
from navarch.server.authz.attributes import Attributes as Question
from navarch.server.authz.attributes import Decision
from navarch.server.own_writes import OwnWrites
from navarch.server.served import Resources, Served
from navarch.store.contract import Entry, Index
from navarch.wire.kept import KeptConnections
from navarch.wire.messages import User

#: Decoded objects kept; the oldest tenth goes when full.
_KEEP = 4096

#: Lists of more than these are not worth keeping decoded: those that every write looks at are short.
_FEW = 64


class StoreWorld:
    """The World of admission (see admission/contract.py) over the store's index."""

    def __init__(self, index: Index, seams: Seams, access: Access, resources: Resources) -> None:
        self._index = index
        self._resources = resources
        self._seams = seams
        self._access = access
        self.connections = KeptConnections()
        #: Set once the write path stands, which admission is a part of.
        self.writes: OwnWrites | None = None
        self._decoded: dict[str, tuple[int, Tree]] = {}
        #: Short lists, with the revision at which their bucket last changed.
        self._lists: dict[tuple[str, str], tuple[int, list[Tree]]] = {}

    @property
    def now(self) -> float:
        return self._seams.clock.now()

    def get(self, bucket: str, namespace: str, name: str) -> Tree | None:
        key = f"{bucket}/{namespace}/{name}" if namespace else f"{bucket}/{name}"
        entry = self._index.get(key)
        return None if entry is None else self._tree(entry)

    def _tree(self, entry: Entry) -> Tree:
        key = entry.key
        cached = self._decoded.get(key)
        if cached is not None and cached[0] == entry.revision:
            return cached[1]
        tree: Tree = orjson.loads(entry.value)
        if len(self._decoded) >= _KEEP:
            for old in list(self._decoded)[: _KEEP // 10]:
                del self._decoded[old]
        self._decoded[key] = (entry.revision, tree)
        return tree

    def list(self, bucket: str, namespace: str = "") -> Iterable[Tree]:
        changed = self._index.changed(bucket)
        if not changed:
            # Most buckets that admission asks about are empty, and it asks at every write.
            return ()
        known = self._lists.get((bucket, namespace))
        if known is not None and known[0] == changed:
            return known[1]
        prefix = f"{bucket}/{namespace}/" if namespace else f"{bucket}/"
        entries = self._index.range(prefix)
        if len(entries) > _FEW:
            # Whoever looks at some pays for some.
            return (orjson.loads(entry.value) for entry in entries)
        trees = [orjson.loads(entry.value) for entry in entries]
        if len(self._lists) >= _KEEP:
            self._lists.clear()
        self._lists[bucket, namespace] = changed, trees
        return trees

    def versions(self, bucket: str) -> Sequence[Served]:
        return self._resources.versions(bucket)

    def decide(self, question: Question) -> Decision:
        return self._access.decide(question)

    def bucket_of(self, api_version: str, kind: str) -> tuple[str, bool]:
        for served in self._resources:
            if served.kind.kind == kind and served.api_version == api_version:
                return served.bucket, served.kind.namespaced
        raise LookupError(f'no matches for kind "{kind}" in version "{api_version}"')

    def uuid(self) -> str:
        return self._seams.rng.uuid()

    def suffix(self, length: int) -> str:
        return self._seams.rng.suffix(length)

    def allowed(self, user: User, verb: str, group: str, resource: str, namespace: str = "", name: str = "") -> bool:
        return self._access.allowed(user, verb, group, resource, namespace, name)

    def check_grant(self, kind: str, new: Tree, old: Tree | None, user: User) -> None:
        self._access.check_grant(kind, new, old, user)

    async def change(
        self, bucket: str, namespace: str, name: str, subresource: str, change: Callable[[Tree], Tree]
    ) -> None:
        assert self.writes is not None
        await self.writes.change(bucket, namespace, name, subresource, change)
