from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from navarch.proxy.config import ProxyConfig
from navarch.proxy.health import HealthAnswers
from navarch.proxy.nft import Transaction
from navarch.proxy.rules import Backend
from navarch.proxy.run import ENDPOINTSLICES, SERVICES, Proxy
from navarch.proxy.tables import ApplyError, Tables
from navarch.proxy.trace import Packet, shares, verdict
from navarch.schema.types import Tree
from navarch.seams.sim import sim_seams
from tests.fakes.api import FakeApi
from tests.fakes.seeded import seeded
from tests.fakes.virtual import run

PACKET = Packet("10.96.0.9", 80)


def service_tree(**spec: Any) -> Tree:
    base = {"type": "ClusterIP", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {**base, **spec}}


def slice_tree(*ips: str) -> Tree:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ip], "nodeName": "n1", "conditions": {"ready": True}} for ip in ips],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    }


class Flaky(Tables):
    """Refuses the next `refusals` transactions."""

    refusals = 0
    seen: list[Transaction]

    def __init__(self) -> None:
        super().__init__()
        self.seen = []

    async def apply(self, transaction: Transaction) -> None:
        self.seen.append(transaction)
        if self.refusals:
            self.refusals -= 1
            raise ApplyError("refused")
        await super().apply(transaction)


class Setting:
    def __init__(self) -> None:
        self.seams = seeded(1)
        self.api = FakeApi(self.seams)
        self.tables = Flaky()
        self.health = HealthAnswers()
        self.proxy = Proxy(self.api, self.seams, ProxyConfig("n1"), self.tables, self.health)

    async def during(self, body: Callable[[Setting], Awaitable[None]]) -> None:
        task = asyncio.create_task(self.proxy.run())
        await self.proxy.synced.wait()
        try:
            await body(self)
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.wait([task])


def play(body: Callable[[Setting], Awaitable[None]]) -> None:
    async def main() -> None:
        await Setting().during(body)

    run(main())


def test_runs_on_the_simulated_loop() -> None:
    sim_seams().loop.run_until_complete(_once())


async def _once() -> None:
    async def body(s: Setting) -> None:
        await s.api.create(SERVICES, service_tree(), "default")
        await asyncio.sleep(0.1)
        assert verdict(s.tables, PACKET).kind == "refuse"

    await Setting().during(body)


def test_follows_services_and_slices() -> None:
    async def body(s: Setting) -> None:
        assert verdict(s.tables, PACKET).kind == "pass"
        await s.api.create(SERVICES, service_tree(), "default")
        await asyncio.sleep(0.1)
        assert verdict(s.tables, PACKET).kind == "refuse"
        await s.api.create(ENDPOINTSLICES, slice_tree("10.1.0.1", "10.1.0.2"), "default")
        await asyncio.sleep(0.1)
        assert shares(s.tables, PACKET) == [Backend("10.1.0.1", 8080), Backend("10.1.0.2", 8080)]
        await s.api.delete(ENDPOINTSLICES, "web-1", "default")
        await s.api.delete(SERVICES, "web", "default")
        await asyncio.sleep(0.1)
        assert s.tables.elements == {}

    play(body)


def test_a_burst_of_changes_is_one_transaction() -> None:
    async def body(s: Setting) -> None:
        before = s.tables.commits
        await s.api.create(SERVICES, service_tree(), "default")
        await s.api.create(ENDPOINTSLICES, slice_tree("10.1.0.1"), "default")
        for n in range(2, 30):
            await s.api.update(ENDPOINTSLICES, {**slice_tree(*(f"10.1.0.{i}" for i in range(n))), **_namespaced()})
        await asyncio.sleep(0.1)
        assert s.tables.commits == before + 1
        assert len(shares(s.tables, PACKET)) == 29

    play(body)


def _namespaced() -> Tree:
    metadata = {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}}
    return {"metadata": metadata}


def test_a_refused_transaction_is_followed_by_a_full_one() -> None:
    async def body(s: Setting) -> None:
        s.tables.refusals = 2
        await s.api.create(SERVICES, service_tree(), "default")
        await asyncio.sleep(5)
        assert [t.full for t in s.tables.seen] == [True, False, True, True]
        assert verdict(s.tables, PACKET).kind == "refuse"

    play(body)


def test_tables_that_vanish_are_written_anew() -> None:
    async def body(s: Setting) -> None:
        await s.api.create(SERVICES, service_tree(), "default")
        await asyncio.sleep(1)
        await s.tables.close(remove=True)
        assert verdict(s.tables, PACKET).kind == "pass"
        await asyncio.sleep(s.proxy.config.check_interval_s + 1)
        assert verdict(s.tables, PACKET).kind == "refuse"

    play(body)


def test_health_check_answers_with_the_local_endpoints() -> None:
    async def body(s: Setting) -> None:
        spec = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000}
        await s.api.create(SERVICES, service_tree(**spec), "default")
        await asyncio.sleep(1)
        assert s.health.answer(32000).status == 503
        await s.api.create(ENDPOINTSLICES, slice_tree("10.1.0.1"), "default")
        await asyncio.sleep(1)
        answer = s.health.answer(32000)
        assert answer.status == 200
        assert b'"localEndpoints":1' in answer.body
        await s.api.delete(SERVICES, "web", "default")
        await asyncio.sleep(1)
        assert s.health.checks == {}

    play(body)


def test_rules_stay_when_the_proxy_ends() -> None:
    async def main() -> None:
        setting = Setting()

        async def body(s: Setting) -> None:
            await s.api.create(SERVICES, service_tree(), "default")
            await asyncio.sleep(1)

        await setting.during(body)
        assert verdict(setting.tables, PACKET).kind == "refuse"

    run(main())
