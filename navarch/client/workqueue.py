"""A queue of keys to be worked on: each at most once in the queue, never by two workers at a time.

Callers: the runners of controllers, kubelet and proxy. Adding never waits. A key that is added while
it is being worked on is queued again when its worker is done. Order is first in, first out.

Worked example:
    queue.add(key); queue.add(key)      # queued once
    key = await queue.get()
    queue.add(key)                      # noted
    queue.done(key)                     # now queued again

Source: the semantics of client-go's workqueue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from navarch.base.errors import NavarchError

K = TypeVar("K", bound=Hashable)

RETRY_FIRST_S = 0.005
RETRY_CAP_S = 1000.0


class QueueFull(NavarchError):
    """More distinct keys than the queue was made for."""


class WorkQueue(Generic[K]):
    """Keys waiting, keys being worked on, keys due later."""

    def __init__(
        self, *, limit: int = 1_000_000, retry_first_s: float = RETRY_FIRST_S, retry_cap_s: float = RETRY_CAP_S
    ) -> None:
        self._limit = limit
        self._retry_first_s = retry_first_s
        self._retry_cap_s = retry_cap_s
        self._ready: deque[K] = deque()
        self._dirty: set[K] = set()
        self._working: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def idle(self) -> bool:
        """Nothing is queued and nothing is being worked on; later keys may still come due."""
        return not self._ready and not self._working

    def add(self, key: K) -> None:
        """Queue `key`. Raises: QueueFull."""
        if key in self._dirty:
            return
        if len(self._dirty) >= self._limit:
            raise QueueFull(f"more than {self._limit} keys are queued")
        self._dirty.add(key)
        if key not in self._working:
            self._push(key)

    def add_after(self, key: K, delay_s: float) -> None:
        """Queue `key` in `delay_s` seconds; of several times for one key the earliest holds. Within
        `seams.contract.routine()` the wait counts as routine."""
        if delay_s <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + delay_s
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._due, key)

    def retry(self, key: K) -> float:
        """Queue `key` after its back-off, which doubles until `forget`; returns the delay."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay_s = min(self._retry_first_s * 2.0 ** min(failures, 60), self._retry_cap_s)
        self.add_after(key, delay_s)
        return delay_s

    def forget(self, key: K) -> None:
        """`key` was worked on with success: its back-off starts anew."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key; whoever gets it calls `done`."""
        while not self._ready:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
        key = self._ready.popleft()
        self._dirty.discard(key)
        self._working.add(key)
        return key

    def done(self, key: K) -> None:
        """The worker is finished with `key`."""
        self._working.discard(key)
        if key in self._dirty:
            self._push(key)

    def close(self) -> None:
        """Cancel what is due later."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _due(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    def _push(self, key: K) -> None:
        self._ready.append(key)
        self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
