"""The store that forgets: for tests, simulations and clusters that need not outlive their process.

The log is the index itself. It runs on any event loop, on the simulated one in virtual time, and
forks in a fraction of a millisecond per thousand objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from navarch.store.contract import Entry
from navarch.store.expiry import Expiries
from navarch.store.index import LogIndex
from navarch.store.writes import check_deletable, check_revision, check_size, tombstone, written


class MemoryStore:
    """`store.contract.Store` in memory."""

    def __init__(self) -> None:
        self.index = LogIndex()
        self._expiries = Expiries(self._expire)
        self._inherited_ttl_s: Mapping[str, float] = {}

    async def start(self) -> None:
        for key, ttl_s in self._inherited_ttl_s.items():
            self._expiries.set(key, ttl_s)
        self._inherited_ttl_s = {}

    async def close(self) -> None:
        self._expiries.clear()

    async def put(self, key: str, document: bytes, expected: int, ttl_s: float | None = None) -> Entry:
        check_size(key, document)
        current = self.index.get(key)
        check_revision(key, current, expected)
        entry = written(key, document, self.index.revision + 1, current)
        self._expiries.set(key, ttl_s)
        self.index.publish([(entry, False)])
        return entry

    async def delete(self, key: str, expected: int) -> Entry:
        return self._remove(check_deletable(key, self.index.get(key), expected))

    async def sync(self) -> int:
        return self.index.revision

    async def compact(self, revision: int) -> None:
        self.index.forget(revision)

    def fork(self) -> Self:
        """A store with the same contents, history and revision that goes its own way from here on.

        Every Entry is shared, watchers are not. Keys with a ttl expire after what was left of it,
        counted from the fork's `start`.
        """
        twin = type(self)()
        twin.index = self.index.fork()
        twin._inherited_ttl_s = self._inherited_ttl_s or self._expiries.remaining_s()
        return twin

    def _expire(self, key: str) -> None:
        current = self.index.get(key)
        assert current is not None, key
        self._remove(current)

    def _remove(self, current: Entry) -> Entry:
        self._expiries.set(current.key, None)
        entry = tombstone(current, self.index.revision + 1)
        self.index.publish([(entry, True)])
        return entry
