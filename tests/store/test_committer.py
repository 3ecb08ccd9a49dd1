"""The thread that waits for the disk: every call is told once, whoever waits for it, and a slow one holds up nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from navarch.store.committer import QUICK_S, Committer


@pytest.fixture
def committer() -> Iterator[Committer]:
    made = Committer()
    yield made
    made.close()


@pytest.mark.parametrize("light", [True, False])
async def test_every_call_is_told_once(committer: Committer, light: bool) -> None:
    told: list[BaseException | None] = []
    for _ in range(200):
        ended = asyncio.Event()

        def done(error: BaseException | None, ended: asyncio.Event = ended) -> None:
            told.append(error)
            ended.set()

        committer.submit(lambda: None, done, light=light)
        await ended.wait()
    assert told == [None] * 200


@pytest.mark.parametrize("light", [True, False])
async def test_what_a_call_raises_is_told(committer: Committer, light: bool) -> None:
    told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def fail() -> None:
        raise OSError("no disk")

    committer.submit(fail, told.set_result, light=light)
    assert isinstance(await told, OSError)


@pytest.mark.parametrize("light", [True, False])
async def test_the_loop_goes_on_while_a_call_takes_long(committer: Committer, light: bool) -> None:
    may_end = threading.Event()
    for _ in range(2):
        told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        may_end.clear()
        committer.submit(lambda: may_end.wait() and None, told.set_result, light=light)
        assert not told.done()
        may_end.set()
        assert await told is None


async def thread_of(committer: Committer, clock: list[float], took_s: float, *, light: bool = True) -> int:
    """The thread in which a call is made that takes so long."""
    told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    made: list[int] = []

    def work() -> None:
        made.append(threading.get_ident())
        clock[0] += took_s

    committer.submit(work, told.set_result, light=light)
    assert await told is None
    return made[0]


async def test_light_calls_are_made_on_the_loop_while_the_disk_is_quick() -> None:
    clock = [0.0]
    committer = Committer(lambda: clock[0])

    async def calls_elsewhere() -> int:
        """How many quick calls are made in the other thread before one is made here."""
        count = 0
        while await thread_of(committer, clock, QUICK_S / 2) != threading.get_ident():
            count += 1
        return count

    try:
        assert 10 < await calls_elsewhere() < 50
        assert await thread_of(committer, clock, QUICK_S, light=False) != threading.get_ident()
        assert await calls_elsewhere() == 0
        assert await thread_of(committer, clock, 0.05) == threading.get_ident()
        assert 30 < await calls_elsewhere() < 80
        for _ in range(50):
            await thread_of(committer, clock, 1.5 * QUICK_S)
        assert await thread_of(committer, clock, 1.5 * QUICK_S) != threading.get_ident()
    finally:
        committer.close()


async def test_what_a_call_on_the_loop_raises_is_told() -> None:
    clock = [0.0]
    committer = Committer(lambda: clock[0])
    told: list[BaseException | None] = []

    def fail() -> None:
        raise OSError("no disk")

    try:
        for _ in range(50):
            await thread_of(committer, clock, 0.0)
        committer.submit(fail, told.append, light=True)
        assert [type(error) for error in told] == [OSError]
    finally:
        committer.close()
