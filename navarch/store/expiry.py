"""Keys that a store deletes by itself after a while: one timer each on the running event loop.

Called by the stores that keep time themselves, memory.py and lmdb.py; etcd has leases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from navarch.seams.contract import routine


class Expiries:
    """Calls `expire(key)` once, when the time last set for `key` has come."""

    def __init__(self, expire: Callable[[str], None]) -> None:
        self._expire = expire
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def set(self, key: str, ttl_s: float | None) -> None:
        """Expire `key` after `ttl_s`, whatever was set before; None: never."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if ttl_s is not None:
            self._loop = asyncio.get_running_loop()
            with routine():
                self._timers[key] = self._loop.call_later(max(0.0, ttl_s), self._fire, key)

    def remaining_s(self) -> dict[str, float]:
        """What is left for each key. Needs no running loop."""
        now = self._loop.time() if self._loop else 0.0
        return {key: timer.when() - now for key, timer in self._timers.items()}

    def clear(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _fire(self, key: str) -> None:
        del self._timers[key]
        self._expire(key)
