"""Which API servers stand behind the `kubernetes` Service, where several share one etcd.

Each server keeps a key `masterleases/ADDRESS` in the store that expires unless it is renewed; whoever sees
the set change writes Endpoints and EndpointSlice of the Service. A server that is killed disappears when its
key expires, one that ends takes it away itself.

Source: kube-apiserver's lease endpoint reconciler (periods, the keys' name).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

import orjson

from navarch.base.errors import StatusError
from navarch.schema.types import Tree
from navarch.seams.contract import Routine, routine
from navarch.server.app import ApiServer
from navarch.server.bootstrap import publish_endpoints
from navarch.store.contract import Event, RevisionConflict, Store, StoreError

log = logging.getLogger(__name__)

BUCKET: Final = "masterleases"
RENEW_S: Final = 10.0
LEASE_S: Final = 15.0
#: Another server may be writing at this moment.
AGAIN_S: Final = 1.0


def lease(address: str) -> bytes:
    tree: Tree = {
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": ""},
        "subsets": [{"addresses": [{"ip": address}]}],
    }
    return orjson.dumps(tree)


class EndpointLeases:
    """One server's lease, and its share in keeping the endpoints."""

    def __init__(self, server: ApiServer, address: str, port: int) -> None:
        self._server = server
        self._store: Store = server.store
        self._address = address
        self._port = port
        self._changed = asyncio.Event()

    async def join(self) -> None:
        """Be listed from now on. Raises: StoreError, StatusError."""
        await self._renew()
        await self._publish(self._addresses())

    async def run(self) -> None:
        """Stay listed until cancelled."""
        cancel = self._store.index.watch(BUCKET, self._store.index.revision, self._note)
        try:
            loop = asyncio.get_running_loop()
            renew_at = loop.time()
            while True:
                done = await self._step(loop.time() >= renew_at)
                if loop.time() >= renew_at and done:
                    renew_at = loop.time() + RENEW_S
                wait_s = max(0.0, renew_at - loop.time()) if done else AGAIN_S
                with contextlib.suppress(TimeoutError), routine(Routine.HEARTBEAT):
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
                self._changed.clear()
        finally:
            cancel()

    async def leave(self) -> None:
        """Be listed no longer: the server is about to end."""
        try:
            entry = self._store.index.get(f"{BUCKET}/{self._address}")
            if entry is not None:
                await self._store.delete(entry.key, entry.revision)
            if others := self._addresses():
                await self._publish(others)
        except (StoreError, StatusError) as error:
            log.warning("endpoint not taken away address=%s error=%s", self._address, error)

    def _note(self, events: Sequence[Event]) -> None:
        if any(event.deleted or event.previous is None for event in events):
            self._changed.set()

    async def _step(self, renew: bool) -> bool:
        try:
            if renew:
                await self._renew()
            await self._publish(self._addresses())
        except (StoreError, StatusError) as error:
            log.warning("endpoints not kept address=%s error=%s", self._address, error)
            return False
        return True

    async def _renew(self) -> None:
        key = f"{BUCKET}/{self._address}"
        try:
            entry = self._store.index.get(key)
            await self._store.put(key, lease(self._address), entry.revision if entry else 0, LEASE_S)
        except RevisionConflict as conflict:
            # It expired, or a former life of this server is still writing.
            expected = conflict.current.revision if conflict.current else 0
            await self._store.put(key, lease(self._address), expected, LEASE_S)

    def _addresses(self) -> list[str]:
        return [entry.key.partition("/")[2] for entry in self._store.index.range(BUCKET + "/")]

    async def _publish(self, addresses: list[str]) -> None:
        await publish_endpoints(self._server, addresses, self._port)
