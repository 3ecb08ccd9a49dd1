"""An IPAddress object for every address that a Service has: made, mended and taken away by the server.

The pools (see pool.py) decide who gets an address; the objects show it to people, and to others who want
addresses of the same ranges. They follow the Services, so what a crash or somebody else left undone is
mended when the server starts, and whenever one of the objects changes.

Source: KEP-1880 (names, labels, parent reference, repair).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import orjson

from navarch.base.errors import StatusError
from navarch.base.resource import ObjectKey
from navarch.schema.types import Tree
from navarch.server.addresses.ranges import ADDRESSES, MANAGED_BY, MANAGER, is_managed
from navarch.server.addresses.services import ServiceAddresses
from navarch.store.contract import Event, Index, StoreError

if TYPE_CHECKING:
    from navarch.server.own_writes import OwnWrites

_FAMILY: Final = "ipaddress.kubernetes.io/ip-family"
#: How long to wait before what the store refused is tried again.
_AGAIN_S: Final = 5.0


def record(address: str, owner: ObjectKey) -> Tree:
    """The IPAddress of a Service's address, as it is stored."""
    family = f"IPv{ip_address(address).version}"
    return {
        "kind": "IPAddress",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {"name": address, "labels": {_FAMILY: family, MANAGED_BY: MANAGER}},
        "spec": {"parentRef": {"resource": "services", "namespace": owner.namespace, "name": owner.name}},
    }


class AddressRecords:
    """Keeps the objects. `start` needs a running loop."""

    def __init__(self, index: Index, addresses: ServiceAddresses, writes: OwnWrites) -> None:
        self._index = index
        self._addresses = addresses
        self._writes = writes
        self._touched: dict[str, None] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        addresses.on_change = self._touch
        self._cancel = index.watch(ADDRESSES, index.revision, self._follow)

    def start(self) -> None:
        """Mend what is amiss, and go on following. Idempotent."""
        if self._task is not None:
            return
        for address in self._addresses.owners:
            self._touch(address)
        for entry in self._index.range(ADDRESSES + "/"):
            self._touch(entry.key.partition("/")[2])
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        self._cancel()
        if self._task is not None:
            self._task.cancel()

    def _touch(self, address: str) -> None:
        if not self._is_right(address):
            self._touched[address] = None
            self._changed.set()

    def _follow(self, events: Sequence[Event]) -> None:
        for event in events:
            self._touch(event.entry.key.partition("/")[2])

    def _found(self, address: str) -> Tree | None:
        entry = self._index.get(f"{ADDRESSES}/{address}")
        return orjson.loads(entry.value) if entry is not None else None

    def _is_right(self, address: str) -> bool:
        owner, found = self._addresses.owners.get(address), self._found(address)
        if found is None:
            return owner is None
        return not is_managed(found) or (owner is not None and found["spec"] == record(address, owner)["spec"])

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._touched:
                address = next(iter(self._touched))
                del self._touched[address]
                try:
                    await self._mend(address)
                except (StatusError, StoreError):
                    # Another server was faster, or the store takes no writes now: look again.
                    asyncio.get_running_loop().call_later(_AGAIN_S, self._touch, address)

    async def _mend(self, address: str) -> None:
        if self._is_right(address):
            return
        if self._found(address) is not None:
            await self._writes.delete(ADDRESSES, "", address)
        owner = self._addresses.owners.get(address)
        if owner is not None:
            await self._writes.create(ADDRESSES, "", record(address, owner))
