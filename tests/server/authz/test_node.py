"""What a kubelet reaches through its pods, and no longer when they are gone."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.server.authz.attributes import Attributes
from navarch.server.authz.node import NodeAuthorizer, node_of
from navarch.server.authz.node_graph import MIRROR, NodeGraph
from navarch.wire.messages import User

N1 = User("system:node:n1", groups=("system:nodes",))
N2 = User("system:node:n2", groups=("system:nodes",))


def pod(name: str, node: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "a"}, "spec": {"nodeName": node, **spec}}


def ask(graph: NodeGraph, user: User, verb: str, resource: str, name: str, group: str = "", **more: str) -> bool:
    question = Attributes(user, verb, group, "v1", resource, namespace="a", name=name, **more)
    return NodeAuthorizer(graph)(question).allowed


VOLUMES = [
    {"name": "s", "secret": {"secretName": "sec-volume"}},
    {"name": "c", "configMap": {"name": "cm-volume"}},
    {"name": "p", "projected": {"sources": [{"secret": {"name": "sec-projected"}}, {"configMap": {"name": "cm-pr"}}]}},
    {"name": "v", "persistentVolumeClaim": {"claimName": "claim"}},
    {"name": "e", "ephemeral": {"volumeClaimTemplate": {}}},
]
CONTAINER = {
    "envFrom": [{"secretRef": {"name": "sec-from"}}, {"configMapRef": {"name": "cm-from"}}],
    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "sec-key"}}}, {"name": "B", "value": "x"}],
}
USED = [
    ("secrets", "sec-volume"),
    ("secrets", "sec-projected"),
    ("secrets", "sec-from"),
    ("secrets", "sec-key"),
    ("secrets", "sec-pull"),
    ("configmaps", "cm-volume"),
    ("configmaps", "cm-pr"),
    ("configmaps", "cm-from"),
    ("persistentvolumeclaims", "claim"),
    ("persistentvolumeclaims", "web-e"),
    ("pods", "web"),
]


@pytest.mark.parametrize(("resource", "name"), USED)
def test_a_node_reads_what_its_pods_refer_to_while_they_are_there(resource: str, name: str) -> None:
    graph = NodeGraph()
    spec = {"volumes": VOLUMES, "containers": [CONTAINER], "imagePullSecrets": [{"name": "sec-pull"}]}
    graph.put_pod(pod("web", "n1", **spec))
    graph.put_pod(pod("other", "n1", **spec))
    assert ask(graph, N1, "get", resource, name)
    assert not ask(graph, N2, "get", resource, name)
    graph.remove_pod("a", "web")
    assert ask(graph, N1, "get", resource, name) == (name not in ("web", "web-e"))
    graph.put_pod(pod("other", "n2", **spec))
    assert not ask(graph, N1, "get", resource, name)


def test_volumes_and_their_secrets_are_reached_through_the_claim() -> None:
    graph = NodeGraph()
    graph.put_pod(pod("web", "n1", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "claim"}}]))
    secret = {"name": "creds", "namespace": "a"}
    claim = {"namespace": "a", "name": "claim"}
    volume = {"metadata": {"name": "pv"}, "spec": {"claimRef": claim, "csi": {"nodeStageSecretRef": secret}}}
    assert not ask(graph, N1, "get", "persistentvolumes", "pv")
    graph.put_volume(volume)
    assert ask(graph, N1, "get", "persistentvolumes", "pv") and ask(graph, N1, "get", "secrets", "creds")
    assert not ask(graph, N2, "get", "secrets", "creds")
    graph.remove_volume("pv")
    assert not ask(graph, N1, "get", "secrets", "creds")


def test_mirror_pods_give_nothing_but_themselves() -> None:
    graph = NodeGraph()
    mirror = pod("static", "n1", volumes=VOLUMES)
    mirror["metadata"]["annotations"] = {MIRROR: "x"}
    graph.put_pod(mirror)
    assert ask(graph, N1, "get", "pods", "static") and not ask(graph, N1, "get", "secrets", "sec-volume")


def test_own_node_lease_and_pods_by_selector_only() -> None:
    graph = NodeGraph()
    authorize = NodeAuthorizer(graph)

    def allowed(verb: str, resource: str, name: str = "", **more: str) -> bool:
        return authorize(Attributes(N1, verb, resource=resource, name=name, **more)).allowed

    assert allowed("get", "nodes", "n1") and not allowed("get", "nodes", "n2") and not allowed("list", "nodes")
    assert allowed("create", "nodes") and allowed("patch", "nodes", "n1", subresource="status")
    assert allowed("list", "pods", field_selector="spec.nodeName=n1")
    assert not allowed("list", "pods", field_selector="spec.nodeName=n2") and not allowed("watch", "pods")
    lease = {"group": "coordination.k8s.io", "namespace": "kube-node-lease"}
    assert allowed("update", "leases", "n1", **lease) and not allowed("update", "leases", "n2", **lease)
    assert allowed("list", "services") and not allowed("delete", "services", "x")


def test_who_is_a_node() -> None:
    assert node_of(N1) == "n1"
    assert node_of(User("system:node:n1")) is None
    assert node_of(User("system:node:", groups=("system:nodes",))) == ""
