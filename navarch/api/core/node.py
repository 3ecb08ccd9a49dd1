"""Node: a machine that runs pods."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, UNKNOWN, age, at, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each, struct
from navarch.api.fields import path
from navarch.api.kind import Column, Kind, Subresource, status_of
from navarch.api.strategy import keep_all_but_status, keep_status
from navarch.api.validation.nodes import node_errors, node_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Status", "The status of the node"),
    Column("Roles", "The roles of the node"),
    AGE,
    Column("Version", "Kubelet Version reported by the node."),
    Column(
        "Internal-IP",
        "List of addresses reachable to the node. Queried from cloud provider, if available. More "
        "info: https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is "
        "declared as mergeable, but the merge key is not sufficiently unique, which can cause data "
        "corruption when it is merged. Callers should instead use a full-replacement patch. See "
        "https://pr.k8s.io/79391 for an example. Consumers should assume that addresses can change "
        "during the lifetime of a Node. However, there are some exceptions where this may not be "
        "possible, such as Pods that inherit a Node's address in its own status or consumers of the "
        "downward API (status.hostIP).",
        priority=1,
    ),
    Column(
        "External-IP",
        "List of addresses reachable to the node. Queried from cloud provider, if available. More "
        "info: https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is "
        "declared as mergeable, but the merge key is not sufficiently unique, which can cause data "
        "corruption when it is merged. Callers should instead use a full-replacement patch. See "
        "https://pr.k8s.io/79391 for an example. Consumers should assume that addresses can change "
        "during the lifetime of a Node. However, there are some exceptions where this may not be "
        "possible, such as Pods that inherit a Node's address in its own status or consumers of the "
        "downward API (status.hostIP).",
        priority=1,
    ),
    Column(
        "OS-Image", "OS Image reported by the node from /etc/os-release (e.g. Debian GNU/Linux 7 (wheezy)).", priority=1
    ),
    Column(
        "Kernel-Version", "Kernel Version reported by the node from 'uname -r' (e.g. 3.16.0-0.bpo.4-amd64).", priority=1
    ),
    Column(
        "Container-Runtime",
        "ContainerRuntime Version reported by the node through runtime remote API (e.g. containerd://1.4.2).",
        priority=1,
    ),
)


def _default(tree: Tree) -> None:
    """All of the capacity can be allocated unless the node says less; `podCIDR` is the first of `podCIDRs`."""
    spec, status = struct(tree, "spec"), struct(tree, "status")
    ranges = spec.get("podCIDRs") or []
    if spec.get("podCIDR") and spec["podCIDR"] not in ranges[:1]:
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif ranges and not spec.get("podCIDR"):
        spec["podCIDR"] = ranges[0]
    if status.get("allocatable") is None and status.get("capacity"):
        status["allocatable"] = dict(status["capacity"])


#: Labels that give a node its roles: the role is in the name of the first, the value of the second.
_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"


def _cells(tree: Tree, now: float) -> list[Any]:
    info = at(tree, "status", "nodeInfo") or {}
    kernel = info.get("kernelVersion") or UNKNOWN
    if kernel != UNKNOWN and info.get("architecture"):
        kernel = f"{kernel} ({info['architecture']})"
    return [
        name(tree),
        _state(tree),
        ",".join(_roles(tree)) or NONE,
        age(tree, now),
        info.get("kubeletVersion", ""),
        _address(tree, "InternalIP"),
        _address(tree, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        kernel,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _state(tree: Tree) -> str:
    ready = [c.get("status") for c in each(tree.get("status") or {}, "conditions") if c.get("type") == "Ready"]
    state = "Unknown" if not ready else "Ready" if ready[0] == "True" else "NotReady"
    return f"{state},SchedulingDisabled" if at(tree, "spec", "unschedulable") else state


def _roles(tree: Tree) -> list[str]:
    labels = tree["metadata"].get("labels") or {}
    roles = {label.removeprefix(_ROLE_PREFIX) for label in labels if label.startswith(_ROLE_PREFIX)}
    return sorted((roles | {labels.get(_ROLE_LABEL, "")}) - {""})


def _address(tree: Tree, kind: str) -> str:
    found = (a.get("address") for a in each(tree.get("status") or {}, "addresses") if a.get("type") == kind)
    return next(found, None) or NONE


KIND = Kind(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    singular="node",
    namespaced=False,
    type_name="io.k8s.api.core.v1.Node",
    short_names=("no",),
    subresources=(
        Subresource("proxy", "NodeProxyOptions", ("create", "delete", "get", "patch", "update")),
        status_of("Node"),
    ),
    storage_version_hash="XwShjMxG9Fs=",
    columns=COLUMNS,
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    fields={
        "spec.unschedulable": path("spec.unschedulable", "false"),
    },
    default=_default,
    cells=_cells,
    validate=node_errors,
    validate_update=node_update_errors,
    revalidates_metadata=True,
)
