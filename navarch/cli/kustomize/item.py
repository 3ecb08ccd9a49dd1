"""An object on its way through kustomizations, and where the parts of workloads lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from navarch.schema.types import Tree

#: Kinds that belong to no namespace.
CLUSTER_KINDS: Final = frozenset(
    (
        "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding",
        "ClusterTrustBundle", "CustomResourceDefinition", "DeviceClass", "FlowSchema", "IPAddress", "IngressClass",
        "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace",
        "Node", "PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass",
        "ServiceCIDR", "StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass",
    )
)  # fmt: skip


@dataclass
class Item:
    """`names` are all that the object had, the present one last; a patch may call it by any of them."""

    tree: Tree
    names: list[str] = field(default_factory=list)
    #: Whether the name gets a hash of the content in the end.
    hashed: bool = False

    def __post_init__(self) -> None:
        self.names = self.names or [self.name]

    @property
    def kind(self) -> str:
        return str(self.tree.get("kind", ""))

    @property
    def name(self) -> str:
        return str((self.tree.get("metadata") or {}).get("name", ""))

    @property
    def namespace(self) -> str:
        return str((self.tree.get("metadata") or {}).get("namespace", ""))

    @property
    def group(self) -> str:
        return str(self.tree.get("apiVersion", "")).rpartition("/")[0]

    @property
    def builtin(self) -> bool:
        return "." not in self.group or self.group.endswith(".k8s.io")

    def rename(self, name: str) -> None:
        self.tree["metadata"]["name"] = name
        self.names.append(name)


def at(tree: Any, *path: str, create: bool = False) -> Any:
    """What lies at the path of keys; None if there is nothing, unless an empty map is to be made there."""
    for key in path:
        if not isinstance(tree, dict):
            return None
        if create and tree.get(key) is None:
            tree[key] = {}
        tree = tree.get(key)
    return tree


def templates(tree: Tree) -> Iterator[Tree]:
    """The objects within an object that have metadata of their own: pod templates, and a cron job's job."""
    spec = tree.get("spec") or {}
    match tree.get("kind"):
        case "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "Job" | "ReplicationController":
            yield spec.setdefault("template", {})
        case "CronJob":
            job = spec.setdefault("jobTemplate", {})
            yield job
            yield at(job, "spec", "template", create=True)


def pod_specs(tree: Tree) -> Iterator[Tree]:
    """The specs of the pods that an object is or makes."""
    if tree.get("kind") == "Pod":
        yield tree.get("spec") or {}
        return
    for template in templates(tree):
        if "containers" in (template.get("spec") or {}):
            yield template["spec"]
