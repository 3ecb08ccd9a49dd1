"""What only the durable store must do: outlive its process, a full disk, and a second opener."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from navarch.seams.real import RealClock
from navarch.store.contract import MAX_DOCUMENT_BYTES, Compacted, StoreReadOnly, StoreUnusable
from navarch.store.durable import GROUP_LIMIT, DurableStore

DOCUMENT = b'{"metadata":{"resourceVersion":""}}'
MIB = 1024 * 1024


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[DurableStore]:
    store = DurableStore(directory, RealClock())
    await store.start()
    try:
        yield store
    finally:
        await store.close()


async def test_a_restart_finds_everything(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        first = await store.put("pods/a/x", DOCUMENT, 0)
        second = await store.put("pods/a/x", DOCUMENT, first.revision)
        gone = await store.put("nodes/n", DOCUMENT, 0)
        last = await store.delete("nodes/n", gone.revision)
    async with opened(tmp_path) as store:
        found = store.index.get("pods/a/x")
        assert found is not None
        assert (found.value, found.revision, found.create_revision) == (second.value, second.revision, first.revision)
        assert store.index.count("nodes/") == 0
        assert store.index.revision == store.index.compacted == last.revision
        with pytest.raises(Compacted):
            store.index.watch("pods", last.revision - 1, lambda events: None)
        assert (await store.put("nodes/n", DOCUMENT, 0)).revision == last.revision + 1


@pytest.mark.parametrize("size", [0, 1, 65_536, MAX_DOCUMENT_BYTES - len(DOCUMENT)])
async def test_documents_of_any_size(tmp_path: Path, size: int) -> None:
    key = f"{'p' * 253}.{'g' * 253}/{'n' * 63}/{'x' * 253}"
    async with opened(tmp_path) as store:
        written = [await store.put(f"{key}{n}", DOCUMENT + b"x" * size, 0) for n in range(3)]
    async with opened(tmp_path) as store:
        assert [entry.value for entry in store.index.range(key[:508])] == [entry.value for entry in written]


async def test_more_writers_than_a_group_holds(tmp_path: Path) -> None:
    count = 2 * GROUP_LIMIT + 7
    async with opened(tmp_path) as store:
        await asyncio.gather(*(store.put(f"pods/a/{n}", DOCUMENT, 0) for n in range(count)))
    async with opened(tmp_path) as store:
        assert store.index.count("pods/") == store.index.revision == count


async def test_a_ttl_outlives_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.put("events/a/soon", DOCUMENT, 0, ttl_s=0.01)
        await store.put("events/a/later", DOCUMENT, 0, ttl_s=3600)
        cleared = await store.put("events/a/kept", DOCUMENT, 0, ttl_s=0.01)
        await store.put("events/a/kept", DOCUMENT, cleared.revision)
    async with opened(tmp_path) as store:
        gone = asyncio.Event()
        store.index.watch("events", store.index.revision, lambda events: gone.set())
        if store.index.get("events/a/soon") is not None:
            async with asyncio.timeout(20):
                await gone.wait()
        assert [entry.key for entry in store.index.range("events/")] == ["events/a/kept", "events/a/later"]


async def test_a_cancelled_writer_leaves_the_store_in_order(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        writer = asyncio.ensure_future(store.put("pods/a/x", DOCUMENT, 0))
        await asyncio.sleep(0)
        writer.cancel()
        await asyncio.wait([writer])
        await store.put("pods/a/y", DOCUMENT, 0)
        assert {entry.key for entry in store.index.range("pods/")} == {"pods/a/x", "pods/a/y"}


async def test_closing_waits_for_the_writes_under_way(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        writers = [asyncio.ensure_future(store.put(f"pods/a/{n}", DOCUMENT, 0)) for n in range(3)]
        await asyncio.sleep(0)
        await store.close()
        assert len({entry.revision for entry in await asyncio.gather(*writers)}) == 3


@pytest.mark.parametrize("writers", [1, 2])
async def test_a_loop_that_is_never_idle_does_not_starve_the_writers(tmp_path: Path, writers: int) -> None:
    """Waking from the disk took up to seconds on such a loop; a hundred times that is past the limit."""

    async def spin() -> None:
        while True:
            sum(range(5_000))
            await asyncio.sleep(0)

    async with opened(tmp_path) as store, asyncio.timeout(15):
        spinning = asyncio.ensure_future(spin())
        for n in range(100):
            await asyncio.gather(*(store.put(f"pods/{writer}/{n}", DOCUMENT, 0) for writer in range(writers)))
        spinning.cancel()


WRITER = """
import asyncio, sys
from pathlib import Path
from navarch.seams.real import RealClock
from navarch.store.durable import DurableStore

