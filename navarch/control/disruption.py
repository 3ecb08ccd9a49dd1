"""The disruption controller: how many pods of each PodDisruptionBudget may be evicted now. Pure.

The eviction subresource spends what this status allows, so the status is always written against the
version it was computed from. A pod that was promised to eviction counts as gone for two minutes.

Source: policy/v1 PodDisruptionBudget; Kubernetes' disruption controller (reasons and messages).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from navarch.api.views.meta import OwnerReference
from navarch.api.views.pod import Pod
from navarch.api.views.policy import PodDisruptionBudget
from navarch.base.resource import ObjectKey
from navarch.base.selector import from_label_selector
from navarch.base.times import format_time, parse
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control.intents import DONE, Event, Intent, Patch, Plan
from navarch.control.pods import is_ready
from navarch.control.rollout import scaled
from navarch.control.sources import (
    DEPLOYMENTS,
    DISRUPTIONBUDGETS,
    PODS,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    STATEFULSETS,
    controller_of,
)
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

#: So long an eviction may take to become the deletion of its pod.
EVICTION_S: Final = 120.0


class NoScaleError(Exception):
    """It is unknown how many pods there should be; the message says why."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many pods there should be, and how many of them healthy."""

    expected: int
    desired: int


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    budget = world[DISRUPTIONBUDGETS].get(key)
    if budget is None:
        return DONE
    pods = _pods(world, budget)
    about = reference(DISRUPTIONBUDGETS.resource, budget.metadata)
    events = [] if pods else [Event(about, "Normal", "NoPods", "No matching pods found")]
    try:
        count = expected(world, budget, pods)
    except NoScaleError as error:
        text = f"Failed to calculate the number of expected pods: {error}"
        failed = Event(about, "Warning", "CalculateExpectedPodCountFailed", text)
        return Plan((*events, failed, *_blocked(budget, str(error), now)))
    evicted, late = _evicted(budget, pods, now)
    events += [
        Event(about, "Warning", "NotDeleted", f"Pod was expected by PDB {key} to be deleted but it wasn't")
        for _ in late
    ]
    healthy = sum(is_ready(p) for p in pods if p.metadata.deletionTimestamp is None and p.metadata.name not in evicted)
    allowed = max(healthy - count.desired, 0) if count.expected > 0 else 0
    status: Tree = {
        "currentHealthy": healthy,
        "desiredHealthy": count.desired,
        "disruptionsAllowed": allowed,
        "expectedPods": count.expected,
        "observedGeneration": budget.metadata.generation or 0,
    }
    wait_s = min((parse(at) + EVICTION_S - now for at in evicted.values()), default=None)
    return Plan((*_status(budget, status, evicted, now), *events), wait_s)


def expected(world: World, budget: PodDisruptionBudget, pods: Sequence[Pod]) -> Count:
    """What the budget wants. Raises: NoScaleError where it counts from a scale that is not there."""
    spec = budget.spec
    if spec.maxUnavailable is not None:
        total = _scale(world, pods)
        return Count(total, max(total - scaled(spec.maxUnavailable, total, round_up=True), 0))
    if isinstance(spec.minAvailable, str):
        total = _scale(world, pods)
        return Count(total, scaled(spec.minAvailable, total, round_up=True))
    return Count(len(pods), spec.minAvailable or 0)


def _scale(world: World, pods: Iterable[Pod]) -> int:
    """The wanted replicas of all controllers of the pods. Pods without one do not count."""
    scales: dict[str, int] = {}
    for pod in pods:
        owner = controller_of(pod)
        if owner is not None and owner.uid not in scales:
            uid, replicas = _scale_of(world, pod, owner)
            scales[owner.uid] = 0
            scales[uid] = replicas
    return sum(scales.values())


def _scale_of(world: World, pod: Pod, owner: OwnerReference) -> tuple[str, int]:
    """(uid, replicas) of what scales the pod: for a Deployment's pods that, not the replica set."""
    key = ObjectKey(pod.metadata.namespace, owner.name)
    kind = (owner.apiVersion.partition("/")[0], owner.kind)
    if kind == ("apps", "ReplicaSet"):
        replica_set = world[REPLICASETS].get(key)
        if replica_set is not None and replica_set.metadata.uid == owner.uid:
            above = controller_of(replica_set)
            if above is None or above.kind != "Deployment":
                return owner.uid, replica_set.spec.replicas or 0
            deployment = world[DEPLOYMENTS].get(ObjectKey(key.namespace, above.name))
            if deployment is not None and deployment.metadata.uid == above.uid:
                return above.uid, deployment.spec.replicas or 0
    elif kind == ("apps", "StatefulSet"):
        stateful_set = world[STATEFULSETS].get(key)
        if stateful_set is not None and stateful_set.metadata.uid == owner.uid:
            return owner.uid, stateful_set.spec.replicas or 0
    elif kind == ("v1", "ReplicationController"):
        controller = world[REPLICATIONCONTROLLERS].get(key)
        if controller is not None and controller.metadata.uid == owner.uid:
            return owner.uid, controller.spec.replicas or 0
    else:
        group = owner.apiVersion.rpartition("/")[0]
        resource = f"{owner.kind.lower()}s.{group}" if group else f"{owner.kind.lower()}s"
        raise NoScaleError(f"{resource} does not implement the scale subresource")
    raise NoScaleError(f'found no controllers for pod "{pod.metadata.name}"')


