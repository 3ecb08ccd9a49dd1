"""The store of a simulated cluster: in memory, on a disk that can be full."""

from __future__ import annotations

from navarch.store.contract import Entry, StoreReadOnly
from navarch.store.memory import MemoryStore


class SimStore(MemoryStore):
    """A MemoryStore that refuses writes while `full` is set, as one on a full disk does."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False

    async def put(self, key: str, document: bytes, expected: int, ttl_s: float | None = None) -> Entry:
        self._check_room()
        return await super().put(key, document, expected, ttl_s)

    async def delete(self, key: str, expected: int) -> Entry:
        self._check_room()
        return await super().delete(key, expected)

    def _check_room(self) -> None:
        if self.full:
            raise StoreReadOnly("the disk is full: writes are refused until there is room again")
