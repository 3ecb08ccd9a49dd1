"""What admission makes of other objects: claims, ingresses, nodes, roles."""

from __future__ import annotations

from typing import Any

from navarch.wire.messages import User
from tests.server.peer import Peer

CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
NODES = "/api/v1/nodes"
KUBELET = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
ALICE = User("alice", groups=("system:authenticated",))
MERGE = {"media": "application/merge-patch+json"}


def claim() -> dict[str, Any]:
    resources = {"requests": {"storage": "1Gi"}}
    return {"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources}}


def storage_class(name: str, *, growing: bool = False) -> dict[str, Any]:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    metadata = {"name": name, "annotations": annotations}
    return {"metadata": metadata, "provisioner": "x", "allowVolumeExpansion": growing}


def test_the_newest_default_class_is_chosen_and_the_claim_protected(peer: Peer) -> None:
    peer.post(CLASSES, storage_class("old"))
    peer.loop.advance(5)
    peer.post(CLASSES, storage_class("new"))
    made = peer.post(CLAIMS, claim())
    assert made["spec"]["storageClassName"] == "new"
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]


def test_an_ingress_gets_the_default_class(peer: Peer) -> None:
    annotations = {"ingressclass.kubernetes.io/is-default-class": "true"}
    tree = {"metadata": {"name": "n", "annotations": annotations}, "spec": {"controller": "x/y"}}
    peer.post("/apis/networking.k8s.io/v1/ingressclasses", tree)
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    ingress = {"metadata": {"name": "i"}, "spec": {"defaultBackend": backend}}
    made = peer.post("/apis/networking.k8s.io/v1/namespaces/default/ingresses", ingress)
    assert made["spec"]["ingressClassName"] == "n"


def test_a_kubelet_writes_its_own_node_only(peer: Peer) -> None:
    peer.post(NODES, {"metadata": {"name": "n1", "labels": {"kubernetes.io/os": "linux"}}}, user=KUBELET)
    taint = {"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}
    assert peer.refused("PATCH", f"{NODES}/n1", taint, user=KUBELET, **MERGE) == (
        403,
        'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
    )
    label = {"metadata": {"labels": {"node-restriction.kubernetes.io/pci": "yes"}}}
    assert peer.refused("PATCH", f"{NODES}/n1", label, user=KUBELET, **MERGE) == (
        403,
        'nodes "n1" is forbidden: node "n1" is not allowed to modify labels: node-restriction.kubernetes.io/pci',
    )
    allowed = {"metadata": {"labels": {"example.com/rack": "1", "topology.kubernetes.io/zone": "z"}}}
    peer.ok("PATCH", f"{NODES}/n1", allowed, user=KUBELET, **MERGE)
    status, _ = peer.refused("POST", NODES, {"metadata": {"name": "n2"}}, user=KUBELET)
    assert status == 403


def test_a_bound_pod_learns_its_zone(peer: Peer) -> None:
    peer.post(NODES, {"metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z"}}})
    pods = "/api/v1/namespaces/default/pods"
    peer.post(pods, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    peer.post(f"{pods}/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}})
    assert peer.get(f"{pods}/p")["metadata"]["labels"] == {"topology.kubernetes.io/zone": "z"}


def test_nobody_grants_what_they_do_not_have(peer: Peer) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "alice"}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}
    peer.post(f"{rbac}/rolebindings", {"metadata": {"name": "a"}, "roleRef": ref, "subjects": [subject]})
    role = {"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]}
    status, message = peer.refused("POST", f"{rbac}/roles", role, user=ALICE)
    assert status == 403
    assert (
        'is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"]' in message
    )


def test_a_claim_grows_only_where_its_class_lets_it(peer: Peer) -> None:
    peer.post(CLASSES, storage_class("fixed"))
    peer.post(CLAIMS, claim())
    peer.ok("PATCH", f"{CLAIMS}/c/status", {"status": {"phase": "Bound"}}, **MERGE)
    bigger = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    status, message = peer.refused("PATCH", f"{CLAIMS}/c", bigger, **MERGE)
    assert status == 403
    assert "must support resize" in message
    peer.ok("PATCH", f"{CLASSES}/fixed", {"allowVolumeExpansion": True}, **MERGE)
    peer.ok("PATCH", f"{CLAIMS}/c", bigger, **MERGE)
