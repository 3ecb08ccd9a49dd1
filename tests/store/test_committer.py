"""The thread that waits for the disk: every call is told once, whoever waits for it, and a slow one holds up nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from navarch.store.committer import Committer


@pytest.fixture
def committer() -> Iterator[Committer]:
    made = Committer()
    yield made
    made.close()


@pytest.mark.parametrize("alone", [True, False])
async def test_every_call_is_told_once(committer: Committer, alone: bool) -> None:
    told: list[BaseException | None] = []
    for _ in range(200):
        ended = asyncio.Event()

        def done(error: BaseException | None, ended: asyncio.Event = ended) -> None:
            told.append(error)
            ended.set()

        committer.submit(lambda: None, done, alone=alone)
        await ended.wait()
    assert told == [None] * 200


@pytest.mark.parametrize("alone", [True, False])
async def test_what_a_call_raises_is_told(committer: Committer, alone: bool) -> None:
    told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def fail() -> None:
        raise OSError("no disk")

    committer.submit(fail, told.set_result, alone=alone)
    assert isinstance(await told, OSError)


@pytest.mark.parametrize("alone", [True, False])
async def test_the_loop_goes_on_while_a_call_takes_long(committer: Committer, alone: bool) -> None:
    may_end = threading.Event()
    for _ in range(2):
        told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        may_end.clear()
        committer.submit(lambda: may_end.wait() and None, told.set_result, alone=alone)
        assert not told.done()
        may_end.set()
        assert await told is None
