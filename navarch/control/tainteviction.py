"""The taint eviction controller: deletes pods that do not, or no longer, tolerate a NoExecute taint.

Source: Kubernetes' taint eviction controller; `tolerationSeconds` counts from the taint's `timeAdded`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable

from navarch.api.views.node import Node, Taint
from navarch.api.views.pod import Pod, Toleration
from navarch.base.resource import ObjectKey
from navarch.base.times import format_time, parse
from navarch.client.cache import key_of
from navarch.client.contract import PatchType
from navarch.client.recorder import reference
from navarch.control.intents import DONE, Delete, Event, Patch, Plan
from navarch.control.sources import NODES, PODS
from navarch.control.world import Controller, Watch, World, same_key


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    pod = world[PODS].get(key)
    if pod is None or pod.metadata.deletionTimestamp is not None or not pod.spec.nodeName:
        return DONE
    node = world[NODES].get(ObjectKey("", pod.spec.nodeName))
    if node is None:
        return DONE
    due = evict_at([t for t in node.spec.taints if t.effect == "NoExecute"], pod.spec.tolerations, now)
    if due == math.inf:
        return DONE
    if due > now:
        return Plan((), due - now)
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
        "lastTransitionTime": format_time(now),
    }
    patch = {"status": {"conditions": [condition]}}
    uid = pod.metadata.uid
    about = reference(PODS.resource, pod.metadata)
    return Plan(
        (
            Event(about, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key}"),
            Patch(PODS.resource, key, patch, PatchType.STRATEGIC, subresource="status", uid=uid),
            Delete(PODS.resource, key, uid),
        )
    )


def evict_at(taints: Iterable[Taint], tolerations: Iterable[Toleration], now: float) -> float:
    """When a pod with `tolerations` must leave; infinity if never."""
    due = math.inf
    for taint in taints:
        tolerated = [t for t in tolerations if tolerates(t, taint)]
        if not tolerated:
            return now
        seconds = [t.tolerationSeconds for t in tolerated if t.tolerationSeconds is not None]
        if seconds:
            added = parse(taint.timeAdded) if taint.timeAdded else now
            due = min(due, added + max(min(seconds), 0))
    return due


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.key != "" and toleration.value == taint.value


def _keys_of_node(world: World, _key: ObjectKey, old: Node | None, new: Node | None) -> set[Hashable]:
    """All pods of a node whose taints have changed."""
    if new is None or (old is not None and old.spec.taints == new.spec.taints):
        return set()
    return {key_of(p) for p in world[PODS].by_index("node", new.metadata.name)}


def _keys_of_pod(world: World, key: ObjectKey, old: Pod | None, new: Pod | None) -> tuple[ObjectKey, ...]:
    """A pod that was bound, or whose tolerations changed."""
    if new is None or not new.spec.nodeName:
        return ()
    same = old is not None and (old.spec.nodeName, old.spec.tolerations) == (new.spec.nodeName, new.spec.tolerations)
    return () if same else same_key(world, key, old, new)


CONTROLLER = Controller("node-controller", (Watch(NODES, _keys_of_node), Watch(PODS, _keys_of_pod)), reconcile)
