"""How each store implementation is made for the contract suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from navarch.seams.real import RealClock
from navarch.store.contract import Store
from navarch.store.lmdb import LmdbStore
from navarch.store.memory import MemoryStore

Opened = Callable[[Path], AbstractAsyncContextManager[Store]]


@asynccontextmanager
async def opened_memory(_: Path) -> AsyncIterator[Store]:
    store = MemoryStore()
    await store.start()
    yield store
    await store.close()


@asynccontextmanager
async def opened_lmdb(directory: Path) -> AsyncIterator[Store]:
    store = LmdbStore(directory / "store", RealClock())
    await store.start()
    yield store
    await store.close()


IMPLEMENTATIONS: dict[str, Opened] = {"memory": opened_memory, "lmdb": opened_lmdb}
