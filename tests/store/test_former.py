"""Directories of the version before, an LMDB database."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import lmdb
import pytest

from navarch.seams.real import RealClock
from navarch.store.contract import StoreUnusable
from navarch.store.durable import GROUP_LIMIT, DurableStore

DOCUMENT = b'{"metadata":{"resourceVersion":"%d"}}'


def database(directory: Path, count: int, revision: int) -> None:
    """`count` pods as format 1 has them, the n-th created at 1 + n and changed at 1,001 + n; the last one expires."""
    with lmdb.open(str(directory), lock=False, map_size=1 << 26) as environment, environment.begin(write=True) as write:
        write.put(bytes(8), struct.pack(">8sIQ", b"navarch\0", 1, revision))
        for n in range(count):
            key = b"pods/a/%d" % n
            expires_at = 4e9 if n == count - 1 else 0.0
            record = struct.pack(">QdH", 1_001 + n, expires_at, len(key)) + key + DOCUMENT % (1_001 + n)
            write.put(struct.pack(">Q", 1 + n), record)


@pytest.mark.parametrize("count", [0, 1, 2 * GROUP_LIMIT + 3])
async def test_it_is_carried_over_once(tmp_path: Path, count: int) -> None:
    database(tmp_path, count, 5_000)
    for _ in range(2):
        store = DurableStore(tmp_path, RealClock())
        await store.start()
        found = {entry.key: (entry.value, entry.revision, entry.create_revision) for entry in store.index.entries()}
        await store.close()
        assert found == {f"pods/a/{n}": (DOCUMENT % (1_001 + n), 1_001 + n, 1 + n) for n in range(count)}
        assert store.index.revision == 5_000
        assert not (tmp_path / "data.mdb").exists()


async def test_an_expiry_goes_on(tmp_path: Path) -> None:
    database(tmp_path, 2, 5_000)
    for _ in range(2):
        store = DurableStore(tmp_path, RealClock())
        await store.start()
        assert list(store._expiries.remaining_s()) == ["pods/a/1"]
        await store.close()


async def test_what_a_crash_left_of_it_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    store = DurableStore(tmp_path / "other", RealClock())
    await store.start()
    await store.put("pods/a/half", DOCUMENT, 0)
    await store.close()
    (tmp_path / "other" / "00000001.log").rename(tmp_path / "00000001.log")
    database(tmp_path, 3, 5_000)
    store = DurableStore(tmp_path, RealClock())
    await store.start()
    assert store.index.count("pods/") == 3 and store.index.get("pods/a/half") is None
    await store.close()


async def test_something_else_is_refused(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path), lock=False) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"someone", b"else")
    for _ in range(2):
        with pytest.raises(StoreUnusable, match="not a Navarch store"):
            await DurableStore(tmp_path, RealClock()).start()


async def test_without_the_library_it_tells_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database(tmp_path, 1, 5_000)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(StoreUnusable, match="pip install lmdb, then start again"):
        await DurableStore(tmp_path, RealClock()).start()
    assert (tmp_path / "data.mdb").exists()
