"""NodePorts on the host's 127.0.0.1: one nftables table that all profiles of the machine share.

Its map says to which node a port leads, so no process has to stand between, and UDP works too:

    tcp . 30080 : 192.168.49.2

The kernel refuses to create an element that is there already. Whoever creates it first has the port,
whatever launchers and control planes do at that moment; the others learn whose it is by listing the map.
Called by the launcher, which makes the table, and by each control plane, which knows the ports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

TABLE = "navarch-ports"
LISTING = f"list map ip {TABLE} ports"
REMOVAL = f"table ip {TABLE}\ndelete table ip {TABLE}\n"

#: The chain is emptied before it gets its rule, so that making the table twice makes it once.
CREATION = f"""\
table ip {TABLE} {{
  map ports {{ type inet_proto . inet_service : ipv4_addr; }}
  chain local {{ type nat hook output priority -100; }}
}}
flush chain ip {TABLE} local
table ip {TABLE} {{
  chain local {{
    ip daddr 127.0.0.0/8 meta l4proto {{ tcp, udp, sctp }} dnat to meta l4proto . th dport map @ports
  }}
}}
"""

_ELEMENT = re.compile(r"(\w+) \. (\d+) : ([0-9.]+)")
_TCP_LISTEN, _UDP_OPEN = "0A", "07"
_SOCKETS = {
    "tcp": ("tcp", _TCP_LISTEN),
    "tcp6": ("tcp", _TCP_LISTEN),
    "udp": ("udp", _UDP_OPEN),
    "udp6": ("udp", _UDP_OPEN),
}


class Port(NamedTuple):
    """`protocol` in small letters, as nft writes it."""

    protocol: str
    number: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What one cluster changes in the map, and which ports it does not get, with the reason."""

    add: tuple[Port, ...]
    remove: tuple[Port, ...]
    denied: Mapping[Port, str]


def holders(listing: str) -> dict[Port, str]:
    """Port -> address of the node it leads to, from nft's listing of the map."""
    return {Port(protocol, int(number)): ip for protocol, number, ip in _ELEMENT.findall(listing)}


def plan(wanted: Iterable[Port], held: Mapping[Port, str], listening: set[Port], node_ip: str) -> Plan:
    """What the cluster whose first node is `node_ip` has to do to get the ports that it wants and can have."""
    asked = sorted(set(wanted))
    denied: dict[Port, str] = {}
    for port in asked:
        if held.get(port, node_ip) != node_ip:
            denied[port] = f"another cluster, whose node is {held[port]}"
        elif port not in held and port in listening:
            denied[port] = "a program on this machine that listens there"
    remove = tuple(sorted(port for port, ip in held.items() if ip == node_ip and port not in asked))
    return Plan(tuple(port for port in asked if port not in held and port not in denied), remove, denied)


def change(add: Iterable[Port], remove: Iterable[Port], node_ip: str) -> str:
    """The nftables text, "" for nothing. It is refused as a whole when one of `add` is somebody's by now."""
    lines = [f"delete element ip {TABLE} ports {{ {port.protocol} . {port.number} }}" for port in remove]
    lines += [f"create element ip {TABLE} ports {{ {port.protocol} . {port.number} : {node_ip} }}" for port in add]
    return "".join(line + "\n" for line in lines)


def listening_ports(tables: Mapping[str, str]) -> set[Port]:
    """Where sockets wait, from the texts of /proc/net/{tcp,tcp6,udp,udp6} by these names."""
    found = set()
    for name, text in tables.items():
        protocol, state = _SOCKETS[name]
        for row in (line.split() for line in text.splitlines()[1:]):
            if row[3] == state:
                found.add(Port(protocol, int(row[1].rpartition(":")[2], 16)))
    return found


def socket_tables() -> dict[str, str]:
    """The texts for `listening_ports`. A kernel without IPv6 has no tables of it."""
    paths = {name: Path(f"/proc/net/{name}") for name in _SOCKETS}
    return {name: path.read_text() for name, path in paths.items() if path.exists()}
