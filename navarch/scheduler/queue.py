"""The pods that wait for a node: to be tried now, after a back-off, when something changed, or not yet at all.

Callers: `cycle.py`. Pure bookkeeping: times are passed in. A pod that found no node rests until a change
happens that the plug-ins which turned it down care about; if that comes before its back-off is over, it waits
for that first. So a cluster in which nothing changes is quiet.

Worked example:
    queue.add(pod)
    queue.pop(100)                                    [pod]
    queue.refused(pod, {"NodeResourcesFit"}, now=0)   rests, back-off until 1
    queue.changed({Change.POD_REMOVED}, now=0.4)      due at 1
    queue.next_due()                                  1

Source: the scheduler's priority queue (active, backoff, unschedulable) and its queueing hints, KEP-4247.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Final

from navarch.base.resource import ObjectKey
from navarch.scheduler.plugins.contract import Change
from navarch.scheduler.shape import PodInfo, Shape

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_CAP_S: Final = 10.0


@dataclass(slots=True)
class _Entry:
    pod: PodInfo
    attempts: int = 0
    plugins: frozenset[str] = frozenset()
    #: When the back-off ends.
    due: float = 0.0


class SchedulingQueue:
    """`wakes`: for each plug-in, the changes after which a pod that it turned down is tried again."""

    def __init__(self, wakes: Mapping[str, Set[Change]]) -> None:
        self._wakes = wakes
        self._entries: dict[ObjectKey, _Entry] = {}
        self._active: dict[ObjectKey, None] = {}
        self._order: list[tuple[int, float, ObjectKey]] = []
        self._backoff: dict[ObjectKey, None] = {}
        self._resting: dict[ObjectKey, None] = {}

    def __len__(self) -> int:
        """Pods that are to be tried now."""
        return len(self._active)

    @property
    def resting(self) -> int:
        """Pods that wait for a change."""
        return len(self._resting)

    def get(self, key: ObjectKey) -> PodInfo | None:
        entry = self._entries.get(key)
        return entry.pod if entry is not None else None

    def add(self, pod: PodInfo) -> None:
        """A pod that is new, or so changed that it is to be tried at once."""
        entry = self._entries.setdefault(pod.key, _Entry(pod))
        entry.pod = pod
        self._rest_no_more(pod.key)
        self._activate(pod.key)

    def update(self, pod: PodInfo) -> None:
        """A waiting pod's new state, which does not make it more likely to fit."""
        self._entries[pod.key].pod = pod

    def remove(self, key: ObjectKey) -> None:
        """The pod is bound, deleted or gated."""
        self._entries.pop(key, None)
        self._active.pop(key, None)
        self._rest_no_more(key)

    def pop(self, limit: int, cost: Callable[[Shape], int] = lambda _shape: 1) -> list[PodInfo]:
        """The pods that are due, the most important and oldest first, until their cost reaches `limit`. Each
        comes back by `refused`, `failed` or `remove`."""
        popped: list[PodInfo] = []
        spent = 0
        while self._order and spent < limit:
            key = heapq.heappop(self._order)[2]
            if key in self._active:
                del self._active[key]
                self._entries[key].attempts += 1
                popped.append(self._entries[key].pod)
                spent += cost(popped[-1].shape)
        return popped

    def refused(self, pod: PodInfo, plugins: frozenset[str], now: float) -> None:
        """The pod found no node: it rests until something changes that `plugins` care about."""
        entry = self._back_off(pod, now)
        if entry is not None:
            entry.plugins = plugins
            self._resting[pod.key] = None

    def failed(self, pod: PodInfo, now: float) -> None:
        """The pod had a node but could not be bound: it is tried again after its back-off."""
        if self._back_off(pod, now) is not None:
            self._backoff[pod.key] = None

    def changed(self, changes: Set[Change], now: float) -> None:
        """Something happened in the cluster: wake the pods that it may help."""
        if not changes or not self._resting:
            return
        nobody: frozenset[Change] = frozenset()
        helped = {name for name, wakes in self._wakes.items() if not wakes.isdisjoint(changes)}
        for key in list(self._resting):
            entry = self._entries[key]
            if entry.plugins.isdisjoint(helped) and any(self._wakes.get(p, nobody) for p in entry.plugins):
                continue
            self._wake(key, entry, now)

    def flush(self, now: float) -> None:
        """Wake everything: a change may have been missed."""
        for key in list(self._resting):
            self._wake(key, self._entries[key], now)

    def next_due(self) -> float | None:
        """When the next back-off ends."""
        return min((self._entries[key].due for key in self._backoff), default=None)

    def release(self, now: float) -> None:
        """Activate the pods whose back-off is over."""
        for key in [k for k in self._backoff if self._entries[k].due <= now]:
            del self._backoff[key]
            self._activate(key)

    def _wake(self, key: ObjectKey, entry: _Entry, now: float) -> None:
        del self._resting[key]
        if entry.due <= now:
            self._activate(key)
        else:
            self._backoff[key] = None

    def _back_off(self, pod: PodInfo, now: float) -> _Entry | None:
        entry = self._entries.get(pod.key)
        if entry is None or pod.key in self._active or entry.pod.uid != pod.uid:
            # Gone, made anew or changed while it was being bound.
            return None
        entry.due = now + min(BACKOFF_FIRST_S * 2.0 ** min(entry.attempts - 1, 10), BACKOFF_CAP_S)
        return entry

    def _activate(self, key: ObjectKey) -> None:
        if key not in self._active:
            pod = self._entries[key].pod
            self._active[key] = None
            heapq.heappush(self._order, (-pod.shape.priority, pod.since, key))

    def _rest_no_more(self, key: ObjectKey) -> None:
        self._backoff.pop(key, None)
        self._resting.pop(key, None)
