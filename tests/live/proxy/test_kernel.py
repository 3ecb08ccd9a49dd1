"""The proxy's tables in a real kernel."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from navarch.api.views.discovery import Endpoint
from navarch.api.views.service import ClientIPConfig, ServicePort, SessionAffinityConfig
from navarch.proxy import nft
from navarch.proxy.ledger import Ledger
from navarch.proxy.nft import Network
from navarch.proxy.rules import Place, service_rules
from tests.live.proxy.machines import POD_A, POD_B, PREFIX, Machines
from tests.proxy.build import endpoint, endpoint_slice, key, service

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("nft"), reason="needs root, iproute2, nftables"
    ),
]

NETWORK = Network(pod_cidrs=("10.77.0.0/24",), service_cidrs=("10.96.0.0/12",))
PLACE = Place("n1")
CLONE_NEWNET = 0x40000000

CLIENT = """
import socket, sys
for _ in range(int(sys.argv[3])):
    s = socket.socket(); s.settimeout(0.5)
    try:
        s.connect((sys.argv[1], int(sys.argv[2]))); print(s.recv(99).decode())
    except OSError as e:
        print(type(e).__name__)
    s.close()
"""
#: Connects until its input ends, then says how often it got what. Resets what it opened: of the many ports in
#: TIME_WAIT that it would leave at the pods, one is soon taken again, and that has nothing to do with the proxy.
HAMMER = """
import collections, select, socket, struct, sys
c = collections.Counter()
print("up", flush=True)
while not select.select([0], [], [], 0)[0]:
    s = socket.socket(); s.settimeout(1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        s.connect((sys.argv[1], int(sys.argv[2]))); c[s.recv(99).decode().split()[0]] += 1
    except OSError as e:
        c[type(e).__name__] += 1
    s.close()
print(dict(c))
"""


class Node(Machines):
    """The namespaces, with the node's tables kept by a ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(NETWORK)

    def build(self) -> None:
        super().build()
        self.commit()

    def nft(self, text: str) -> None:
        command = ["nsenter", f"--net=/run/netns/{PREFIX}node", "nft", "-f", "-"]
        done = subprocess.run(command, input=text, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr

    def put(self, *endpoints: Endpoint, name: str = "web", **spec: Any) -> None:
        slices = [endpoint_slice(*endpoints)] if endpoints else []
        self.ledger.replace(key(name), service_rules(service(name, **spec), slices, PLACE))
        self.commit()

    def commit(self) -> None:
        transaction = self.ledger.take()
        if transaction is not None:
            self.nft(nft.text(transaction, NETWORK))

    def ask(self, where: str, address: str, port: int = 80, times: int = 20) -> Counter[str]:
        command = [
            "nsenter",
            f"--net=/run/netns/{PREFIX}{where}",
            sys.executable,
            "-c",
            CLIENT,
            address,
            str(port),
            str(times),
        ]
        return Counter(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())


@pytest.fixture(scope="module")
def built() -> Iterator[Node]:
    machines = Node()
    try:
        machines.build()
        yield machines
    finally:
        machines.destroy()


@pytest.fixture
def machines(built: Node) -> Iterator[Node]:
    yield built
    built.ledger.replace(key("web"))
    built.commit()


A, B = endpoint(POD_A, node="n1"), endpoint(POD_B, node="n1")
NODE_PORT = {"type": "NodePort", "ports": (ServicePort(port=80, nodePort=30080),)}


def test_cluster_ip_is_shared_and_keeps_the_pods_address(machines: Node) -> None:
    machines.put(A, B)
    from_node = machines.ask("node", "10.96.0.9", times=40)
    assert {answer.split()[0] for answer in from_node} == {"a", "b"}
    from_pod = machines.ask("a", "10.96.0.9", times=40)
    assert set(from_pod) == {f"b {POD_A}", "a 10.77.0.1"}, "to itself it comes from the bridge, else from the pod"
    assert set(machines.ask("out", "10.96.0.9")) == {"a 10.77.0.1", "b 10.77.0.1"}


def test_without_endpoints_clients_are_refused_at_once(machines: Node) -> None:
    machines.put(**NODE_PORT)
    for where in ("node", "a", "out"):
        assert set(machines.ask(where, "10.96.0.9", times=2)) == {"ConnectionRefusedError"}
    assert set(machines.ask("out", "192.0.2.1", 30080, 2)) == {"ConnectionRefusedError"}


def test_other_ports_are_refused_and_unallocated_addresses_dropped(machines: Node) -> None:
    machines.put(A)
    assert set(machines.ask("a", "10.96.0.9", 81, 2)) == {"ConnectionRefusedError"}
    assert set(machines.ask("a", "10.96.0.77", 80, 1)) == {"TimeoutError"}


def test_node_port_on_all_addresses_and_loopback(machines: Node) -> None:
    machines.put(A, B, **NODE_PORT)
    assert set(machines.ask("out", "192.0.2.1", 30080)) == {"a 10.77.0.1", "b 10.77.0.1"}
    for address in ("127.0.0.1", "192.0.2.1", "10.77.0.1"):
        assert {answer[0] for answer in machines.ask("node", address, 30080)} == {"a", "b"}


def test_external_policy_local_keeps_the_clients_address_and_drops_without_endpoints_here(machines: Node) -> None:
    spec: dict[str, Any] = {**NODE_PORT, "externalTrafficPolicy": "Local", "externalIPs": ("198.51.100.1",)}
    there = endpoint(POD_B, node="n2")
    machines.put(A, there, **spec)
    assert set(machines.ask("out", "192.0.2.1", 30080)) == {"a 192.0.2.9"}
    assert set(machines.ask("out", "198.51.100.1", 80)) == {"a 192.0.2.9"}
    assert {answer[0] for answer in machines.ask("a", "198.51.100.1", 80)} == {"a", "b"}
    machines.put(there, **spec)
    assert set(machines.ask("out", "192.0.2.1", 30080, 1)) == {"TimeoutError"}
    assert {answer[0] for answer in machines.ask("node", "192.0.2.1", 30080)} == {"b"}


def test_source_ranges(machines: Node) -> None:
    spec: dict[str, Any] = {"type": "LoadBalancer", "ingress": ("198.51.100.2",)}
    machines.put(A, **spec, loadBalancerSourceRanges=("10.0.0.0/8",))
    assert set(machines.ask("out", "198.51.100.2", 80, 1)) == {"TimeoutError"}
    machines.put(A, **spec, loadBalancerSourceRanges=("192.0.2.0/24", "192.0.2.8/31"))
    assert {answer[0] for answer in machines.ask("out", "198.51.100.2", 80)} == {"a"}


def test_affinity_sticks_moves_when_the_backend_goes_and_can_be_switched_off(machines: Node) -> None:
    spec: dict[str, Any] = {
        **NODE_PORT,
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": SessionAffinityConfig(ClientIPConfig(60)),
    }
    machines.put(A, B, **spec)
    for where, address, port in (("out", "10.96.0.9", 80), ("out", "192.0.2.1", 30080)):
        machines.put(A, B, **spec)
        stuck = {answer[0] for answer in machines.ask(where, address, port)}
        assert len(stuck) == 1
        left = B if stuck == {"a"} else A
        machines.put(left, **spec)
        assert {answer[0] for answer in machines.ask(where, address, port)} == {"b" if left is B else "a"}
    machines.put(A, B)
    assert {answer[0] for answer in machines.ask("out", "10.96.0.9", times=40)} == {"a", "b"}


def test_no_connection_fails_while_endpoints_come_and_go(machines: Node) -> None:
    """A client connects without pause while each commit takes away one endpoint and brings the other."""
    machines.put(A, B)
    hammer = machines.spawn("out", HAMMER, "10.96.0.9", "80")
    for n in range(100):
        machines.put(*((A, B), (A,), (B,), (B, A))[n % 4])
    machines.ledger.start_over()
    machines.commit()
    answer, _ = hammer.communicate("stop\n", timeout=10)
    heard = eval(answer)
    assert set(heard) == {"a", "b"}, heard
    assert min(heard.values()) > 50


def test_a_removed_endpoint_gets_nothing_after_the_commit(machines: Node) -> None:
    for n in range(10):
        machines.put(A, B)
        left, name = ((A, "a"), (B, "b"))[n % 2]
        machines.put(left)
        assert {answer[0] for answer in machines.ask("out", "10.96.0.9", times=30)} == {name}


def test_an_open_connection_survives_other_changes(machines: Node) -> None:
    machines.put(A)
    script = """
import socket, sys
s = socket.create_connection(("10.96.0.9", 80)); print("up", flush=True)
sys.stdin.readline(); print(s.recv(9).decode())
"""
    echo = """
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", 8081)); s.listen(1); print("up", flush=True)
c, _ = s.accept(); input(); c.sendall(b"late")
"""
    late = machines.spawn("a", echo)
    machines.ledger.replace(key("web"), service_rules(service(), [endpoint_slice(A, port=8081)], PLACE))
    machines.commit()
    client = machines.spawn("out", script)
    machines.put(B, name="other", ip="10.96.0.10")
    machines.put(B)
    late.communicate("go\n", timeout=5)
    answer, _ = client.communicate("go\n", timeout=5)
    assert answer == "late\n"
    machines.ledger.replace(key("other"))
    machines.commit()


def test_the_library_commits_and_reports_errors(machines: Node) -> None:
    """libnftables in this process, for which a child enters the node's namespace."""
    from navarch.proxy.apply import open_nft
    from navarch.proxy.tables import ApplyError

    child = os.fork()
    if child == 0:
        status = 1
        try:
            with open(f"/run/netns/{PREFIX}node") as namespace:
                assert ctypes.CDLL(None).setns(namespace.fileno(), CLONE_NEWNET) == 0
            run = open_nft()
            run("add table ip probe\nadd set ip probe s { type ipv4_addr; }\n")
            try:
                run("add element ip probe s { 10.0.0.1 }\ndelete element ip probe s { 10.0.0.2 }\n")
            except ApplyError as error:
                status = 0 if "No such file" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_kernel_takes_every_kind_of_rule_in_both_families(machines: Node) -> None:
    """Full and incremental, with more backends than there are ready-made chains for."""
    network = Network(("ip", "ip6"), ("10.77.0.0/24", "fd00:77::/64"), ("10.96.0.0/12", "fd00:96::/108"))
    place = Place("n1", families=("ip", "ip6"))
    spec: dict[str, Any] = {
        "type": "LoadBalancer",
        "clusterIPs": ("10.96.0.9", "fd00:96::9"),
        "ports": (
            ServicePort(name="a", port=80, nodePort=30080),
            ServicePort(name="b", port=9, protocol="SCTP", nodePort=30081),
        ),
        "ingress": ("198.51.100.2", "2001:db8::2"),
        "externalIPs": ("198.51.100.1", "2001:db8::1"),
        "loadBalancerSourceRanges": ("10.0.0.0/8", "2001:db8::/32"),
    }
    ledger = Ledger(network)
    try:
        for count, policy, affinity in (
            (0, "Cluster", ""),
            (3, "Local", ""),
            (40, "Cluster", "ClientIP"),
            (41, "", ""),
        ):
            slices = [
                endpoint_slice(
                    *(endpoint(prefix + str(n), node="n1") for n in range(1, count + 1)),
                    name=f"{port}-{family}",
                    port_name=port,
                    protocol=protocol,
                    family=family,
                )
                for family, prefix in (("IPv4", "10.77.0."), ("IPv6", "fd00:77::"))
                for port, protocol in (("a", "TCP"), ("b", "SCTP"))
            ]
            one = service(**spec, externalTrafficPolicy=policy, sessionAffinity=affinity)
            ledger.replace(key("web"), service_rules(one, slices, place))
            transaction = ledger.take()
            assert transaction is not None
            machines.nft(nft.text(transaction, network))
    finally:
        machines.nft(nft.removal(network))
        machines.ledger.start_over()
