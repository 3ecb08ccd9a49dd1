"""Network policies on two nodes: the tutorial's walkthrough, default denials, and what always passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.cluster import LiveCluster, Namespace, Tree, eventually, pod
from tests.live.conftest import running
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]

ACCESS: Tree = {
    "podSelector": {"matchLabels": {"app": "nginx"}},
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"access": "true"}}}]}],
}


@pytest.fixture(scope="module")
def own() -> Iterator[LiveCluster]:
    with running("policies", "--nodes=2") as started:
        yield started


@pytest.fixture
def space(own: LiveCluster, request: pytest.FixtureRequest) -> Namespace:
    name = request.node.name.removeprefix("test_").replace("_", "-")
    own.kubectl("create", "namespace", name)
    return Namespace(own, name)


def policy(name: str, spec: Tree) -> Tree:
    meta = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}}
    return {**meta, "spec": spec}


def on(own: LiveCluster, node: int, name: str, **labels: str) -> Tree:
    """A pod that sleeps on a node."""
    tree = pod(name, spec={"nodeName": own.node_name(node)})
    tree["metadata"]["labels"] |= labels
    return tree


def reaches(space: Namespace, source: str, url: str) -> bool:
    return space.kubectl("exec", source, "--", "wget", "-q", "-T", "2", "-t", "1", "-O-", url, check=False).code == 0


def server(space: Namespace, own: LiveCluster, node: int = 0) -> str:
    """An nginx that is probed by the kubelet; its address."""
    probe = {"httpGet": {"port": 80}, "periodSeconds": 1}
    container = {"name": "nginx", "image": "nginx", "readinessProbe": probe, "livenessProbe": probe}
    spec = {"nodeName": own.node_name(node), "containers": [container]}
    space.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "nginx"}}, "spec": spec}
    )
    space.wait_ready("web")
    return space.path("pod", "web", ".status.podIP")


def test_declare_network_policy(own: LiveCluster, space: Namespace) -> None:
    """Kubernetes' tutorial: only pods with the label reach nginx, from both nodes."""
    assert space.kubectl("create", "deployment", "nginx", "--image=nginx").out == "deployment.apps/nginx created\n"
    assert space.kubectl("expose", "deployment", "nginx", "--port=80").out == "service/nginx exposed\n"
    space.kubectl("rollout", "status", "deployment/nginx", "--timeout=60s")
    names = [f"{kind}{node}" for kind in ("stranger", "friend") for node in (0, 1)]
    space.apply(*(on(own, int(n[-1]), n, **({"access": "true"} if n < "s" else {})) for n in names))
    space.wait_ready(*names)
    assert all(eventually(lambda n=n: reaches(space, n, "http://nginx")) for n in names)  # type: ignore[misc]
    space.apply(policy("access-nginx", ACCESS))
    eventually(lambda: not reaches(space, "stranger0", "http://nginx"))
    assert {n: reaches(space, n, "http://nginx") for n in names} == {n: n < "s" for n in names}
    space.kubectl("label", "pod", "stranger1", "access=true")
    eventually(lambda: reaches(space, "stranger1", "http://nginx"))
    space.kubectl("delete", "networkpolicy", "access-nginx")
    eventually(lambda: reaches(space, "stranger0", "http://nginx"))


def test_default_deny(own: LiveCluster, space: Namespace) -> None:
    """Nothing gets in, the kubelet's probes go on; then nothing gets out, names included; then names alone do."""
    address = server(space, own)
    space.apply(on(own, 0, "near"), on(own, 1, "far"))
    space.wait_ready("near", "far")
    assert reaches(space, "near", f"http://{address}") and reaches(space, "far", f"http://{address}")
    space.apply(policy("deny-in", {"podSelector": {}, "policyTypes": ["Ingress"]}))
    for name in ("near", "far"):
        eventually(lambda name=name: not reaches(space, name, f"http://{address}"))  # type: ignore[misc]
    assert reaches(space, "near", "http://kubernetes.default:443") is False
    assert space.kubectl("exec", "near", "--", "nslookup", "kubernetes.default.svc.cluster.local").code == 0
    space.apply(policy("deny-out", {"podSelector": {}, "policyTypes": ["Egress"]}))
    lookup = ("--", "timeout", "3", "nslookup", "kubernetes.default.svc.cluster.local")
    for name in ("near", "far"):
        eventually(lambda name=name: space.kubectl("exec", name, *lookup, check=False).code != 0)  # type: ignore[misc]
    dns = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    rule = {"to": [dns], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    space.apply(policy("names", {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]}))
    for name in ("near", "far"):
        eventually(lambda name=name: space.kubectl("exec", name, *lookup, check=False).code == 0)  # type: ignore[misc]
    web = space.get("pod", "web")["status"]["containerStatuses"][0]
    assert web["ready"] and web["restartCount"] == 0, "probes pass"


def test_blocks_and_ports(own: LiveCluster, space: Namespace) -> None:
    """ipBlock with an exception, a named port, a range."""
    address = server(space, own)
    space.apply(on(own, 0, "near"), on(own, 1, "far"))
    space.wait_ready("near", "far")
    near = space.path("pod", "near", ".status.podIP")
    pods = ".".join(near.split(".")[:2]) + ".0.0/16"
    block = {"ipBlock": {"cidr": pods, "except": [f"{near}/32"]}}
    rule = {"from": [block], "ports": [{"port": 79, "endPort": 81}]}
    space.apply(policy("block", {"podSelector": {"matchLabels": {"app": "nginx"}}, "ingress": [rule]}))
    eventually(lambda: not reaches(space, "near", f"http://{address}"))
    assert reaches(space, "far", f"http://{address}")
    rule["ports"] = [{"port": 8080, "endPort": 8090}]
    space.apply(policy("block", {"podSelector": {"matchLabels": {"app": "nginx"}}, "ingress": [rule]}))
    eventually(lambda: not reaches(space, "far", f"http://{address}"))
    # A name that the pod's container does not have opens nothing; the agent's restart changes nothing.
    own.kill_agent()
    assert not reaches(space, "near", f"http://{address}")
