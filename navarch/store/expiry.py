"""Keys that a store deletes by itself after a while: one timer on the running event loop, for the
next of them.

A cluster writes thousands of events that live for an hour each. A timer for every one would cost as much
as half the write; here each is a place in a heap.

Called by the stores that keep time themselves, memory.py and durable.py; etcd has leases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from navarch.seams.contract import routine

#: Places in the heap that no longer count are cleared away when there are this many more than keys.
SLACK = 1_000


class Expiries:
    """Calls `expire(key)` once, when the time last set for `key` has come."""

    def __init__(self, expire: Callable[[str], None]) -> None:
        self._expire = expire
        #: When each key goes, in the loop's time. A place in the heap that says otherwise is out of date.
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def set(self, key: str, ttl_s: float | None) -> None:
        """Expire `key` after `ttl_s`, whatever was set before; None: never."""
        if ttl_s is None:
            self._due.pop(key, None)
            return
        self._loop = asyncio.get_running_loop()
        due = self._due[key] = self._loop.time() + max(0.0, ttl_s)
        heappush(self._heap, (due, key))
        if len(self._heap) > 2 * len(self._due) + SLACK:
            self._heap = [(due, key) for key, due in self._due.items()]
            heapify(self._heap)
        if self._timer is None or due < self._timer.when():
            self._wait()

    def remaining_s(self) -> dict[str, float]:
        """What is left for each key. Needs no running loop."""
        now = self._loop.time() if self._loop else 0.0
        return {key: due - now for key, due in self._due.items()}

    def clear(self) -> None:
        self._due.clear()
        self._heap.clear()
        self._wait()

    def _wait(self) -> None:
        """Set the timer for the next key that goes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        heap = self._heap
        while heap and self._due.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        if heap:
            assert self._loop is not None
            with routine():
                self._timer = self._loop.call_at(heap[0][0], self._fire)

    def _fire(self) -> None:
        assert self._loop is not None
        assert self._timer is not None
        # What the timer was set for is due, however the loop rounds its time.
        now = max(self._loop.time(), self._timer.when())
        self._timer = None
        while self._heap and self._heap[0][0] <= now:
            due, key = heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self._expire(key)
        self._wait()
