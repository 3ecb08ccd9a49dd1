"""The host's side of a profile's network: a bridge, routes to the pods, one nftables table.

NodePorts answer on the host's 127.0.0.1 through a DNAT rule in that table: no process has to run or
know the ports, UDP works, and it goes when the table goes. Ports on which something of the host
listened when the network was opened are left to it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.launch.drivers.contract import ClusterNetwork, NodeSpec
from navarch.launch.drivers.journal import Journal, Made

NODE_PORTS = range(30000, 32768)
_LISTENING = ("0A", "07")  # TCP_LISTEN; UDP sockets are always in state 07
_SYSCTLS = Path("/proc/sys")


def host_table(network: ClusterNetwork, busy_ports: Iterable[int], loopback: bool) -> str:
    """The nftables text. `loopback`: send 127.0.0.1's NodePorts to the first node."""
    first = NodeSpec(network, "", 0, Path()).ip
    bridge, nodes = network.bridge, network.node_cidr
    busy = ", ".join(str(port) for port in sorted(busy_ports))
    spare = f"th dport != {{ {busy} }} " if busy else ""
    ports = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
    forward = f"ip daddr 127.0.0.0/8 meta l4proto {{ tcp, udp }} th dport {ports} {spare}dnat to {first}"
    return f"""\
table ip {bridge} {{
  chain guard {{
    type filter hook prerouting priority -300;
    iifname "{bridge}" ip daddr 127.0.0.0/8 drop
  }}
  chain local {{
    type nat hook output priority -100;
    {forward if loopback else ""}
  }}
  chain leave {{
    type nat hook postrouting priority 100;
    ip saddr 127.0.0.0/8 oifname "{bridge}" masquerade
    ip saddr {nodes} ip daddr != {network.pod_cidr} oifname != "{bridge}" masquerade
  }}
}}
"""


def listening_ports(tables: Iterable[str]) -> set[int]:
    """NodePorts that sockets of the host hold, from texts of /proc/net/{tcp,tcp6,udp,udp6}."""
    rows = (line.split() for text in tables for line in text.splitlines()[1:])
    ports = (int(row[1].rpartition(":")[2], 16) for row in rows if row[3] in _LISTENING)
    return {port for port in ports if port in NODE_PORTS}


def open_network(network: ClusterNetwork, journal: Journal) -> None:
    """Make bridge and table; nothing changes where they stand."""
    bridge = network.bridge
    others = [name for name in bridges() if name != bridge]
    # Before the bridge, so that it is undone after it: only the last bridge takes forwarding with it.
    if uplink := default_interface():
        _set_sysctl(f"net/ipv4/conf/{uplink}/forwarding", "1", journal)
    if bridge not in bridges():
        journal.add(Made("link", bridge))
        # An address of its own: a bridge without one takes its ports' lowest, which changes as nodes come
        # and go, and the nodes that stay would send to the old one for up to a minute.
        ip(
            f"link add {bridge} address {bridge_mac(network)} type bridge",
            f"addr add {network.host_ip}/24 dev {bridge}",
            f"link set {bridge} up",
        )
    for setting in ("forwarding", "route_localnet"):
        _write_sysctl(f"net/ipv4/conf/{bridge}/{setting}", "1")
    journal.add(Made("table", bridge))
    tables = [Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6", "udp", "udp6") if _is_there(name)]
    text = host_table(network, listening_ports(tables), loopback=not others)
    nft(f"table ip {bridge}\ndelete table ip {bridge}\n{text}")


def bridge_mac(network: ClusterNetwork) -> str:
    """A locally administered address made of the bridge's IP address."""
    return "02:42:" + ":".join(f"{int(part):02x}" for part in network.host_ip.split("."))


def close_network(journal: Journal) -> None:
    """Undo every entry of the journal, newest first."""
    for made in reversed(journal.entries()):
        match made.kind:
            case "link":
                remove_link(made.name)
            case "table":
                nft(f"table ip {made.name}\ndelete table ip {made.name}\n")
            case "sysctl" if not bridges():
                _write_sysctl(made.name, made.value)
        journal.forget(made)


def bridges() -> list[str]:
    """The bridges of all profiles on this machine."""
    return [name for name in _links() if name.startswith("navarch") and name[7:].isdigit()]


def unused_numbers() -> list[int]:
    """The network numbers that no profile of this machine holds now."""
    taken = set(bridges())
    return [number for number in range(ClusterNetwork.LIMIT) if ClusterNetwork("", number).bridge not in taken]


def remove_link(name: str) -> None:
    """Delete an interface, if it is there. It may also go by itself meanwhile, with the node at its other end."""
    if name in _links():
        try:
            ip(f"link delete {name}")
        except LaunchError:
            if name in _links():
                raise


def default_interface() -> str:
    """The interface of the host's default route, "" without one."""
    routes = json.loads(output(["ip", "-json", "-4", "route", "show", "default"]) or "[]")
    return str(routes[0].get("dev", "")) if routes else ""


def ip(*commands: str, netns_of: int = 0) -> None:
    """Run `ip` commands in one process, on the host or in the network namespace of process `netns_of`."""
    prefix = ["nsenter", f"--net=/proc/{netns_of}/ns/net"] if netns_of else []
    _run([*prefix, "ip", "-batch", "-"], "\n".join(commands) + "\n")


def nft(text: str, netns_of: int = 0) -> None:
    """Load nftables text in one transaction."""
    prefix = ["nsenter", f"--net=/proc/{netns_of}/ns/net"] if netns_of else []
    _run([*prefix, "nft", "-f", "-"], text)


def _is_there(table: str) -> bool:
    return Path(f"/proc/net/{table}").exists()  # no tcp6 on a kernel without IPv6


def _links() -> list[str]:
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


def _set_sysctl(name: str, value: str, journal: Journal) -> None:
    before = (_SYSCTLS / name).read_text().strip()
    if before != value:
        journal.add(Made("sysctl", name, before))
        _write_sysctl(name, value)


def _write_sysctl(name: str, value: str) -> None:
    path = _SYSCTLS / name
    if path.exists():
        path.write_text(value)


def _run(command: list[str], stdin: str) -> None:
    result = subprocess.run(command, input=stdin, capture_output=True, text=True)
    if result.returncode:
        raise LaunchError(
            "HOST_NETWORK",
            f"{' '.join(command)}: {result.stderr.strip()}\n{stdin.strip()}",
            "are you root, and is nothing else using these addresses?",
        )


def output(command: list[str]) -> str:
    """What `command` prints. Raises: subprocess.CalledProcessError."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
