"""Keys that go by themselves: at their time, once, in any number."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from navarch.seams.sim import SimLoop
from navarch.store import expiry
from navarch.store.expiry import Expiries


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    loop = SimLoop()
    yield loop
    loop.close()


def gone_by(expiries_of: list[tuple[str, float | None]], until_s: float, loop: SimLoop) -> list[tuple[str, float]]:
    """Which keys expire when, after these calls of `set` at time 0."""
    gone: list[tuple[str, float]] = []

    async def run() -> None:
        start = loop.time()
        expiries = Expiries(lambda key: gone.append((key, round(loop.time() - start, 6))))
        for key, ttl_s in expiries_of:
            expiries.set(key, ttl_s)
        await asyncio.sleep(until_s)
        expiries.clear()

    loop.run_until_complete(run())
    return gone


def test_each_goes_at_its_time_whatever_the_order(loop: SimLoop) -> None:
    assert gone_by([("b", 20), ("a", 10), ("c", 30)], 25, loop) == [("a", 10), ("b", 20)]


def test_the_last_time_set_counts(loop: SimLoop) -> None:
    calls: list[tuple[str, float | None]] = [("a", 10), ("b", 10), ("c", 10), ("a", 40), ("b", 5), ("c", None)]
    assert gone_by(calls, 60, loop) == [("b", 5), ("a", 40)]


def test_what_is_long_due_goes_at_once(loop: SimLoop) -> None:
    assert gone_by([("a", -3)], 1, loop) == [("a", 0)]


def test_a_key_set_again_and_again_takes_one_place(loop: SimLoop) -> None:
    calls: list[tuple[str, float | None]] = [("a", 10 + n / 1000) for n in range(3 * expiry.SLACK)]
    assert gone_by(calls, 60, loop) == [("a", 10 + (3 * expiry.SLACK - 1) / 1000)]


def test_an_expiry_may_set_others(loop: SimLoop) -> None:
    gone: list[str] = []

    async def run() -> None:
        def expire(key: str) -> None:
            gone.append(key)
            if key == "a":
                expiries.set("late", 5)
                expiries.set("b", None)

        expiries = Expiries(expire)
        expiries.set("a", 10)
        expiries.set("b", 12)
        await asyncio.sleep(13)
        assert expiries.remaining_s() == {"late": 2}
        await asyncio.sleep(3)

    loop.run_until_complete(run())
    assert gone == ["a", "late"]


def test_what_is_left_can_be_asked() -> None:
    assert Expiries(lambda _: None).remaining_s() == {}
