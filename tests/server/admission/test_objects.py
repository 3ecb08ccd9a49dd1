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


PODS = "/api/v1/namespaces/default/pods"


def bound_pod(name: str, node: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]}}


def test_a_kubelet_evicts_its_own_pods_alone(peer: Peer) -> None:
    for name, node in (("mine", "n1"), ("other", "n2")):
        peer.post(PODS, bound_pod(name, node))
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "other"}}
    status, message = peer.refused("POST", f"{PODS}/other/eviction", body, user=KUBELET)
    assert status == 403
    assert message == 'pods "other" is forbidden: node n1 can only evict pods with spec.nodeName set to itself'
    body["metadata"] = {"name": "mine"}
    assert peer.send("POST", f"{PODS}/mine/eviction", body, user=KUBELET).status == 201


def test_a_kubelet_asks_for_tokens_of_its_own_pods_alone() -> None:
    peer = Peer(signs=True)
    mine, other = (peer.post(PODS, bound_pod(name, node)) for name, node in (("mine", "n1"), ("other", "n2")))
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"

    def asked(**reference: str) -> tuple[int, str]:
        spec = {"boundObjectRef": reference} if reference else {}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = peer.send("POST", path, body, user=KUBELET)
        return answer.status, answer.body.decode()

    pod = {"apiVersion": "v1", "kind": "Pod"}
    for reference, text in (
        ({}, "node requested token not bound to a pod"),
        ({**pod, "name": "mine"}, "node requested token with a pod binding without a uid"),
        ({**pod, "name": "mine", "uid": "x"}, "the UID in the bound object reference (x) does not match the UID"),
        (
            {**pod, "name": "other", "uid": other["metadata"]["uid"]},
            "node requested token bound to a pod scheduled on a different node",
        ),
    ):
        status, body = asked(**reference)
        assert status == 403 and text in body
    assert asked(**pod, name="mine", uid=mine["metadata"]["uid"])[0] == 201
    peer.close()


def test_a_mirror_pod_belongs_to_its_node(peer: Peer) -> None:
    node = peer.post(NODES, {"metadata": {"name": "n1"}}, user=KUBELET)
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": node["metadata"]["uid"], "controller": True}
    tree = bound_pod("m", "n1")
    tree["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "h"}
    for owners, text in (
        ([], "with an owner reference set to itself"),
        ([owner, owner | {"uid": "x", "controller": False}], "with a single owner reference set to itself"),
        ([owner | {"controller": False}], "with a controller owner reference set to itself"),
        ([owner | {"blockOwnerDeletion": True}], "must not set blockOwnerDeletion on an owner reference"),
        ([owner | {"uid": "x"}], "node n1 UID mismatch: expected x got "),
    ):
        tree["metadata"]["ownerReferences"] = owners
        status, message = peer.refused("POST", PODS, tree, user=KUBELET)
        assert status == 403 and text in message, (owners, message)
    tree["metadata"]["ownerReferences"] = [owner]
    container: dict[str, Any] = tree["spec"]["containers"][0]
    for field, value, what in (
        ("env", [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}], "secrets"),
        ("envFrom", [{"configMapRef": {"name": "c"}}], "configmaps"),
    ):
        container[field] = value
        _, message = peer.refused("POST", PODS, tree, user=KUBELET)
        assert message.endswith(f'node "n1" can not create pods that reference {what}')
        del container[field]
    peer.post(PODS, tree, user=KUBELET)
