"""The store of a simulated cluster: in memory, on a disk that can be full or slow."""

from __future__ import annotations

import asyncio

from navarch.store.contract import Entry, StoreReadOnly
from navarch.store.memory import MemoryStore


class SimStore(MemoryStore):
    """A MemoryStore that refuses writes while `full` is set, as one on a full disk does, and takes `latency_s`
    for each: what was read before may then be out of date when it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.latency_s = 0.0

    async def put(self, key: str, document: bytes, expected: int, ttl_s: float | None = None) -> Entry:
        await self._reach_disk()
        return await super().put(key, document, expected, ttl_s)

    async def delete(self, key: str, expected: int) -> Entry:
        await self._reach_disk()
        return await super().delete(key, expected)

    async def _reach_disk(self) -> None:
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        if self.full:
            raise StoreReadOnly("the disk is full: writes are refused until there is room again")
