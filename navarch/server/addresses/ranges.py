"""The ranges that Services get their addresses from: one pool for each IP family.

Ranges are ServiceCIDR objects. Until there is one, the ranges that the server was started with count.
An IPAddress that somebody else made (a gateway, an administrator) takes its address out of the pool.

Source: KEP-1880; registry/core/service/ipallocator (`isReady`, who manages an IPAddress).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Final

import orjson

from navarch.schema.types import Tree
from navarch.seams.contract import Rng
from navarch.server.addresses.pool import Band, Pool, address_band, number_of
from navarch.store.contract import Event, Index

CIDRS: Final = "servicecidrs.networking.k8s.io"
ADDRESSES: Final = "ipaddresses.networking.k8s.io"
MANAGED_BY: Final = "ipaddress.kubernetes.io/managed-by"
MANAGER: Final = "ipallocator.k8s.io"


def is_ready(cidr: Tree) -> bool:
    """Whether addresses may be given out of a range. One that nobody has judged yet counts as ready."""
    if cidr["metadata"].get("deletionTimestamp"):
        return False
    conditions = (cidr.get("status") or {}).get("conditions") or ()
    return all(condition["status"] == "True" for condition in conditions if condition["type"] == "Ready")


def is_managed(address: Tree) -> bool:
    """Whether the IPAddress is kept by the servers themselves, for a Service."""
    return bool((address["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER)


class Ranges:
    """Follows the store. `families` are those of the ranges that the server was started with, in order."""

    def __init__(self, index: Index, cidrs: Sequence[str], rng: Rng) -> None:
        self._configured = tuple(cidrs)
        self.families = tuple(f"IPv{ip_network(cidr).version}" for cidr in cidrs)
        self._pools = {family: Pool((), rng) for family in self.families}
        self._cidrs: dict[str, Tree] = {}
        for entry in index.range(CIDRS + "/"):
            self._cidrs[entry.key] = orjson.loads(entry.value)
        for entry in index.range(ADDRESSES + "/"):
            self._count(entry.value, +1)
        self._set_bands()
        self._cancels = (
            index.watch(CIDRS, index.revision, self._follow_cidrs),
            index.watch(ADDRESSES, index.revision, self._follow_addresses),
        )

    def close(self) -> None:
        for cancel in self._cancels:
            cancel()

    def pool(self, family: str) -> Pool:
        """Raises: KeyError for a family that the server has no addresses of."""
        return self._pools[family]

    def pool_of(self, address: str) -> Pool | None:
        """The pool of an address's family. Raises: ValueError for what is none."""
        return self._pools.get(f"IPv{ip_address(address).version}")

    def text(self, family: str) -> str:
        """The ranges of a family, for messages."""
        return ",".join(cidr for cidr in self._in_use() if f"IPv{ip_network(cidr).version}" == family)

    def _in_use(self) -> list[str]:
        if not self._cidrs:
            return list(self._configured)
        ready = sorted((cidr for cidr in self._cidrs.values() if is_ready(cidr)), key=_age)
        return [text for cidr in ready for text in cidr["spec"]["cidrs"]]

    def _set_bands(self) -> None:
        bands: dict[str, list[Band]] = {family: [] for family in self._pools}
        for network in map(ip_network, self._in_use()):
            bands.setdefault(f"IPv{network.version}", []).append(address_band(network))
        for family, pool in self._pools.items():
            pool.bands = bands[family]

    def _follow_cidrs(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.deleted:
                self._cidrs.pop(event.entry.key, None)
            else:
                self._cidrs[event.entry.key] = orjson.loads(event.entry.value)
        self._set_bands()

    def _follow_addresses(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.previous is not None:
                self._count(event.previous.value, -1)
            if not event.deleted:
                self._count(event.entry.value, +1)

    def _count(self, value: bytes, sign: int) -> None:
        address = orjson.loads(value)
        name = address["metadata"]["name"]
        number = number_of(name)
        if number is None or is_managed(address) or (pool := self.pool_of(name)) is None:
            return
        if sign > 0:
            pool.take(number)
        else:
            pool.give_back(number)


def _age(cidr: Tree) -> tuple[str, str]:
    """Older ranges are used up first; the one that a cluster begins with is the oldest."""
    return (cidr["metadata"].get("creationTimestamp", ""), cidr["metadata"]["name"])
