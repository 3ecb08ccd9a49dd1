"""NodeRestriction: a kubelet writes its own Node, lease and CSINode, and the pods that are bound to it.

What it may read and which verbs it has is authorisation's part (`authz/node.py`).

Source: plugin/pkg/admission/noderestriction; label prefixes as in KEP-279 and the Node API.
"""

from __future__ import annotations

from collections.abc import Iterable

from navarch.base.errors import not_found
from navarch.schema.types import Tree
from navarch.server.admission.contract import CREATE, DELETE, UPDATE, Attributes, Plugin, World
from navarch.server.authz.node import LEASE_NAMESPACE, node_of
from navarch.server.authz.node_graph import pod_references

_MIRROR = "kubernetes.io/config.mirror"

#: Labels within the kubernetes.io namespaces that a kubelet may set.
_OWN_LABELS = frozenset(
    (
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.kubernetes.io/region",
        "failure-domain.kubernetes.io/zone",
        "kubernetes.io/arch",
        "kubernetes.io/hostname",
        "kubernetes.io/instance-type",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    )
)
_OWN_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")

#: What a mirror pod may not refer to, in the order in which it is told.
_BARRED = (
    ("serviceaccounts", "a service account"),
    ("secrets", "secrets"),
    ("configmaps", "configmaps"),
    ("persistentvolumeclaims", "persistentvolumeclaims"),
)


def check_node(attributes: Attributes, _world: World) -> None:
    """Raises: StatusError 403."""
    node = _node(attributes)
    if node is None:
        return
    if attributes.name != node:
        raise attributes.forbidden(f'node "{node}" is not allowed to modify node "{attributes.name}"')
    if attributes.obj is None:
        return
    labels = attributes.obj["metadata"].get("labels", {})
    if attributes.operation == CREATE:
        if wrong := _foreign(labels):
            raise attributes.forbidden(f'node "{node}" is not allowed to set the following labels: {wrong}')
        return
    assert attributes.old is not None
    before = attributes.old["metadata"].get("labels", {})
    changed = {key for key in labels.keys() | before.keys() if labels.get(key) != before.get(key)}
    if wrong := _foreign(changed):
        raise attributes.forbidden(f'node "{node}" is not allowed to modify labels: {wrong}')
    if _taints(attributes.obj) != _taints(attributes.old):
        raise attributes.forbidden(f'node "{node}" is not allowed to modify taints')
    if attributes.obj["metadata"].get("ownerReferences") != attributes.old["metadata"].get("ownerReferences"):
        raise attributes.forbidden(f'node "{node}" is not allowed to modify ownerReferences')


