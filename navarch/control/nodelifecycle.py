"""The node lifecycle controller: notices nodes that fell silent, taints them, and marks their pods not ready.

A node is heard by its Lease or by the heartbeat of its Ready condition, whichever is later. Silence is
counted from the controller's own start at the earliest: after an outage of the control plane every node
has the time to be heard again. And while no node at all is ready, none is tainted so that pods must leave:
it is then more likely that nobody can be heard, and there is nowhere to go.

Source: Kubernetes' node lifecycle controller (reasons, messages, taints).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

import msgspec

from navarch.api.views.coordination import Lease
from navarch.api.views.node import Node, NodeCondition, Taint
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.base.times import format_time, parse
from navarch.client.cache import key_of
from navarch.client.contract import PatchType
from navarch.client.recorder import reference
from navarch.control.intents import DONE, Event, Intent, Patch, Plan
from navarch.control.pods import condition, is_ready
from navarch.control.sources import LEASES, NODES, PODS, node_unready
from navarch.control.views import to_tree
from navarch.control.world import Controller, Watch, World
from navarch.schema.types import Tree

LEASE_NAMESPACE: Final = "kube-node-lease"
NOT_READY: Final = "node.kubernetes.io/not-ready"
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
#: Condition type -> (the status that is bad, the taint it brings).
PRESSURES: Final = {
    "MemoryPressure": ("True", "node.kubernetes.io/memory-pressure"),
    "DiskPressure": ("True", "node.kubernetes.io/disk-pressure"),
    "PIDPressure": ("True", "node.kubernetes.io/pid-pressure"),
    "NetworkUnavailable": ("True", "node.kubernetes.io/network-unavailable"),
}
UNSCHEDULABLE: Final = "node.kubernetes.io/unschedulable"
#: The taints this controller gives and takes, by key and effect.
MANAGED: Final = frozenset(
    {
        (NOT_READY, "NoSchedule"),
        (NOT_READY, "NoExecute"),
        (UNREACHABLE, "NoSchedule"),
        (UNREACHABLE, "NoExecute"),
        (UNSCHEDULABLE, "NoSchedule"),
        *((key, "NoSchedule") for _, key in PRESSURES.values()),
    }
)
#: Those of them that make pods leave.
EVICTING: Final = frozenset({(NOT_READY, "NoExecute"), (UNREACHABLE, "NoExecute")})
_REPORTED: Final = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


def reconcile(grace_s: float, world: World, key: ObjectKey, now: float) -> Plan:
    node = world[NODES].get(key)
    if node is None or node.metadata.deletionTimestamp is not None:
        return DONE
    silent_s = now - max(last_heard(node, world[LEASES].get(ObjectKey(LEASE_NAMESPACE, key.name))), world.started_at)
    silent = silent_s > grace_s
    intents: list[Intent] = []
    conditions = {c.type: c for c in node.status.conditions}
    if silent:
        changes = list(_unknown(node, now))
        if changes:
            status = {"status": {"conditions": changes}}
            uid = node.metadata.uid
            intents.append(Patch(NODES.resource, key, status, PatchType.STRATEGIC, subresource="status", uid=uid))
            conditions |= {c["type"]: msgspec.convert(c, NodeCondition) for c in changes}
    ready = conditions.get("Ready")
    taints = wanted_taints(node, conditions.values(), now)
    unready = len(world[NODES].by_index("unready", True)) + (silent and _was_ready(node))
    if unready == len(world[NODES]):
        taints = [t for t in taints if (t.key, t.effect) not in EVICTING]
    if taints != list(node.spec.taints):
        trees = [to_tree(t) for t in taints]
        patch = {"spec": {"taints": trees or None}}
        metadata = node.metadata
        intents.append(Patch(NODES.resource, key, patch, uid=metadata.uid, resource_version=metadata.resourceVersion))
    if ready is not None and ready.status != "True":
        intents += _not_ready_pods(world[PODS].by_index("node", key.name), now)
        if _was_ready(node):
            text = f"Node {key.name} status is now: NodeNotReady"
            intents.append(Event(reference(NODES.resource, node.metadata), "Normal", "NodeNotReady", text))
    return Plan(tuple(intents), None if silent else max(grace_s - silent_s, 0) + 0.1, routine=True)


def last_heard(node: Node, lease: Lease | None) -> float:
    """When the node last gave a sign of life."""
    times = [node.metadata.creationTimestamp, lease.spec.renewTime if lease is not None else None]
    times += [c.lastHeartbeatTime for c in node.status.conditions if c.type == "Ready"]
    return max((parse(t) for t in times if t), default=0.0)


def _was_ready(node: Node) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in node.status.conditions)


def _unknown(node: Node, now: float) -> Iterator[Tree]:
    """The conditions that can no longer be known."""
    known = {c.type: c for c in node.status.conditions}
    for type_ in _REPORTED:
        current = known.get(type_)
        if current is not None and current.status == "Unknown":
            continue
        tree: Tree = {
            "type": type_,
            "status": "Unknown",
            "reason": "NodeStatusUnknown" if current is not None else "NodeStatusNeverUpdated",
            "message": "Kubelet stopped posting node status."
            if current is not None
            else "Kubelet never posted node status.",
            "lastTransitionTime": format_time(now),
        }
        heartbeat = current.lastHeartbeatTime if current is not None else node.metadata.creationTimestamp
        if heartbeat:
            tree["lastHeartbeatTime"] = heartbeat
        yield tree


def wanted_taints(node: Node, conditions: Iterable[NodeCondition], now: float) -> list[Taint]:
    """The node's taints as they should be: those of others stay as and where they are."""
    by_type = {c.type: c.status for c in conditions}
    keys: dict[tuple[str, str], None] = {}
    ready = by_type.get("Ready")
    if ready == "Unknown":
        keys.update({(UNREACHABLE, "NoSchedule"): None, (UNREACHABLE, "NoExecute"): None})
    elif ready == "False":
        keys.update({(NOT_READY, "NoSchedule"): None, (NOT_READY, "NoExecute"): None})
    elif ready is None and any(t.key == NOT_READY and t.effect == "NoSchedule" for t in node.spec.taints):
        # Registered, but not yet heard of: the taint it came with stays.
        keys[NOT_READY, "NoSchedule"] = None
    for type_, (bad, key) in PRESSURES.items():
        if by_type.get(type_) == bad:
            keys[key, "NoSchedule"] = None
    if node.spec.unschedulable:
        keys[UNSCHEDULABLE, "NoSchedule"] = None
    kept = [t for t in node.spec.taints if (t.key, t.effect) not in MANAGED or (t.key, t.effect) in keys]
    present = {(t.key, t.effect) for t in kept}
    new = [Taint(key=k, effect=e, timeAdded=format_time(now)) for k, e in keys if (k, e) not in present]
    return kept + new


