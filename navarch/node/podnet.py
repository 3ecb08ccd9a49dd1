"""How the pods of nodes on several hosts reach each other: what the kernel of one host is to know. Pure.

    ROUTES   each node's range by way of its host; the hosts must share a network
    VXLAN    the same through a tunnel to the host, whatever is between; MTU 50 bytes less

In the tunnel a node is known by the first address of its pods' range and by an Ethernet address made of its host's,
so that nothing has to be told but the Node objects:

    node b, 10.0.0.2, pods 10.244.1.0/24   ->   10.244.1.0 at 02:00:0a:00:00:02, behind 10.0.0.2

Source: the host-gw and vxlan backends of flannel (routes, permanent neighbours, forwarding entries, port).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

DEVICE: Final = "navarch.vx"
VNI: Final = 1
PORT: Final = 8472
TABLE: Final = "navarch-podnet"


class Mode(StrEnum):
    ROUTES = "routes"
    VXLAN = "vxlan"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Peer:
    """A node: its host's address and its pods' range, both IPv4."""

    name: str
    host: str
    pod_cidr: str

    @property
    def inner(self) -> str:
        """Its address in the tunnel."""
        return str(ipaddress.ip_network(self.pod_cidr).network_address)

    @property
    def mac(self) -> str:
        return "02:00:" + ":".join(f"{octet:02x}" for octet in ipaddress.ip_address(self.host).packed)


@dataclass(frozen=True, slots=True)
class State:
    """Ready words for `ip`, by what they are about: routes, and in a tunnel neighbours and forwarding entries."""

    routes: dict[str, str] = field(default_factory=dict)
    neighbours: dict[str, str] = field(default_factory=dict)
    forwarding: dict[str, str] = field(default_factory=dict)


def wanted(own: str, peers: Iterable[Peer], mode: Mode) -> State:
    """What the host of node `own` is to know of all others."""
    others = [peer for peer in peers if peer.name != own]
    if mode is Mode.NONE:
        return State()
    if mode is Mode.ROUTES:
        return State({peer.pod_cidr: f"via {peer.host}" for peer in others})
    return State(
        {peer.pod_cidr: f"via {peer.inner} dev {DEVICE} onlink" for peer in others},
        {peer.inner: f"lladdr {peer.mac} dev {DEVICE} nud permanent" for peer in others},
        {peer.mac: f"dev {DEVICE} dst {peer.host}" for peer in others},
    )


def device(own: Peer, underlay: str) -> list[str]:
    """The commands of `ip` that make the tunnel on interface `underlay`."""
    tunnel = f"type vxlan id {VNI} dev {underlay} local {own.host} dstport {PORT} nolearning"
    return [
        f"link add {DEVICE} address {own.mac} {tunnel}",
        f"address replace {own.inner}/32 dev {DEVICE}",
        f"link set {DEVICE} up",
    ]


def changes(before: State, after: State) -> tuple[list[str], list[str]]:
    """The commands of `ip` and of `bridge` that lead from one state to the other. Who is to be reached is known
    before the way there."""
    addresses, bridge, routes = [], [], []
    for mac, words in after.forwarding.items():
        if before.forwarding.get(mac) != words:
            bridge.append(f"fdb replace {mac} {words}")
    for inner, words in after.neighbours.items():
        if before.neighbours.get(inner) != words:
            addresses.append(f"neighbour replace {inner} {words}")
    for cidr, words in after.routes.items():
        if before.routes.get(cidr) != words:
            routes.append(f"route replace {cidr} {words}")
    routes += [f"route del {cidr}" for cidr in before.routes if cidr not in after.routes]
    addresses += [f"neighbour del {inner} dev {DEVICE}" for inner in before.neighbours if inner not in after.neighbours]
    bridge += [f"fdb del {mac} dev {DEVICE}" for mac in before.forwarding if mac not in after.forwarding]
    return [*addresses, *routes], bridge


def masquerade(own: Peer, peers: Iterable[Peer]) -> str:
    """nftables text: pods keep their address towards pods and nodes, and take the host's towards all else."""
    inside = sorted({own.pod_cidr, *(each for peer in peers for each in (peer.pod_cidr, f"{peer.host}/32"))})
    return f"""\
table ip {TABLE}
delete table ip {TABLE}
table ip {TABLE} {{
  set inside {{ type ipv4_addr; flags interval; auto-merge; elements = {{ {", ".join(inside)} }} }}
  chain leave {{
    type nat hook postrouting priority 100;
    ip saddr {own.pod_cidr} ip daddr != @inside masquerade
  }}
}}
"""
