"""Events on their way to another server, on the simulated loop."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator

import pytest

from navarch.seams.sim import SimLoop, sim_seams
from navarch.server.audit.webhook import AuditWebhook, BatchLimits


class Server:
    """Answers with what `answers` says, then with 200; keeps what it was told, and when."""

    def __init__(self, *answers: int | OSError) -> None:
        self.told: list[tuple[float, list[int]]] = []
        self._answers: Iterator[int | OSError] = iter(answers)

    async def post(self, body: bytes) -> int:
        tree = json.loads(body)
        assert (tree["kind"], tree["apiVersion"]) == ("EventList", "audit.k8s.io/v1")
        now = asyncio.get_running_loop().time()
        self.told.append((now, [event["auditID"] for event in tree["items"]]))
        assert all("kind" not in event for event in tree["items"])
        answer = next(self._answers, 200)
        if isinstance(answer, OSError):
            raise answer
        return answer


Scene = Callable[[AuditWebhook], Awaitable[None]]


def play(server: Server, scene: Scene, **limits: float) -> AuditWebhook:
    """Run a scene beside the webhook, and give it 1000 seconds more."""
    loop = SimLoop()
    asyncio.set_event_loop(loop)
    webhook = AuditWebhook(server.post, sim_seams(1).rng, BatchLimits(**limits))  # type: ignore[arg-type]

    async def main() -> None:
        task = loop.create_task(webhook.run())
        await scene(webhook)
        await asyncio.sleep(1000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    loop.run_until_complete(main())
    loop.close()
    return webhook


def events(webhook: AuditWebhook, *ids: int) -> None:
    for number in ids:
        webhook.enqueue({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": number})


def test_events_go_together() -> None:
    async def scene(webhook: AuditWebhook) -> None:
        events(webhook, *range(7))
        await asyncio.sleep(1)
        events(webhook, 7)

    server = Server()
    play(server, scene, max_size=3)
    assert [told for _, told in server.told] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    times = [time for time, _ in server.told]
    # Full lists go at once, the others when the first of them has waited long enough.
    assert times[1] - times[0] < 1 and 29 < times[2] - times[0] < 31


def test_what_fails_for_the_moment_is_sent_again_later_each_time() -> None:
    async def scene(webhook: AuditWebhook) -> None:
        events(webhook, 1)

    server = Server(500, OSError("refused"), 429)
    webhook = play(server, scene, max_size=1, initial_backoff_s=10)
    assert [told for _, told in server.told] == [[1]] * 4
    times = [time for time, _ in server.told]
    waits = [after - before for before, after in itertools.pairwise(times)]
    assert 10 <= waits[0] <= 12 and 15 <= waits[1] <= 18 and 22.5 <= waits[2] <= 27
    assert webhook.dropped == 0


def test_after_five_tries_or_a_refusal_events_are_dropped() -> None:
    async def scene(webhook: AuditWebhook) -> None:
        events(webhook, 1)
        await asyncio.sleep(500)
        events(webhook, 2)

    server = Server(503, 503, 503, 503, 503, 403)
    webhook = play(server, scene, max_size=1)
    assert [told for _, told in server.told] == [[1]] * 5 + [[2]]
    assert webhook.dropped == 2


def test_a_full_buffer_keeps_nobody_waiting() -> None:
    async def scene(webhook: AuditWebhook) -> None:
        events(webhook, *range(9))

    server = Server()
    webhook = play(server, scene, buffer_size=5)
    assert [told for _, told in server.told] == [[0, 1, 2, 3, 4]]
    assert webhook.dropped == 4


def test_requests_are_bounded_in_number() -> None:
    async def scene(webhook: AuditWebhook) -> None:
        events(webhook, *range(8))

    server = Server()
    play(server, scene, max_size=1, throttle_qps=2, throttle_burst=3)
    times = [time for time, _ in server.told]
    assert times[2] - times[0] < 0.1
    assert [round(time - times[0], 1) for time in times[3:]] == [0.5, 1.0, 1.5, 2.0, 2.5]


def test_what_waits_at_the_end_is_sent() -> None:
    async def scene(webhook: AuditWebhook) -> None:
        await asyncio.sleep(990)
        asyncio.get_running_loop().call_later(999, events, webhook, 1)

    server = Server()
    play(server, scene)
    assert [told for _, told in server.told] == [[1]]