def _not_ready_pods(pods: Iterable[Pod], now: float) -> Iterator[Patch]:
    """Pods on a node that is not ready serve no one."""
    for pod in sorted(pods, key=lambda p: p.metadata.name):
        current = condition(pod, "Ready")
        if current is None or not is_ready(pod):
            continue
        tree = {"type": "Ready", "status": "False", "lastTransitionTime": format_time(now)}
        patch = {"status": {"conditions": [tree]}}
        uid = pod.metadata.uid
        yield Patch(PODS.resource, key_of(pod), patch, PatchType.STRATEGIC, subresource="status", uid=uid)


def _key_of_lease(_world: World, key: ObjectKey, _old: Lease | None, _new: Lease | None) -> tuple[ObjectKey, ...]:
    return (ObjectKey("", key.name),) if key.namespace == LEASE_NAMESPACE else ()


def _keys_of_node(world: World, key: ObjectKey, old: Node | None, new: Node | None) -> list[ObjectKey]:
    """The node; and all nodes when the last ready one is lost or the first is back."""
    total, unready = len(world[NODES]), len(world[NODES].by_index("unready", True))
    total_before = total - (new is not None) + (old is not None)
    unready_before = unready - _is_unready(new) + _is_unready(old)
    same = (unready == total) == (unready_before == total_before)
    return [key] if same else list(world[NODES].keys())


def _is_unready(node: Node | None) -> bool:
    return node is not None and bool(node_unready(node))


def controller(grace_s: float) -> Controller:
    """`grace_s` is how long a node may be silent."""
    watches = (Watch(NODES, _keys_of_node), Watch(LEASES, _key_of_lease))
    return Controller("node-controller", watches, partial(reconcile, grace_s), reads=(PODS,))
