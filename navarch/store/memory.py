"""The store that forgets: for tests, simulations and clusters that need not outlive their process.

The log is the index itself. It runs on any event loop, on the simulated one in virtual time, and
forks in a fraction of a millisecond per thousand objects.
"""

from __future__ import annotations

import asyncio

from navarch.store.contract import Entry
from navarch.store.index import LogIndex
from navarch.store.writes import check_deletable, check_revision, check_size, tombstone, written


class MemoryStore:
    """`store.contract.Store` in memory."""

    def __init__(self) -> None:
        self.index = LogIndex()
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._remaining_s: dict[str, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        for key, ttl_s in self._remaining_s.items():
            self._expire_after(key, ttl_s)
        self._remaining_s.clear()

    async def close(self) -> None:
        for handle in self._expiries.values():
            handle.cancel()
        self._expiries.clear()

    async def put(self, key: str, document: bytes, expected: int, ttl_s: float | None = None) -> Entry:
        check_size(key, document)
        current = self.index.get(key)
        check_revision(key, current, expected)
        entry = written(key, document, self.index.revision + 1, current)
        self._forget_expiry(key)
        if ttl_s is not None:
            self._expire_after(key, ttl_s)
        self.index.publish([(entry, False)])
        return entry

    async def delete(self, key: str, expected: int) -> Entry:
        return self._remove(check_deletable(key, self.index.get(key), expected))

    async def sync(self) -> int:
        return self.index.revision

    async def compact(self, revision: int) -> None:
        self.index.forget(revision)

    def fork(self) -> MemoryStore:
        """A store with the same contents, history and revision that goes its own way from here on.

        Every Entry is shared, watchers are not. Keys with a ttl expire after what was left of it,
        counted from the fork's `start`.
        """
        twin = MemoryStore()
        twin.index = self.index.fork()
        twin._remaining_s = dict(self._remaining_s)
        if self._loop is not None:
            now = self._loop.time()
            twin._remaining_s.update((key, handle.when() - now) for key, handle in self._expiries.items())
        return twin

    def _remove(self, current: Entry) -> Entry:
        self._forget_expiry(current.key)
        entry = tombstone(current, self.index.revision + 1)
        self.index.publish([(entry, True)])
        return entry

    def _expire_after(self, key: str, ttl_s: float) -> None:
        assert self._loop is not None, "start() comes first"
        self._expiries[key] = self._loop.call_later(max(0.0, ttl_s), self._expire, key)

    def _expire(self, key: str) -> None:
        current = self.index.get(key)
        assert current is not None, key
        self._remove(current)

    def _forget_expiry(self, key: str) -> None:
        handle = self._expiries.pop(key, None)
        if handle is not None:
            handle.cancel()
