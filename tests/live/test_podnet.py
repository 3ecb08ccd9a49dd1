"""The pod network between hosts, on this machine's kernel: hosts are network namespaces behind a router.

    pod 10.77.1.2 ─ host a 10.66.1.2 ─ router ─ host b 10.66.2.2 ─ pod 10.77.2.2

The hosts share no network, so only the tunnel can carry pods' packets; with the router's help routes can, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from navarch.node.podnet import Mode

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
#: Runs inside a host: brings its kernel in step, as the runner does when it hears of the nodes.
APPLY = """
import sys
from navarch.node import podnet, podnet_run
from navarch.node.podnet import Mode, Peer, State
own, mode = sys.argv[1], Mode(sys.argv[2])
peers = [Peer("a", "10.66.1.2", "10.77.1.0/24"), Peer("b", sys.argv[3], "10.77.2.0/24")]
podnet_run.prepare(next(p for p in peers if p.name == own), mode)
podnet_run.apply(State(), podnet.wanted(own, peers, mode))
podnet_run.run_command(["nft", "-f", "-"], podnet.masquerade(peers[0 if own == "a" else 1], peers))
"""


def run(*command: str, at: str = "") -> subprocess.CompletedProcess[str]:
    inside = ["nsenter", f"--net=/run/netns/{at}"] if at else []
    return subprocess.run([*inside, *command], capture_output=True, text=True, cwd=ROOT)


def must(*command: str, at: str = "") -> None:
    done = run(*command, at=at)
    assert done.returncode == 0, (command, done.stderr)


def namespace(name: str, stack: ExitStack) -> str:
    whole = f"nvt{os.getpid()}{name}"
    must("ip", "netns", "add", whole)
    stack.callback(must, "ip", "netns", "delete", whole)
    must("ip", "link", "set", "lo", "up", at=whole)
    return whole


def cable(one: str, one_name: str, one_ip: str, two: str, two_name: str, two_ip: str) -> None:
    must("ip", "link", "add", one_name, "type", "veth", "peer", "name", two_name, "netns", two, at=one)
    for place, name, address in ((one, one_name, one_ip), (two, two_name, two_ip)):
        must("ip", "address", "add", address, "dev", name, at=place)
        must("ip", "link", "set", name, "up", at=place)


@pytest.fixture
def hosts() -> Iterator[dict[str, str]]:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: network namespaces need root")
    with ExitStack() as stack:
        made = {name: namespace(name, stack) for name in ("r", "a", "b", "pa", "pb")}
        must("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", at=made["r"])
        for number, name in enumerate("ab", 1):
            cable(made["r"], f"to{name}", f"10.66.{number}.1/24", made[name], "eth0", f"10.66.{number}.2/24")
            must("ip", "route", "add", "default", "via", f"10.66.{number}.1", at=made[name])
            cable(made[name], "pod0", f"10.77.{number}.1/24", made[f"p{name}"], "eth0", f"10.77.{number}.2/24")
            must("ip", "route", "add", "default", "via", f"10.77.{number}.1", at=made[f"p{name}"])
        yield made


def apply(hosts: dict[str, str], mode: Mode, b_via: str = "10.66.2.2") -> None:
    for name in "ab":
        must("env", f"PYTHONPATH={ROOT}", sys.executable, "-c", APPLY, name, str(mode), b_via, at=hosts[name])


def answer(hosts: dict[str, str], to: str) -> str:
    """What the pod of host a hears from a server in the pod of host b: the address it is seen under."""
    serve = (
        "import socket\n"
        "s = socket.create_server(('', 7000))\n"
        "print('up', flush=True)\n"
        "c, address = s.accept()\n"
        "c.sendall(address[0].encode() + b' ' + c.recv(9000))\n"
        "c.close()\n"
    )
    ask = (
        "import socket, sys\n"
        f"s = socket.create_connection(('{to}', 7000), timeout=3)\n"
        "s.sendall(b'x' * 4000)\n"
        "print(s.recv(9000).split()[0].decode())\n"
    )
    inside = ["nsenter", f"--net=/run/netns/{hosts['pb']}", sys.executable, "-c", serve]
    with subprocess.Popen(inside, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None and server.stdout.readline() == "up\n"
            return run(sys.executable, "-c", ask, at=hosts["pa"]).stdout.strip()
        finally:
            server.kill()


def test_the_tunnel_carries_pods_between_hosts_that_share_no_network(hosts: dict[str, str]) -> None:
    assert answer(hosts, "10.77.2.2") == ""
    apply(hosts, Mode.VXLAN)
    # A pod is seen under its own address, however it came.
    assert answer(hosts, "10.77.2.2") == "10.77.1.2"
    # To be brought in step again, as after a crash of the agent, harms nothing.
    apply(hosts, Mode.VXLAN)
    assert answer(hosts, "10.77.2.2") == "10.77.1.2"


def test_what_leaves_the_cluster_takes_the_hosts_address(hosts: dict[str, str]) -> None:
    apply(hosts, Mode.VXLAN)
    must("ip", "address", "add", "10.88.0.1/32", "dev", "lo", at=hosts["r"])
    serve = "import socket; s = socket.create_server(('10.88.0.1', 7001)); print(s.accept()[1][0])"
    inside = ["nsenter", f"--net=/run/netns/{hosts['r']}", sys.executable, "-c", f"print('up', flush=True); {serve}"]
    with subprocess.Popen(inside, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdout.readline() == "up\n"
        ask = (
            "import socket, itertools\n"
            "for n in itertools.count():\n"
            "    try:\n"
            "        socket.create_connection(('10.88.0.1', 7001), timeout=3); break\n"
            "    except ConnectionRefusedError:\n"
            "        assert n < 1000\n"
        )
        must(sys.executable, "-c", ask, at=hosts["pa"])
        assert server.stdout.readline().strip() == "10.66.1.2"


def test_routes_do_where_hosts_are_neighbours(hosts: dict[str, str]) -> None:
    # A network that both hosts are on: here a cable between them.
    cable(hosts["a"], "lan", "10.99.0.1/24", hosts["b"], "lan", "10.99.0.2/24")
    for name in "ab":
        must("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", at=hosts[name])
    before = answer(hosts, "10.77.2.2")
    assert before == ""
    code = (
        "from navarch.node import podnet, podnet_run\n"
        "from navarch.node.podnet import Mode, Peer, State\n"
        "import sys\n"
        "peers = [Peer('a', '10.99.0.1', '10.77.1.0/24'), Peer('b', '10.99.0.2', '10.77.2.0/24')]\n"
        "podnet_run.apply(State(), podnet.wanted(sys.argv[1], peers, Mode.ROUTES))\n"
    )
    for name in "ab":
        must("env", f"PYTHONPATH={ROOT}", sys.executable, "-c", code, name, at=hosts[name])
    assert answer(hosts, "10.77.2.2") == "10.77.1.2"