def check_pod(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403."""
    node = _node(attributes)
    if node is None:
        return
    if attributes.operation == CREATE:
        _check_mirror(attributes, attributes.tree, node, world)
        return
    assert attributes.old is not None
    if attributes.old["spec"].get("nodeName", "") != node:
        what = "delete pods" if attributes.operation == DELETE else "update pod status for pods"
        raise attributes.forbidden(f'node "{node}" can only {what} with spec.nodeName set to itself')
    if attributes.operation == UPDATE:
        before, after = attributes.old["metadata"].get("labels", {}), attributes.tree["metadata"].get("labels", {})
        if before != after:
            raise attributes.forbidden(f'node "{node}" cannot update labels through pod status')


def check_eviction(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403, 404."""
    node = _node(attributes)
    if node is None:
        return
    pod = world.get("pods", attributes.namespace, attributes.name)
    if pod is None:
        raise not_found("pods", attributes.name)
    if pod["spec"].get("nodeName", "") != node:
        raise attributes.forbidden(f"node {node} can only evict pods with spec.nodeName set to itself")


def check_token(attributes: Attributes, world: World) -> None:
    """A kubelet asks for tokens on behalf of its pods. Raises: StatusError 403, 404."""
    node = _node(attributes)
    if node is None:
        return
    reference = (attributes.tree.get("spec") or {}).get("boundObjectRef") or {}
    name, uid = reference.get("name", ""), reference.get("uid", "")
    if (reference.get("apiVersion"), reference.get("kind")) != ("v1", "Pod") or not name:
        raise attributes.forbidden("node requested token not bound to a pod")
    if not uid:
        raise attributes.forbidden("node requested token with a pod binding without a uid")
    pod = world.get("pods", attributes.namespace, name)
    if pod is None:
        raise not_found("pods", name)
    if uid != pod["metadata"]["uid"]:
        why = f"the UID in the bound object reference ({uid}) does not match the UID in record. "
        raise attributes.forbidden(why + "The object might have been deleted and then recreated")
    if pod["spec"].get("nodeName", "") != node:
        raise attributes.forbidden("node requested token bound to a pod scheduled on a different node")


def check_lease(attributes: Attributes, _world: World) -> None:
    """Raises: StatusError 403."""
    node = _node(attributes)
    if node is None:
        return
    if attributes.namespace != LEASE_NAMESPACE:
        raise attributes.forbidden(f'can only access leases in the "{LEASE_NAMESPACE}" system namespace')
    if attributes.name != node:
        raise attributes.forbidden("can only access node lease with the same name as the requesting node")


def check_csi_node(attributes: Attributes, _world: World) -> None:
    """Raises: StatusError 403."""
    node = _node(attributes)
    if node is not None and attributes.name != node:
        raise attributes.forbidden("can only access CSINode with the same name as the requesting node")


def _node(attributes: Attributes) -> str | None:
    node = node_of(attributes.user)
    if node == "":
        raise attributes.forbidden(f'could not determine node from user "{attributes.user.name}"')
    return node


def _check_mirror(attributes: Attributes, pod: Tree, node: str, world: World) -> None:
    """A kubelet shows the static pods that it runs; it makes no others."""
    if _MIRROR not in pod["metadata"].get("annotations", {}):
        why = f'pod does not have "{_MIRROR}" annotation, node "{node}" can only create mirror pods'
        raise attributes.forbidden(why)
    spec = pod["spec"]
    if spec.get("nodeName", "") != node:
        raise attributes.forbidden(f'node "{node}" can only create pods with spec.nodeName set to itself')
    if fault := _owner_fault(pod["metadata"].get("ownerReferences") or [], node, world):
        raise attributes.forbidden(fault)
    referred = {plural for plural, _, _ in pod_references(pod)}
    for plural, what in _BARRED:
        if plural in referred:
            raise attributes.forbidden(f'node "{node}" can not create pods that reference {what}')


def _owner_fault(owners: list[Tree], node: str, world: World) -> str:
    """What is wrong with the owners of a mirror pod, which are its node."""
    if len(owners) > 1:
        return f'node "{node}" can only create pods with a single owner reference set to itself'
    owner = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        return f'node "{node}" can only create pods with an owner reference set to itself'
    if not owner.get("controller"):
        return f'node "{node}" can only create pods with a controller owner reference set to itself'
    if owner.get("blockOwnerDeletion"):
        return f'node "{node}" must not set blockOwnerDeletion on an owner reference'
    found = world.get("nodes", "", node)
    if found is None:
        raise not_found("nodes", node)
    uid = found["metadata"]["uid"]
    return "" if owner.get("uid") == uid else f"node {node} UID mismatch: expected {owner.get('uid', '')} got {uid}"


def _taints(node: Tree) -> list[Tree]:
    taints: list[Tree] = (node.get("spec") or {}).get("taints") or []
    return taints


def _foreign(labels: Iterable[str]) -> str:
    return ", ".join(sorted(label for label in labels if not _is_own(label)))


def _is_own(label: str) -> bool:
    prefix = label.partition("/")[0] if "/" in label else ""
    if label in _OWN_LABELS or _within(prefix, _OWN_PREFIXES):
        return True
    return not _within(prefix, ("kubernetes.io", "k8s.io"))


def _within(prefix: str, domains: Iterable[str]) -> bool:
    return any(prefix == domain or prefix.endswith("." + domain) for domain in domains)


_WRITES = (CREATE, UPDATE, DELETE)
NODE = Plugin("NodeRestriction", _WRITES, ("nodes",), ("", "status"), validate=check_node)
POD = Plugin("NodeRestriction", (CREATE, DELETE), ("pods",), validate=check_pod)
EVICTION = Plugin("NodeRestriction", (CREATE,), ("pods",), ("eviction",), validate=check_eviction)
TOKEN = Plugin("NodeRestriction", (CREATE,), ("serviceaccounts",), ("token",), validate=check_token)
POD_STATUS = Plugin("NodeRestriction", (UPDATE,), ("pods",), ("status",), validate=check_pod)
LEASE = Plugin("NodeRestriction", _WRITES, ("leases.coordination.k8s.io",), validate=check_lease)
CSI_NODE = Plugin("NodeRestriction", _WRITES, ("csinodes.storage.k8s.io",), validate=check_csi_node)