async def write(store, name):
    revision = 0
    while True:
        text = b'{"metadata":{"resourceVersion":""},"data":"%s"}' % (b"x" * 3000)
        entry = await store.put(f"pods/a/{name}", text, revision)
        revision = entry.revision
        sys.stdout.write(f"{name} {revision}\\n")
        sys.stdout.flush()

async def main():
    store = DurableStore(Path(sys.argv[1]), RealClock())
    await store.start()
    await asyncio.gather(*(write(store, n) for n in range(8)))

asyncio.run(main())
"""


def killed_writer(directory: Path, lines_before_kill: int) -> dict[int, int]:
    """Names and revisions that a process had been promised when it was killed."""
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(lines_before_kill)]
    child.send_signal(signal.SIGKILL)
    lines += child.stdout.read().splitlines(keepends=True)
    child.stdout.close()
    child.wait()
    return {int(name): int(revision) for name, revision in (line.split() for line in lines if line.endswith("\n"))}


@pytest.mark.parametrize("lines_before_kill", [1, 50, 8_000])
async def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path, lines_before_kill: int) -> None:
    """The most of them are enough for the first segments to be gone."""
    acknowledged = killed_writer(tmp_path, lines_before_kill)
    assert acknowledged
    async with opened(tmp_path) as store:
        for name, revision in acknowledged.items():
            found = store.index.get(f"pods/a/{name}")
            assert found is not None and found.revision >= revision
            assert b'"resourceVersion":"%d"' % found.revision in found.value
        await store.put("pods/a/after", DOCUMENT, 0)
    assert (tmp_path / "00000001.log").exists() == (lines_before_kill < 8_000)


async def test_a_second_opener_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(StoreUnusable, match=f"in use by process {os.getpid()}"):
            await DurableStore(tmp_path, RealClock()).start()
    async with opened(tmp_path):
        pass


async def test_a_later_format_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.put("pods/a/x", DOCUMENT, 0)
    log = tmp_path / "00000001.log"
    data = bytearray(log.read_bytes())
    data[11] = 9
    log.write_bytes(data)
    with pytest.raises(StoreUnusable, match="format 9"):
        await DurableStore(tmp_path, RealClock()).start()


async def test_damage_is_told_with_the_way_out(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        for n in range(3):
            await store.put(f"pods/a/{n}", DOCUMENT, 0)
    log = tmp_path / "00000001.log"
    data = bytearray(log.read_bytes())
    data[data.index(b"pods/a/1")] ^= 1
    log.write_bytes(data)
    with pytest.raises(StoreUnusable, match=r"is damaged at byte \d+; put back a copy") as caught:
        await DurableStore(tmp_path, RealClock()).start()
    truncate, option, length, path = str(caught.value).partition("or do without what follows: ")[2].split()
    assert (truncate, option) == ("truncate", "-s")
    os.truncate(path, int(length))
    async with opened(tmp_path) as store:
        assert store.index.revision == store.index.count("pods/") == 1


async def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(StoreUnusable, match="choose a directory"):
        await DurableStore(tmp_path / "store", RealClock()).start()


async def fill(store: DurableStore) -> int:
    """Write until the store refuses; how many documents it took."""
    text = b'{"metadata":{"resourceVersion":""},"data":"%s"}' % (b"x" * 60_000)
    for n in range(10_000):
        try:
            await store.put(f"pods/a/{n}", text, 0)
        except StoreReadOnly:
            return n
    raise AssertionError("the store never became full")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "disk"
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("NOT TESTED: a full disk needs root and the right to mount a tmpfs")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


async def test_on_a_full_disk_it_reads_and_recovers_by_itself(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(2 * MIB))
    async with opened(small_disk / "store") as store:
        count = await fill(store)
        with pytest.raises(StoreReadOnly, match="disk is full; free some space"):
            await store.put("pods/b/x", b"x" * 1_200_000, 0)
        assert store.index.count("pods/a/") == count
        ballast.unlink()
        entry = await store.put("pods/b/x", DOCUMENT, 0)
    async with opened(small_disk / "store") as store:
        found = store.index.get("pods/b/x")
        assert found is not None and found.value == entry.value
        assert store.index.count("pods/a/") == count


async def test_a_full_disk_does_not_hinder_the_start(small_disk: Path) -> None:
    async with opened(small_disk / "store") as store:
        entry = await store.put("pods/a/x", DOCUMENT, 0)
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(MIB))
            file.flush()
    async with opened(small_disk / "store") as store:
        found = store.index.get("pods/a/x")
        assert found is not None and found.value == entry.value
        with pytest.raises(StoreReadOnly, match="disk is full"):
            await store.put("pods/b/x", b"x" * 1_200_000, 0)
        ballast.unlink()
        await store.put("pods/b/x", DOCUMENT, 0)
