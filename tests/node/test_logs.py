from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.base.times import parse
from navarch.node.host.memory import MemoryHost
from navarch.node.logs import LogOptions, LogReader, read_log, tail_offset
from navarch.seams.sim import sim_seams

LOG = b"""2026-01-01T00:00:01.000000000Z stdout F one
2026-01-01T00:00:02.000000000Z stderr F two
2026-01-01T00:00:03.000000000Z stdout P thr
2026-01-01T00:00:03.000000000Z stdout F ee
"""


def shown(options: LogOptions, data: bytes = LOG) -> bytes:
    return LogReader(options).feed(data)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (LogOptions(), b"one\ntwo\nthree\n"),
        (LogOptions(stream="Stderr"), b"two\n"),
        (LogOptions(since=parse("2026-01-01T00:00:02Z")), b"two\nthree\n"),
        (LogOptions(limit_bytes=5), b"one\nt"),
        (LogOptions(timestamps=True, stream="Stderr"), b"2026-01-01T00:00:02.000000000Z two\n"),
    ],
)
def test_what_is_shown(options: LogOptions, expected: bytes) -> None:
    assert shown(options) == expected


@given(st.lists(st.integers(0, len(LOG)), max_size=5))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    reader = LogReader(LogOptions())
    edges = [0, *sorted(cuts), len(LOG)]
    out = b"".join(reader.feed(LOG[a:b]) for a, b in itertools.pairwise(edges))
    assert out == b"one\ntwo\nthree\n"


@given(st.integers(0, 60), st.integers(0, 70), st.integers(1, 3000))
def test_tail(count: int, wanted: int, width: int) -> None:
    lines = [b"%d" % i + b"x" * width + b"\n" for i in range(count)]
    host = MemoryHost()
    host.write_file("/log", b"".join(lines))
    offset = tail_offset(host, "/log", wanted)
    assert host.read_file("/log", offset) == b"".join(lines[max(count - wanted, 0) :])


def test_follow_ends_with_the_container() -> None:
    host = MemoryHost()
    host.write_file("/log", LOG)
    alive = [True]
    seams = sim_seams()

    async def follow() -> bytes:
        loop = asyncio.get_running_loop()
        loop.call_later(5, host.append, "/log", b"2026-01-01T00:00:09.000000000Z stdout F last\n")
        loop.call_later(10, alive.clear)
        return b"".join([p async for p in read_log(host, "/log", LogOptions(follow=True, tail=1), lambda: bool(alive))])

    assert seams.loop.run_until_complete(follow()) == b"ee\nlast\n"
    seams.loop.close()


def test_follow_goes_on_across_a_rotation() -> None:
    host = MemoryHost()
    host.write_file("/logs/0.log", LOG)
    alive = [True]
    seen: list[bytes] = []

    async def follow() -> None:
        async for piece in read_log(host, "/logs/0.log", LogOptions(follow=True), lambda: alive[0]):
            seen.append(piece)

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(follow())
        await asyncio.sleep(1)
        host.append("/logs/0.log", b"2026-01-01T00:00:04.000000000Z stdout F last of the old\n")
        host.rename("/logs/0.log", "/logs/0.log.20260101-000004")
        await asyncio.sleep(1)
        host.append("/logs/0.log", b"2026-01-01T00:00:05.000000000Z stdout F first of the new\n")
        await asyncio.sleep(1)
        alive[0] = False
        await task

    seams = sim_seams(1)
    seams.loop.run_until_complete(main())
    seams.loop.close()
    assert b"".join(seen) == b"one\ntwo\nthree\nlast of the old\nfirst of the new\n"
