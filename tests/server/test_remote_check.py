"""When a check asks its remote, and what it tells: in virtual time, with a remote in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest

from navarch.seams.sim import SimLoop
from navarch.server.aggregation import Finding, Offer, Remote
from navarch.server.remote_check import CHECK_S, CHECK_TIMEOUT_S, RETRY_S, SETTLE_S, RemoteCheck
from navarch.wire.messages import Request, Response

Tree = dict[str, Any]

REMOTE = Remote("v1.g", "g", "v1", "ns", "svc", 443, "", False, 100, 100)
SERVICE = {"spec": {"type": "ExternalName"}}


class World:
    """The rest of the cluster. Answers wait while `gate` is closed; `asked` tells when discovery was asked for."""

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop
        self.gate = asyncio.Event()
        self.gate.set()
        self.status = 200
        self.service: Tree | None = SERVICE
        self.asked: list[float] = []
        self.told: list[str] = []
        self.check = RemoteCheck(REMOTE, self)
        loop.call_soon(self.check.start)

    def backend(self, remote: Remote) -> tuple[Tree | None, Sequence[Tree]]:
        return self.service, ()

    async def ask(self, request: Request, remote: Remote) -> Response:
        if request.path.startswith("/apis/"):
            self.asked.append(round(self.loop.time(), 3))
        await self.gate.wait()
        return Response(self.status, orjson.dumps({"resources": [{"name": "flunders", "kind": "Flunder"}]}))

    def take(self, offer: Offer) -> None:
        self.told.append(",".join(each["resource"] for each in offer.resources))

    def lose(self, remote: Remote) -> None:
        self.told.append("lost")

    async def note(self, remote: Remote, finding: Finding) -> None:
        self.told.append(finding.reason)


@pytest.fixture
def world() -> Iterator[World]:
    loop = SimLoop()
    asyncio.set_event_loop(loop)
    world = World(loop)
    yield world
    world.check.close()
    loop.run_until_idle()
    loop.close()


def test_one_that_answers_is_asked_seldom_and_one_that_does_not_often(world: World) -> None:
    world.loop.advance(CHECK_S - 1)
    assert world.asked == [0.0]
    world.status = 500
    world.loop.advance(1 + 2 * RETRY_S)
    assert world.asked == [0.0, CHECK_S, CHECK_S + RETRY_S, CHECK_S + 2 * RETRY_S]
    assert world.told[:4] == ["flunders", "Passed", "lost", "FailedDiscoveryCheck"]


def test_a_change_is_looked_at_soon_and_once_for_many(world: World) -> None:
    world.loop.advance(5)
    for _ in range(3):
        world.check.stir()
    world.loop.advance(1)
    assert world.asked == [0.0, 5 + SETTLE_S]


def test_a_change_while_the_remote_is_asked_is_not_missed(world: World) -> None:
    world.gate.clear()
    world.loop.advance(2)
    world.check.stir()
    world.gate.set()
    world.loop.advance(1)
    assert world.asked == [0.0, 2 + SETTLE_S]


def test_who_does_not_answer_in_time_is_unavailable(world: World) -> None:
    world.gate.clear()
    world.loop.advance(CHECK_TIMEOUT_S)
    assert world.told == ["lost", "FailedDiscoveryCheck"]


def test_without_a_service_nobody_is_asked(world: World) -> None:
    world.service = None
    world.loop.advance(0)
    assert (world.asked, world.told) == ([], ["lost", "ServiceNotFound"])


def test_a_closed_check_asks_and_tells_no_more(world: World) -> None:
    world.gate.clear()
    world.loop.advance(1)
    world.check.close()
    world.gate.set()
    world.loop.advance(CHECK_S)
    assert (len(world.asked), world.told) == (1, [])