def _evicted(budget: PodDisruptionBudget, pods: Iterable[Pod], now: float) -> tuple[dict[str, str], list[str]]:
    """The evictions that are still to be seen in their pods, and the pods that were never deleted."""
    alive = {p.metadata.name for p in pods if p.metadata.deletionTimestamp is None}
    promised = {name: at for name, at in sorted(budget.status.disruptedPods.items()) if name in alive}
    late = [name for name, at in promised.items() if parse(at) + EVICTION_S < now]
    return {name: at for name, at in promised.items() if name not in late}, late


# --- status
def _status(budget: PodDisruptionBudget, status: Tree, evicted: dict[str, str], now: float) -> list[Intent]:
    known = budget.status
    enough = status["disruptionsAllowed"] > 0
    condition = ("True", "SufficientPods", "") if enough else ("False", "InsufficientPods", "")
    same = all(getattr(known, name) == value for name, value in status.items())
    if same and dict(known.disruptedPods) == evicted and _known_condition(budget) == condition:
        return []
    gone = dict.fromkeys(known.disruptedPods)
    whole = {**status, "disruptedPods": {**gone, **evicted}, "conditions": _conditions(budget, condition, now)}
    return [_write(budget, whole)]


def _blocked(budget: PodDisruptionBudget, why: str, now: float) -> list[Intent]:
    """Nothing may be evicted while it is unknown what would be left."""
    condition = ("False", "SyncFailed", why)
    if budget.status.disruptionsAllowed == 0 and _known_condition(budget) == condition:
        return []
    return [_write(budget, {"disruptionsAllowed": 0, "conditions": _conditions(budget, condition, now)})]


def _known_condition(budget: PodDisruptionBudget) -> tuple[str, str, str] | None:
    found = (c for c in budget.status.conditions if c.type == "DisruptionAllowed")
    return next(((c.status, c.reason, c.message) for c in found), None)


def _conditions(budget: PodDisruptionBudget, condition: tuple[str, str, str], now: float) -> list[Tree]:
    status, reason, message = condition
    since = format_time(now)
    for known in budget.status.conditions:
        if known.type == "DisruptionAllowed" and known.status == status:
            since = known.lastTransitionTime or since
    return [
        {
            "type": "DisruptionAllowed",
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": since,
            "observedGeneration": budget.metadata.generation or 0,
        }
    ]


def _write(budget: PodDisruptionBudget, status: Tree) -> Patch:
    metadata = budget.metadata
    return Patch(
        DISRUPTIONBUDGETS.resource,
        key_of(budget),
        {"status": status},
        subresource="status",
        uid=metadata.uid,
        resource_version=metadata.resourceVersion,
        by_update=True,
    )


# --- pods
def _pods(world: World, budget: PodDisruptionBudget) -> list[Pod]:
    if budget.spec.selector is None:
        return []
    selector = from_label_selector(budget.spec.selector)
    pods = world[PODS].by_index("namespace", budget.metadata.namespace)
    return sorted((p for p in pods if selector.matches(p.metadata.labels)), key=lambda p: p.metadata.name)


def _keys_of_pod(world: World, key: ObjectKey, old: Pod | None, new: Pod | None) -> list[Hashable]:
    budgets = world[DISRUPTIONBUDGETS].by_index("namespace", key.namespace)
    labels = [p.metadata.labels for p in (old, new) if p is not None]
    return [
        key_of(b)
        for b in budgets
        if b.spec.selector is not None and any(from_label_selector(b.spec.selector).matches(each) for each in labels)
    ]


CONTROLLER = Controller(
    "disruption-controller",
    (Watch(DISRUPTIONBUDGETS, same_key), Watch(PODS, _keys_of_pod)),
    reconcile,
    reads=(DEPLOYMENTS, REPLICASETS, REPLICATIONCONTROLLERS, STATEFULSETS),
)
