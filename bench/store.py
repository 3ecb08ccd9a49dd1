"""How fast the stores write, fork and recover: `python -m bench.store [--directory DIR]`.

Each line is a figure beside its target. The directory decides what is measured: fsync on a tmpfs
costs nothing. Documents have the size of a small Pod.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil

from navarch.seams.real import RealClock
from navarch.store.contract import Store
from navarch.store.durable import DurableStore
from navarch.store.memory import MemoryStore

DOCUMENT = b'{"metadata":{"name":"web","resourceVersion":""},"data":"%s"}' % (b"x" * 3_400)
SECONDS_PER_RUN = 2.0
FORKED_ENTRIES = 10_000
RECOVERED_ENTRIES = 150_000

#: A virtual machine gets its memory from the host when it first touches it, which can treble the first figure.
RECOVERIES = 3


def report(what: str, figure: float, unit: str, target: float, more_is_better: bool) -> None:
    reached = figure >= target if more_is_better else figure <= target
    relation = ">=" if more_is_better else "<="
    print(f"{what:<44} {figure:>12,.1f} {unit:<6} target {relation} {target:>9,.1f}  {'ok' if reached else 'MISSED'}")


async def write_for(store: Store, writers: int, seconds: float) -> int:
    """How many puts `writers` in parallel, each on its own key, get done."""
    done = 0
    end = time.perf_counter() + seconds

    async def write(key: str) -> None:
        nonlocal done
        revision = 0
        while time.perf_counter() < end:
            revision = (await store.put(key, DOCUMENT, revision)).revision
            done += 1

    async with asyncio.TaskGroup() as group:
        for n in range(writers):
            group.create_task(write(f"pods/bench-{writers}/{n}"))
    return done


async def durable_puts(directory: Path) -> None:
    store = DurableStore(directory, RealClock())
    await store.start()
    for writers, target_per_s, target_cpu_us in ((1, 1_500.0, 100.0), (32, 15_000.0, 60.0)):
        cpu, wall = time.process_time(), time.perf_counter()
        done = await write_for(store, writers, SECONDS_PER_RUN)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        report(f"durable puts, {writers} writers", done / wall, "/s", target_per_s, True)
        report(f"durable puts, {writers} writers, CPU", cpu / done * 1e6, "us/put", target_cpu_us, False)
    await store.close()


async def memory_puts_and_fork() -> None:
    store = MemoryStore()
    await store.start()
    cpu = time.process_time()
    for n in range(FORKED_ENTRIES):
        await store.put(f"pods/{n % 20}/{n}", DOCUMENT, 0)
    report("puts in memory, CPU", (time.process_time() - cpu) / FORKED_ENTRIES * 1e6, "us/put", 10.0, False)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        store.fork()
        times.append(time.perf_counter() - start)
    report(f"fork of {FORKED_ENTRIES:,} entries, median of 20", sorted(times)[10] * 1e3, "ms", 5.0, False)


async def recovery(directory: Path) -> None:
    await fill(directory)
    with ProcessPoolExecutor(
        mp_context=multiprocessing.get_context("spawn"), max_workers=1, max_tasks_per_child=1
    ) as new:
        found = [new.submit(recovered, directory).result() for _ in range(RECOVERIES)]
    seconds, memory_mb = min(found)
    report(f"recovery of {RECOVERED_ENTRIES:,} entries, best of {RECOVERIES}", seconds, "s", 1.0, False)
    report(
        "memory of a process after that (PSS)", memory_mb, "MB", 1.2 * len(DOCUMENT) * RECOVERED_ENTRIES / 1e6, False
    )


async def fill(directory: Path) -> None:
    store = DurableStore(directory, RealClock())
    await store.start()
    for first in range(0, RECOVERED_ENTRIES, 1_000):
        names = range(first, first + 1_000)
        await asyncio.gather(*(store.put(f"pods/{n % 50}/{n}", DOCUMENT, 0) for n in names))
    await store.close()


def recovered(directory: Path) -> tuple[float, float]:
    """Seconds that a start takes, and megabytes of memory after it. Runs in a process of its own, as a start does."""

    async def measure() -> tuple[float, float]:
        store = DurableStore(directory, RealClock())
        start = time.perf_counter()
        await store.start()
        seconds = time.perf_counter() - start
        assert store.index.count("pods/") == RECOVERED_ENTRIES
        memory_mb = psutil.Process().memory_full_info().pss / 1e6
        await store.close()
        return seconds, memory_mb

    return asyncio.run(measure())


async def in_new_directory(parent: Path | None, measure: Callable[[Path], Awaitable[None]]) -> None:
    directory = Path(tempfile.mkdtemp(prefix="navarch-bench-", dir=parent))
    try:
        await measure(directory / "store")
    finally:
        shutil.rmtree(directory)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--directory", type=Path, help="where to write (default: the system's temporary directory)")
    options = parser.parse_args()
    await in_new_directory(options.directory, durable_puts)
    await memory_puts_and_fork()
    await in_new_directory(options.directory, recovery)


if __name__ == "__main__":
    asyncio.run(main())
