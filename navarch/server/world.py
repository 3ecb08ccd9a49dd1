"""A read-only view of the cluster for admission plug-ins and subresources.

Decoded trees are kept by key and revision: a namespace or a service account is looked up by
thousands of writes and changes seldom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson

from navarch.schema.types import Tree
from navarch.seams.contract import Seams
from navarch.store.contract import Index
from navarch.wire.messages import User

#: (user, verb, group, resource, namespace, name) -> allowed
Authorize = Callable[[User, str, str, str, str, str], bool]

#: Decoded objects kept; the oldest tenth goes when full.
_KEEP = 4096


class StoreWorld:
    """The World of admission (see admission/contract.py) over the store's index."""

    def __init__(self, index: Index, seams: Seams, authorize: Authorize) -> None:
        self._index = index
        self._seams = seams
        self._authorize = authorize
        self._decoded: dict[str, tuple[int, Tree]] = {}

    @property
    def now(self) -> float:
        return self._seams.clock.now()

    def get(self, bucket: str, namespace: str, name: str) -> Tree | None:
        key = f"{bucket}/{namespace}/{name}" if namespace else f"{bucket}/{name}"
        entry = self._index.get(key)
        if entry is None:
            return None
        cached = self._decoded.get(key)
        if cached is not None and cached[0] == entry.revision:
            return cached[1]
        tree: Tree = orjson.loads(entry.value)
        if len(self._decoded) >= _KEEP:
            for old in list(self._decoded)[: _KEEP // 10]:
                del self._decoded[old]
        self._decoded[key] = (entry.revision, tree)
        return tree

    def list(self, bucket: str, namespace: str = "") -> Iterator[Tree]:
        prefix = f"{bucket}/{namespace}/" if namespace else f"{bucket}/"
        for entry in self._index.range(prefix):
            yield orjson.loads(entry.value)

    def suffix(self, length: int) -> str:
        return self._seams.rng.suffix(length)

    def allowed(self, user: User, verb: str, group: str, resource: str, namespace: str = "", name: str = "") -> bool:
        return self._authorize(user, verb, group, resource, namespace, name)
