"""The pod garbage collector: pods of nodes that are gone, and finished pods beyond a limit.

There is one key: the whole cluster, looked at every twenty seconds and when a node goes.

Source: Kubernetes' pod garbage collector.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from navarch.api.views.node import Node
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.base.times import format_time
from navarch.client.cache import key_of
from navarch.client.contract import PatchType
from navarch.control.intents import Delete, Intent, Patch, Plan
from navarch.control.pods import is_finished
from navarch.control.sources import NODES, PODS
from navarch.control.world import Controller, Watch, World

PERIOD_S: Final = 20.0
#: How long a node must be missing before its pods are given up.
QUARANTINE_S: Final = 40.0
CLUSTER: Final = "cluster"


class Collector:
    """Remembers since when nodes are missing, nothing else."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._missing: dict[str, float] = {}

    def reconcile(self, world: World, _key: str, now: float) -> Plan:
        pods = sorted(world[PODS].values(), key=lambda p: (p.metadata.creationTimestamp or "", key_of(p)))
        intents: list[Intent] = []
        for pod in self._orphaned(world, pods, now):
            intents += give_up(pod, now)
        finished = [p for p in pods if is_finished(p) and p.metadata.deletionTimestamp is None]
        surplus = max(len(finished) - self._kept, 0) if self._kept > 0 else 0
        intents += [_delete(p) for p in finished[:surplus]]
        intents += [_delete(p) for p in pods if p.metadata.deletionTimestamp is not None and not p.spec.nodeName]
        return Plan(tuple(intents), PERIOD_S, routine=True)

    def _orphaned(self, world: World, pods: list[Pod], now: float) -> Iterator[Pod]:
        nodes = world[NODES]
        named = {p.spec.nodeName for p in pods if p.spec.nodeName}
        gone = {n for n in named if nodes.get(ObjectKey("", n)) is None}
        self._missing = {n: self._missing.get(n, now) for n in sorted(gone)}
        given_up = {n for n, since in self._missing.items() if now - since >= QUARANTINE_S}
        return (p for p in pods if p.spec.nodeName in given_up)


def give_up(pod: Pod, now: float) -> list[Intent]:
    """Mark a pod as failed by disruption, then delete it at once."""
    intents: list[Intent] = []
    if not is_finished(pod):
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists",
            "lastTransitionTime": format_time(now),
        }
        patch = {"status": {"phase": "Failed", "conditions": [condition]}}
        uid = pod.metadata.uid
        intents.append(Patch(PODS.resource, key_of(pod), patch, PatchType.STRATEGIC, subresource="status", uid=uid))
    return [*intents, _delete(pod)]


def _delete(pod: Pod) -> Delete:
    return Delete(PODS.resource, key_of(pod), pod.metadata.uid, grace_period_s=0)


def _on_node(_world: World, _key: ObjectKey, old: Node | None, new: Node | None) -> tuple[str, ...]:
    return (CLUSTER,) if old is None or new is None else ()


def _on_pod(world: World, _key: ObjectKey, _old: Pod | None, new: Pod | None) -> tuple[str, ...]:
    """A pod on a node that does not exist."""
    if new is None or not new.spec.nodeName:
        return ()
    return () if world[NODES].get(ObjectKey("", new.spec.nodeName)) is not None else (CLUSTER,)


def controller(kept: int) -> Controller:
    """`kept` finished pods may stay."""
    collector = Collector(kept)
    watches = (Watch(NODES, _on_node), Watch(PODS, _on_pod))
    return Controller("pod-garbage-collector", watches, collector.reconcile, workers=1)
