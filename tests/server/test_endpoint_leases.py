"""The endpoints of the `kubernetes` Service are the API servers that live: two servers on one store."""

from __future__ import annotations

import asyncio

import orjson

from navarch.base.resource import Resource
from navarch.client import identities
from navarch.client.direct import direct_client
from navarch.server.app import ApiServer
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.server.endpoint_leases import LEASE_S, EndpointLeases
from navarch.store.memory import MemoryStore
from tests.fakes.seeded import seeded
from tests.fakes.virtual import run

SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True)
ENDPOINTS = Resource("", "v1", "endpoints", "Endpoints", True)
FIRST, SECOND = "10.0.0.1", "10.0.0.2"


class Site:
    """Two servers on one store, each with its lease."""

    def __init__(self, store: MemoryStore) -> None:
        self.servers = [ApiServer(store, seeded(number)) for number in range(2)]
        self.leases = [
            EndpointLeases(server, address, 6443) for server, address in zip(self.servers, (FIRST, SECOND), strict=True)
        ]

    async def listed(self) -> list[str]:
        """The addresses that slice and endpoints agree upon, at the second server."""
        client = direct_client(self.servers[1].handle_as, identities.ADMIN, "test")
        endpoint_slice = orjson.loads(await client.get(SLICES, "kubernetes", "default"))
        endpoints = orjson.loads(await client.get(ENDPOINTS, "kubernetes", "default"))
        in_slice = [address for each in endpoint_slice["endpoints"] for address in each["addresses"]]
        (subset,) = endpoints["subsets"]
        assert in_slice == [address["ip"] for address in subset["addresses"]]
        assert subset["ports"] == [{"name": "https", "port": 6443, "protocol": "TCP"}]
        return in_slice


async def begun() -> tuple[Site, list[asyncio.Task[None]]]:
    store = MemoryStore()
    await store.start()
    site = Site(store)
    for server in site.servers:
        await bootstrap(server, BootstrapConfig())
    tasks = []
    for each in site.leases:
        await each.join()
        tasks.append(asyncio.create_task(each.run()))
    return site, tasks


async def ended(site: Site, tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for server in site.servers:
        server.close()
        await server.store.close()


def test_servers_that_live_stay_listed() -> None:
    async def main() -> None:
        site, tasks = await begun()
        assert await site.listed() == [FIRST, SECOND]
        await asyncio.sleep(10 * LEASE_S)
        assert await site.listed() == [FIRST, SECOND]
        await ended(site, tasks)

    run(main())


def test_one_that_is_killed_disappears_when_its_lease_ends() -> None:
    async def main() -> None:
        site, tasks = await begun()
        await asyncio.sleep(1)
        tasks[0].cancel()
        await asyncio.sleep(1)
        assert await site.listed() == [FIRST, SECOND]
        await asyncio.sleep(LEASE_S)
        assert await site.listed() == [SECOND]
        # It comes back under its old address.
        await site.leases[0].join()
        assert await site.listed() == [FIRST, SECOND]
        await ended(site, tasks)

    run(main())


def test_one_that_ends_takes_itself_away() -> None:
    async def main() -> None:
        site, tasks = await begun()
        tasks[0].cancel()
        await site.leases[0].leave()
        assert await site.listed() == [SECOND]
        # The last one leaves its address: whoever comes next writes its own.
        tasks[1].cancel()
        await site.leases[1].leave()
        assert await site.listed() == [SECOND]
        await ended(site, tasks)

    run(main())


def test_what_somebody_else_wrote_is_put_right() -> None:
    async def main() -> None:
        site, tasks = await begun()
        client = direct_client(site.servers[1].handle_as, identities.ADMIN, "test")
        await client.delete(SLICES, "kubernetes", "default")
        await client.delete(ENDPOINTS, "kubernetes", "default")
        await asyncio.sleep(LEASE_S)
        assert await site.listed() == [FIRST, SECOND]
        await ended(site, tasks)

    run(main())
