"""A watch that goes on at a server which has not come as far yet as the one that its client heard from."""

from __future__ import annotations

import asyncio

import orjson

from navarch.base.resource import Resource
from navarch.client import identities
from navarch.client.direct import direct_client
from navarch.seams.real import real_seams
from navarch.server.app import ApiServer
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.store.contract import Entry, stamp
from navarch.store.index import Change
from navarch.store.memory import MemoryStore

CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", True)


class Behind(MemoryStore):
    """A store that others write to as well, and that hears of it when it asks."""

    def __init__(self) -> None:
        super().__init__()
        self.elsewhere: list[Change] = []

    async def sync(self) -> int:
        changes, self.elsewhere = self.elsewhere, []
        self.index.publish(changes)
        return await super().sync()


async def test_a_watch_from_a_revision_told_elsewhere_repeats_nothing() -> None:
    store = Behind()
    await store.start()
    server = ApiServer(store, real_seams())
    await bootstrap(server, BootstrapConfig())
    revision = store.index.revision
    for number in range(1, 4):
        metadata = {"name": f"c{number}", "namespace": "default", "resourceVersion": ""}
        document = orjson.dumps({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata})
        at = revision + number
        store.elsewhere.append((Entry(f"configmaps/default/c{number}", stamp(document, at), at, at), False))
    client = direct_client(server.handle_as, identities.ADMIN, "test")
    told: list[str] = []
    async with asyncio.timeout(10):
        async for batch in client.watch(CONFIGMAPS, "default", after=revision + 2):
            told += [orjson.loads(event.raw)["metadata"]["name"] for event in batch if event.type != "BOOKMARK"]
            if told:
                break
    assert told == ["c3"]
    server.close()
    await store.close()
