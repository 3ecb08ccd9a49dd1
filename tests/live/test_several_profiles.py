"""Two clusters on one machine: each on its own, sharing the machine's 127.0.0.1."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from navarch.launch.drivers import hostnet, hostports
from tests.live.cluster import LiveCluster, Namespace, Tree, eventually, http, pod
from tests.live.conftest import running
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]

PORT, OTHER_PORT, UDP_PORT = 30990, 30991, 30992


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Namespace, Namespace]]:
    """Their default namespaces. Both share one NAVARCH_HOME, as a user's clusters do."""
    with running(f"one-{os.getpid()}") as first:
        second = LiveCluster(first.home, f"two-{os.getpid()}")
        second.start()
        first.context, second.context = first.name, second.name
        yield Namespace(first, "default"), Namespace(second, "default")


def served(namespace: Namespace, port: int) -> None:
    """A pod that says its cluster's name at the node port."""
    name = namespace.cluster.name
    made = pod("web", f"echo {name} > /tmp/index.html; exec httpd -f -p 8000 -h /tmp")
    namespace.apply(made, service("web", port, "TCP", 8000))
    namespace.wait_ready("web")


def service(app: str, port: int, protocol: str, target: int) -> Tree:
    ports = [{"port": 80, "targetPort": target, "nodePort": port, "protocol": protocol}]
    spec = {"type": "NodePort", "selector": {"app": app}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{app}-{port}"}, "spec": spec}


def test_each_is_there(both: tuple[Namespace, Namespace]) -> None:
    first, second = (each.cluster for each in both)
    assert set(first.navarch("profile", "list").out.split()) == {first.name, second.name}
    assert first.node_ip() != second.node_ip()
    for cluster in (first, second):
        assert cluster.navarch("status").code == 0
        assert cluster.kubectl("get", "nodes", "-o", "name").out == f"node/{cluster.name}\n"
    assert first.kubectl("config", "current-context").out.strip() == second.name


def test_node_ports_of_both_answer_on_this_machine(both: tuple[Namespace, Namespace]) -> None:
    first, second = both
    for namespace, port in ((first, PORT), (second, OTHER_PORT)):
        served(namespace, port)
        name = namespace.cluster.name
        for host in (namespace.cluster.node_ip(), "127.0.0.1", "localhost"):
            assert eventually(lambda at=f"http://{host}:{port}": http(at)) == f"{name}\n"


def test_a_port_stays_with_the_first_and_the_second_is_told(both: tuple[Namespace, Namespace]) -> None:
    first, second = both
    second.apply(service("web", PORT, "TCP", 8000))
    node = second.cluster.node_ip()
    assert eventually(lambda: http(f"http://{node}:{PORT}")) == f"{second.cluster.name}\n"
    assert http(f"http://127.0.0.1:{PORT}") == f"{first.cluster.name}\n"
    told = f"127.0.0.1:{PORT}/TCP belongs to another cluster, whose node is {first.cluster.node_ip()}"
    eventually(lambda: told in second.kubectl("describe", "service", f"web-{PORT}").out)
    # Once the first gives it back, the second gets it.
    first.kubectl("delete", "service", f"web-{PORT}")
    assert eventually(lambda: http(f"http://127.0.0.1:{PORT}") == f"{second.cluster.name}\n")


def ask(host: str, port: int, text: str) -> str:
    """The answer to one datagram, "" when there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect((host, port))
        try:
            client.send(text.encode())
            return client.recv(100).decode()
        except OSError:
            return ""


ECHO = """\
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7000))
while True:
    text, peer = s.recvfrom(100)
    s.sendto(text, peer)
"""


def echo_of_datagrams() -> Tree:
    """The images' tools know streams alone, so the pod borrows this machine's Python."""
    made = pod("echo", "")
    made["spec"]["containers"][0] |= {
        "command": ["chroot", "/host", sys.executable, "-c", ECHO],
        "volumeMounts": [{"name": "host", "mountPath": "/host"}],
    }
    made["spec"]["volumes"] = [{"name": "host", "hostPath": {"path": "/"}}]
    return made


def test_services_of_datagrams(both: tuple[Namespace, Namespace]) -> None:
    """From a pod at the cluster's address and name, from this machine at the node's address and at 127.0.0.1."""
    first, _ = both
    first.apply(
        echo_of_datagrams(),
        pod("client"),
        service("echo", UDP_PORT, "UDP", 7000),
    )
    first.wait_ready("echo", "client")
    for host in (first.cluster.node_ip(), "127.0.0.1"):
        assert eventually(lambda at=host: ask(at, UDP_PORT, "from outside\n")) == "from outside\n"
    address = first.path("service", f"echo-{UDP_PORT}", ".spec.clusterIP")
    for name in (address, f"echo-{UDP_PORT}"):
        script = f"exec 3<>/dev/udp/{name}/80; echo inside >&3; timeout 2 head -n 1 <&3"
        assert eventually(lambda text=script: first.sh("client", text)) == "inside"


def test_a_deleted_cluster_gives_its_ports_back(both: tuple[Namespace, Namespace]) -> None:
    _, second = both
    node = second.cluster.node_ip()
    second.cluster.navarch("delete")
    held = hostports.holders(hostnet.output(["nft", hostports.LISTING]))
    assert held and node not in held.values()
    assert http(f"http://127.0.0.1:{OTHER_PORT}") == ""
    assert second.cluster.name not in second.cluster.kubeconfig.read_text()
