"""What would happen to a packet: follows it through the tables as the kernel's chains do. Pure.

For tests and for explaining: `verdict(tables, packet, node_addresses, roll)`. `roll` stands for the random
number, so that a property can try them all.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, MutableMapping
from dataclasses import dataclass
from typing import Literal

from navarch.proxy.nft import MASQUERADE_BIT, Slot
from navarch.proxy.rules import Backend, Family
from navarch.proxy.tables import Tables

#: (source, key of the frontend with its map) -> mark of the backend. Entries never expire here.
Affinity = MutableMapping[tuple[str, str, str], str]


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection. `inside`: sent by the node itself or by a pod on it."""

    destination: str
    port: int
    protocol: str = "tcp"
    source: str = "10.244.0.99"
    inside: bool = True

    @property
    def family(self) -> Family:
        return "ip6" if ":" in self.destination else "ip"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`pass`: no service has this address. `backend` is set with `deliver`."""

    kind: Literal["deliver", "refuse", "drop", "pass"]
    backend: Backend | None = None
    masquerade: bool = False


def verdict(
    tables: Tables,
    packet: Packet,
    node_addresses: Collection[str] = (),
    roll: int = 0,
    affinity: Affinity | None = None,
) -> Verdict:
    """Where the packet goes when the random number is `roll`."""
    return _Trace(tables, packet, node_addresses, roll, {} if affinity is None else affinity).run()


def shares(tables: Tables, packet: Packet, node_addresses: Collection[str] = ()) -> list[Backend | None]:
    """Where the packet goes for each roll of a fair die with as many sides as the frontend has backends."""
    trace = _Trace(tables, packet, node_addresses, 0, {})
    return [verdict(tables, packet, node_addresses, roll).backend for roll in range(trace.sides())]


class _Trace:
    def __init__(
        self, tables: Tables, packet: Packet, node_addresses: Collection[str], roll: int, affinity: Affinity
    ) -> None:
        self._tables = tables
        self._packet = packet
        self._roll = roll
        self._affinity = affinity
        place = f"{packet.protocol} . {packet.port}"
        self._keys = {"vip": f"{packet.destination} . {place}"}
        if packet.destination in node_addresses:
            self._keys["port"] = place

    def run(self) -> Verdict:
        key = self._keys["vip"]
        if self._has("guarded", key) and not self._admitted(key):
            return Verdict("drop")
        found = self._frontend()
        if found is not None:
            flavour, key, chain = found
            return self._pick(flavour, key, chain)
        for outer, key in self._keys.items():
            if (value := self._get(f"{outer}-unserved", key)) is not None:
                return Verdict("drop" if value == "drop" else "refuse")
        if self._has("cluster-ips", self._packet.destination):
            return Verdict("refuse")
        return Verdict("pass")

    def sides(self) -> int:
        found = self._frontend()
        return _sides(found[2]) if found else 1

    def _frontend(self) -> tuple[str, str, str] | None:
        """Flavour, key and chain of the frontend that takes the packet."""
        for prefix in ("in-", "") if self._packet.inside else ("",):
            for outer, key in self._keys.items():
                if (chain := self._get(f"{prefix}{outer}-frontends", key)) is not None:
                    return prefix + outer, key, chain
        return None

    def _pick(self, flavour: str, key: str, chain: str) -> Verdict:
        place = self._roll % _sides(chain)
        if "-sticky-" not in chain:
            mark = place + (MASQUERADE_BIT if "-hide-" in chain else 0)
            return self._deliver(flavour, key, f"{mark:#010x}")
        client = (self._packet.source, flavour, key)
        found = self._deliver(flavour, key, self._affinity.get(client, ""))
        if found.kind == "deliver":
            return found
        number = self._affinity[client] = self._get(f"{flavour}-numbers", f"{key} . {place:#010x}") or ""
        return self._deliver(flavour, key, number)

    def _deliver(self, flavour: str, key: str, mark: str) -> Verdict:
        target = self._get(f"{flavour}-backends", f"{key} . {mark}")
        if target is None:
            return Verdict("pass")
        ip, _, port = target.partition(" . ")
        return Verdict("deliver", Backend(ip, int(port)), bool(int(mark, 16) & MASQUERADE_BIT))

    def _admitted(self, key: str) -> bool:
        prefix = f"{key} . "
        address = self._packet.source
        return any(
            slot.key.startswith(prefix) and _within(address, slot.key[len(prefix) :])
            for slot in self._tables.elements
            if slot.set == "admitted" and slot.family == self._packet.family
        )

    def _get(self, set_: str, key: str) -> str | None:
        return self._tables.elements.get(Slot(self._packet.family, set_, key))

    def _has(self, set_: str, key: str) -> bool:
        return self._get(set_, key) is not None


def _sides(chain: str) -> int:
    """The number of backends in the name of a chain."""
    return int(re.split("-(?:pick|hide|sticky)-", chain)[1].split("-")[0])


def _within(address: str, cidr: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
