"""May this pod run here? The kubelet's own last word, before anything of the pod is made. Pure.

A refused pod becomes Failed with a reason; who made it makes another one elsewhere.

Source: the kubelet's `lifecycle/predicate.go` (reasons and texts).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from navarch.api.views.node import Node
from navarch.api.views.pod import NodeSelectorRequirement, NodeSelectorTerm, Pod
from navarch.node.labels import is_static
from navarch.node.memory import Ended
from navarch.node.resources import pod_requests, total_requests

NODE_AFFINITY = "NodeAffinity"
#: sysctls that a pod may set without the node's leave. Source: the kubelet's safe list.
SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    }
)


def refusal(pod: Pod, others: Iterable[Pod], node: Node, allocatable: Mapping[str, int]) -> Ended | None:
    """Why the pod cannot run here, None if it can. `others` are the pods that already hold resources;
    `allocatable` counts cpu in millis."""
    if is_static(pod):
        return None
    if not matches_node(pod, node):
        return Ended(
            NODE_AFFINITY,
            "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
            True,
        )
    sysctls = pod.spec.securityContext.sysctls if pod.spec.securityContext is not None else ()
    for sysctl in sysctls:
        if sysctl.name not in SAFE_SYSCTLS:
            return Ended(
                "SysctlForbidden", f'Pod was rejected: forbidden sysctl: "{sysctl.name}" not allowlisted', True
            )
    return _resources(pod, list(others), allocatable)


def _resources(pod: Pod, others: list[Pod], allocatable: Mapping[str, int]) -> Ended | None:
    limit = allocatable.get("pods", 0)
    if limit and len(others) + 1 > limit:
        return _out_of("pods", 1, len(others), limit)
    wanted = pod_requests(pod)
    if not wanted:
        return None
    used = total_requests(others)
    for name in sorted(wanted):
        amount, capacity = wanted[name], allocatable.get(name, 0)
        if amount and used.get(name, 0) + amount > capacity:
            return _out_of(name, amount, used.get(name, 0), capacity)
    return None


def _out_of(name: str, requested: int, used: int, capacity: int) -> Ended:
    text = (
        f"Pod was rejected: Node didn't have enough resource: {name}, "
        f"requested: {requested}, used: {used}, capacity: {capacity}"
    )
    return Ended(f"OutOf{name}", text, True)


def matches_node(pod: Pod, node: Node) -> bool:
    """nodeSelector and required node affinity hold for this node."""
    labels = node.metadata.labels
    if any(labels.get(key) != value for key, value in pod.spec.nodeSelector.items()):
        return False
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    return required is None or any(_term(term, node) for term in required.nodeSelectorTerms)


def _term(term: NodeSelectorTerm, node: Node) -> bool:
    if not term.matchExpressions and not term.matchFields:
        return False
    fields = {"metadata.name": node.metadata.name}
    return all(_holds(r, node.metadata.labels) for r in term.matchExpressions) and all(
        _holds(r, fields) for r in term.matchFields
    )


def _holds(requirement: NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            try:
                left, right = int(value or ""), int(requirement.values[0])
            except (ValueError, IndexError):
                return False
            return left > right if requirement.operator == "Gt" else left < right
    return False
