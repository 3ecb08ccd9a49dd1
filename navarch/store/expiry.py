"""Keys that a store deletes by itself after a while, with one timer on the running event loop.

Called by the stores that keep time themselves, memory.py and lmdb.py; etcd has leases. Events are most
of what expires, and the busiest thing that is written: a timer for each would cost as much as its index.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

from navarch.seams.contract import routine


class Expiries:
    """Calls `expire(key)` once, when the time last set for `key` has come."""

    def __init__(self, expire: Callable[[str], None]) -> None:
        self._expire = expire
        #: When each key expires, in the loop's time.
        self._due: dict[str, float] = {}
        #: The same, the next first, with what was set before and no longer holds.
        self._order: list[tuple[float, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def set(self, key: str, ttl_s: float | None) -> None:
        """Expire `key` after `ttl_s`, whatever was set before; None: never."""
        if ttl_s is None:
            self._due.pop(key, None)
            return
        self._loop = asyncio.get_running_loop()
        due = self._due[key] = self._loop.time() + max(0.0, ttl_s)
        heapq.heappush(self._order, (due, key))
        self._wait()

    def remaining_s(self) -> dict[str, float]:
        """What is left for each key. Needs no running loop."""
        now = self._loop.time() if self._loop else 0.0
        return {key: due - now for key, due in self._due.items()}

    def clear(self) -> None:
        self._due.clear()
        self._order.clear()
        self._stop()

    def _wait(self) -> None:
        """Let the timer be that of the first key."""
        assert self._loop is not None
        if not self._order:
            return
        first = self._order[0][0]
        if self._timer is not None:
            if self._timer.when() <= first:
                return
            self._stop()
        with routine():
            self._timer = self._loop.call_at(first, self._fire)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        assert self._loop is not None
        self._timer = None
        now = self._loop.time()
        while self._order and self._order[0][0] <= now:
            due, key = heapq.heappop(self._order)
            if self._due.get(key) == due:
                del self._due[key]
                self._expire(key)
        self._wait()
