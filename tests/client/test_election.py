from __future__ import annotations

import asyncio

import pytest

from navarch.api.views.coordination import Lease, LeaseSpec
from navarch.base.resource import ObjectKey
from navarch.client.election import LEASES, Decision, Election, LeadershipLost, Observed, Timing, decide
from tests.fakes.api import FakeApi
from tests.fakes.seeded import seeded
from tests.fakes.virtual import run

KEY = ObjectKey("kube-system", "kube-controller-manager")


def held_by(holder: str) -> Lease:
    return Lease(spec=LeaseSpec(holderIdentity=holder, leaseDurationSeconds=15))


@pytest.mark.parametrize(
    ("lease", "seen_at", "now", "expected"),
    [
        (None, 0, 0, Decision.CREATE),
        (held_by("me"), 0, 100, Decision.RENEW),
        (held_by("other"), 90, 100, Decision.WAIT),
        (held_by("other"), 85, 100, Decision.WAIT),
        (held_by("other"), 84, 100, Decision.TAKE),
        (held_by(""), 100, 100, Decision.TAKE),
    ],
)
def test_decide(lease: Lease | None, seen_at: float, now: float, expected: Decision) -> None:
    assert decide(Observed(lease, seen_at), "me", now, Timing()) is expected


def test_one_that_ends_gives_the_lease_back_and_the_next_need_not_wait() -> None:
    async def main() -> float:
        api = FakeApi(seeded(3))
        began: dict[str, float] = {}
        loop = asyncio.get_running_loop()

        async def candidate(name: str) -> None:
            async def work() -> None:
                began[name] = loop.time()
                await asyncio.sleep(10_000)

            await Election(api, seeded(ord(name)), KEY, name).lead(work)

        first = asyncio.create_task(candidate("a"))
        await asyncio.sleep(5)
        second = asyncio.create_task(candidate("b"))
        await asyncio.sleep(20)
        first.cancel()
        await asyncio.wait([first])
        ended = loop.time()
        lease = api.tree(LEASES, KEY.name, KEY.namespace)
        assert lease is not None and "holderIdentity" not in lease["spec"]
        await asyncio.sleep(5)
        second.cancel()
        return began["b"] - ended

    assert 0 <= run(main()) < Timing().retry_s * 1.2


def test_never_two_leaders_and_a_dead_one_is_followed() -> None:
    async def main() -> list[str]:
        api = FakeApi(seeded(3))
        leading: set[str] = set()
        history: list[str] = []

        async def candidate(name: str) -> None:
            async def work() -> None:
                assert not leading
                leading.add(name)
                history.append(name)
                try:
                    await asyncio.sleep(10_000)
                finally:
                    leading.discard(name)

            await Election(api, seeded(ord(name)), KEY, name).lead(work)

        tasks = {n: asyncio.create_task(candidate(n)) for n in "ab"}
        await asyncio.sleep(60)
        tasks[history[0]].cancel()
        await asyncio.sleep(60)
        for task in tasks.values():
            task.cancel()
        lease = api.tree(LEASES, KEY.name, KEY.namespace)
        assert lease is not None
        assert lease["spec"]["leaseTransitions"] == 1
        return history

    assert sorted(run(main())) == ["a", "b"]


def test_stops_leading_when_the_server_is_gone() -> None:
    async def main() -> None:
        api = FakeApi(seeded(3))

        async def work() -> None:
            api.down = True
            await asyncio.sleep(14)
            raise AssertionError("still leading when another may have taken the lease")

        with pytest.raises(LeadershipLost):
            await Election(api, seeded(1), KEY, "a").lead(work)

    run(main())
