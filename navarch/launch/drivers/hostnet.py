"""The host's side of a profile's network: a bridge, routes to the pods, one nftables table.

NodePorts answer on the host's 127.0.0.1 through a table that all profiles share: see `hostports`.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.launch.drivers import hostports
from navarch.launch.drivers.contract import ClusterNetwork, NodeSpec
from navarch.launch.drivers.journal import Journal, Made

_SYSCTLS = Path("/proc/sys")


def host_table(network: ClusterNetwork) -> str:
    """The nftables text: who may pass, and under which address."""
    bridge, nodes = network.bridge, network.node_cidr
    return f"""\
table ip {bridge} {{
  chain guard {{
    type filter hook prerouting priority -300;
    iifname "{bridge}" ip daddr 127.0.0.0/8 drop
  }}
  chain leave {{
    type nat hook postrouting priority 100;
    ip saddr 127.0.0.0/8 oifname "{bridge}" masquerade
    ip saddr {nodes} ip daddr != {network.pod_cidr} oifname != {{ "{bridge}", "lo" }} masquerade
  }}
}}
"""


def open_network(network: ClusterNetwork, journal: Journal) -> None:
    """Make bridge and table; nothing changes where they stand."""
    bridge = network.bridge
    # Before the bridge, so that they are undone after it: only the last bridge takes these with it.
    journal.add(Made("ports", NodeSpec(network, "", 0, Path()).ip))
    nft(hostports.CREATION)
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
    nft(f"table ip {bridge}\ndelete table ip {bridge}\n{host_table(network)}")


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
            case "ports":
                _release_ports(made.name)
            case "sysctl" if not bridges():
                _write_sysctl(made.name, made.value)
    journal.clear()


def _release_ports(node_ip: str) -> None:
    """Give back the ports that lead to the node; the last cluster of the machine takes the table away."""
    if not bridges():
        nft(hostports.REMOVAL)
        return
    nft(hostports.CREATION)  # so that there is something to list
    held = hostports.holders(output(["nft", hostports.LISTING]))
    nft(hostports.change((), hostports.plan((), held, set(), node_ip).remove, node_ip))


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
