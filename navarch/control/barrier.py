"""Read your own writes: which keys must wait, and for what, before they are reconciled again.

Caller: the runner. After a write the key waits until the cache of the written resource has reached the
write's revision; after a delete until the cache shows the object gone or going. Pure bookkeeping.

Worked example:
    barrier.wait_revision("k", pods, 17); barrier.holds("k") -> True
    barrier.reached(pods, 17) -> ["k"]
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Any

from navarch.base.resource import ObjectKey
from navarch.client.cache import Cache, HasMetadata

AnyCache = Cache[Any]


class Barrier:
    """Outstanding conditions of all keys of one controller."""

    def __init__(self) -> None:
        self._open: dict[Hashable, int] = {}
        self._revisions: dict[int, list[tuple[int, int, Hashable]]] = {}
        self._going: dict[int, dict[ObjectKey, list[tuple[str, Hashable]]]] = {}
        self._count = 0

    def holds(self, key: Hashable) -> bool:
        return key in self._open

    def wait_revision(self, key: Hashable, cache: AnyCache, revision: int) -> None:
        """`key` waits until `cache` has seen `revision`."""
        if cache.revision >= revision:
            return
        self._count += 1
        heapq.heappush(self._revisions.setdefault(id(cache), []), (revision, self._count, key))
        self._open[key] = self._open.get(key, 0) + 1

    def wait_going(self, key: Hashable, cache: AnyCache, target: ObjectKey, uid: str) -> None:
        """`key` waits until `cache` shows that the object `uid` is deleted or being deleted."""
        if _is_going(cache.get(target), uid):
            return
        self._going.setdefault(id(cache), {}).setdefault(target, []).append((uid, key))
        self._open[key] = self._open.get(key, 0) + 1

    def reached(self, cache: AnyCache) -> list[Hashable]:
        """The revision of `cache` has moved: the keys that wait for nothing more."""
        heap = self._revisions.get(id(cache))
        freed: list[Hashable] = []
        while heap and heap[0][0] <= cache.revision:
            self._close(heapq.heappop(heap)[2], freed)
        return freed

    def changed(self, cache: AnyCache, target: ObjectKey, new: HasMetadata | None) -> list[Hashable]:
        """An object has changed: the keys that wait for nothing more."""
        targets = self._going.get(id(cache))
        if not targets or target not in targets:
            return []
        freed: list[Hashable] = []
        waiting = targets.pop(target)
        still = []
        for uid, key in waiting:
            if _is_going(new, uid):
                self._close(key, freed)
            else:
                still.append((uid, key))
        if still:
            targets[target] = still
        return freed

    def _close(self, key: Hashable, freed: list[Hashable]) -> None:
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]
            freed.append(key)


def _is_going(view: HasMetadata | None, uid: str) -> bool:
    return view is None or view.metadata.uid != uid or view.metadata.deletionTimestamp is not None
