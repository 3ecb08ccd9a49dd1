"""The simulated loop runs asyncio's own tools in virtual time, in one order, and hides no failure."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from navarch.seams.sim import SWEEP_AT, SimClock, SimLoop, SimRng, Stalled, sim_seams

DAY = 86_400.0


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    loop = SimLoop()
    yield loop
    loop.close()


def test_sleeping_a_month_takes_no_time(loop: SimLoop) -> None:
    async def nap() -> float:
        await asyncio.sleep(30 * DAY)
        return asyncio.get_running_loop().time()

    assert loop.run_until_complete(nap()) == 30 * DAY


def test_idle_leaves_timers_pending(loop: SimLoop) -> None:
    seen: list[str] = []
    loop.call_later(5, seen.append, "late")
    loop.call_soon(loop.call_soon, seen.append, "soon")
    loop.run_until_idle()
    assert seen == ["soon"]
    assert (loop.time(), loop.next_timer()) == (0.0, 5.0)


def test_advance_runs_what_is_due_at_its_own_time(loop: SimLoop) -> None:
    seen: list[tuple[float, str]] = []

    def note(what: str) -> None:
        seen.append((loop.time(), what))

    def again() -> None:
        note("again")
        loop.call_later(1, again)

    loop.call_at(2.5, note, "middle")
    loop.call_at(4.0, note, "later")
    loop.call_later(1, again)
    loop.advance(3.5)
    assert seen == [(1.0, "again"), (2.0, "again"), (2.5, "middle"), (3.0, "again")]
    assert (loop.time(), loop.next_timer()) == (3.5, 4.0)


def test_timers_of_one_instant_run_in_the_order_they_were_set(loop: SimLoop) -> None:
    seen: list[int] = []
    for n in range(50):
        loop.call_at(1.0, seen.append, n)
    loop.advance(1)
    assert seen == list(range(50))


def test_cancelled_timers_and_callbacks_do_not_run(loop: SimLoop) -> None:
    seen: list[str] = []
    loop.call_soon(seen.append, "soon").cancel()
    timers = [loop.call_later(n, seen.append, "late") for n in range(1, 2 * SWEEP_AT)]
    for timer in timers:
        timer.cancel()
    loop.call_later(1, seen.append, "kept")
    assert loop.next_timer() == 1.0
    loop.advance(5 * SWEEP_AT)
    assert seen == ["kept"]
    assert loop.next_timer() is None


def test_asyncio_tools_work(loop: SimLoop) -> None:
    async def numbers() -> AsyncIterator[int]:
        for n in range(3):
            await asyncio.sleep(1)
            yield n

    async def main() -> list[object]:
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        done = asyncio.Event()
        taken: list[object] = []

        async def produce() -> None:
            async for n in numbers():
                await queue.put(n)
            done.set()

        async def consume() -> None:
            while True:
                taken.append(await queue.get())

        async with asyncio.TaskGroup() as group:
            group.create_task(produce(), name="producer")
            consumer = group.create_task(consume())
            await done.wait()
            await asyncio.sleep(0)
            consumer.cancel()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await asyncio.Event().wait()
        taken.append(asyncio.get_running_loop().time())
        taken += await asyncio.gather(asyncio.sleep(2, "two"), asyncio.wait_for(asyncio.sleep(1, "one"), 5))
        return taken

    assert loop.run_until_complete(main()) == [0, 1, 2, 10.0, "two", "one"]


def test_the_runner_of_asyncio_takes_it() -> None:
    with asyncio.Runner(loop_factory=SimLoop) as runner:
        runner.run(asyncio.sleep(DAY))
        assert runner.get_loop().time() == DAY


def test_a_failing_callback_surfaces(loop: SimLoop) -> None:
    loop.call_soon(lambda: {}["absent"])
    with pytest.raises(KeyError, match="absent"):
        loop.run_until_idle()
    loop.run_until_idle()


async def fail(after_s: float) -> None:
    await asyncio.sleep(after_s)
    raise LookupError(f"after {after_s}")


def test_a_failing_task_surfaces_even_while_it_is_held(loop: SimLoop) -> None:
    task = loop.create_task(fail(3))
    loop.advance(2)
    with pytest.raises(LookupError, match="after 3"):
        loop.advance(2)
    assert task.done()


def test_several_failures_surface_together(loop: SimLoop) -> None:
    tasks = [loop.create_task(fail(0)), loop.create_task(fail(0))]
    with pytest.raises(ExceptionGroup) as caught:
        loop.run_until_idle()
    assert len(caught.value.exceptions) == len(tasks)


def test_a_failure_that_somebody_handles_does_not_surface(loop: SimLoop) -> None:
    async def parent() -> str:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(1))
                group.create_task(asyncio.sleep(100))
        except* LookupError:
            outcome = "handled"
        else:
            outcome = "nothing happened"
        return outcome

    task = loop.create_task(parent())
    loop.advance(5)
    assert task.result() == "handled"


def test_a_background_failure_ends_the_wait_for_something_else(loop: SimLoop) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(fail(1))
        await asyncio.sleep(10)
        del task

    with pytest.raises(LookupError):
        loop.run_until_complete(main())


def test_waiting_for_what_cannot_happen_is_an_error(loop: SimLoop) -> None:
    with pytest.raises(Stalled):
        loop.run_until_complete(loop.create_future())


def test_result_and_exception_of_the_awaited_come_back(loop: SimLoop) -> None:
    with pytest.raises(LookupError):
        loop.run_until_complete(fail(1))
    loop.run_until_idle()
    assert loop.run_until_complete(asyncio.sleep(1, "value")) == "value"


def test_stop_ends_run_forever(loop: SimLoop) -> None:
    loop.call_later(4, loop.stop)
    loop.call_later(5, lambda: pytest.fail("ran past the stop"))
    loop.run_forever()
    assert loop.time() == 4.0


def test_there_are_no_threads(loop: SimLoop) -> None:
    with pytest.raises(NotImplementedError, match="no threads"):
        loop.run_until_complete(asyncio.to_thread(print))


async def test_it_runs_inside_another_loop() -> None:
    outer = asyncio.get_running_loop()
    inner = SimLoop()
    assert inner.run_until_complete(asyncio.sleep(DAY, "done")) == "done"
    inner.close()
    assert asyncio.get_running_loop() is outer
    await asyncio.sleep(0)


def test_the_clock_moves_with_the_loop_and_can_jump(loop: SimLoop) -> None:
    loop.advance(7)
    clock = SimClock(loop, epoch=1_000.0)
    fired: list[float] = []
    loop.call_later(10, lambda: fired.append(clock.now()))
    loop.advance(5)
    assert clock.now() == 1_005.0
    clock.jump(-600)
    assert clock.now() == 405.0
    loop.advance(5)
    assert fired == [410.0]


def test_chance_repeats_with_its_seed() -> None:
    def draw(rng: SimRng) -> list[object]:
        return [rng.uuid(), rng.suffix(5), rng.uniform(1, 2), rng.below(10), rng.token(4)]

    assert draw(SimRng(3)) == draw(SimRng(3)) != draw(SimRng(4))
    parsed = uuid.UUID(SimRng(3).uuid())
    assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


def test_sim_seams_belong_together() -> None:
    seams = sim_seams(seed=1, epoch=50.0)
    seams.loop.advance(10)
    assert seams.clock.now() == 60.0
    seams.loop.close()
