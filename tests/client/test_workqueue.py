from __future__ import annotations

import asyncio

import pytest

from navarch.client.workqueue import QueueFull, WorkQueue
from tests.fakes.virtual import run


def test_a_key_waits_once_and_in_order() -> None:
    async def main() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        for key in "abcab":
            queue.add(key)
        return [await queue.get() for _ in range(len(queue))]

    assert run(main()) == ["a", "b", "c"]


def test_a_key_is_never_worked_on_twice_at_a_time() -> None:
    async def main() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("a")
        assert len(queue) == 0
        assert not queue.idle
        queue.done("a")
        assert await queue.get() == "a"
        queue.done("a")
        assert queue.idle

    run(main())


def test_of_several_delays_the_earliest_holds() -> None:
    async def main() -> float:
        queue: WorkQueue[str] = WorkQueue()
        queue.add_after("a", 10)
        queue.add_after("a", 3)
        queue.add_after("a", 7)
        await queue.get()
        queue.done("a")
        queue.close()
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(3)


def test_back_off_doubles_to_the_cap_and_is_forgotten() -> None:
    async def main() -> None:
        queue: WorkQueue[str] = WorkQueue(retry_first_s=1, retry_cap_s=5)
        assert [queue.retry("a") for _ in range(5)] == [1, 2, 4, 5, 5]
        queue.forget("a")
        assert queue.retry("a") == 1
        queue.close()

    run(main())


def test_is_bounded() -> None:
    queue: WorkQueue[int] = WorkQueue(limit=2)
    queue.add(1)
    queue.add(2)
    queue.add(2)
    with pytest.raises(QueueFull):
        queue.add(3)


def test_a_cancelled_worker_passes_its_turn_on() -> None:
    async def main() -> str:
        queue: WorkQueue[str] = WorkQueue()
        first = asyncio.create_task(queue.get())
        second = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add("a")
        first.cancel()
        return await second

    assert run(main()) == "a"
