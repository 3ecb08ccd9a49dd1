"""The core of ReplicaSet and ReplicationController: as many pods as asked for, and the status. Pure.

Source: Kubernetes' replica set controller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from navarch.api.views.apps import ReplicaSetCondition
from navarch.api.views.core import ReplicationControllerCondition
from navarch.api.views.meta import ObjectMeta
from navarch.api.views.pod import Pod
from navarch.base.resource import Resource
from navarch.base.selector import Selector
from navarch.base.times import format_time
from navarch.client.cache import HasMetadata, key_of
from navarch.client.recorder import reference
from navarch.control.intents import DONE, Create, Delete, Event, Intent, Patch, Plan
from navarch.control.ownership import claim
from navarch.control.pods import available_at, is_active, is_ready, is_terminating, next_available_s, pod_tree
from navarch.control.ranking import to_delete
from navarch.control.sources import PODS
from navarch.control.world import Failure, World
from navarch.schema.types import Tree

#: Pods created or deleted in one go.
BURST: Final = 500

Conditions = Sequence[ReplicaSetCondition | ReplicationControllerCondition]


@dataclass(frozen=True, slots=True)
class ReplicaSpec:
    """What both kinds have in common, defaults filled in."""

    resource: Resource
    owner: HasMetadata
    replicas: int
    min_ready_s: int
    selector: Selector
    template: Tree

    @property
    def metadata(self) -> ObjectMeta:
        return self.owner.metadata


def reconcile(
    world: World,
    spec: ReplicaSpec,
    current: Mapping[str, Any],
    conditions: Conditions,
    related: Iterable[Pod],
    failure: Failure | None,
    now: float,
) -> Plan:
    """Adopt, release, scale, report. `current` is the status as it stands, without its conditions."""
    pods = world[PODS]
    mine, claims = claim(
        spec.resource,
        spec.owner,
        spec.selector,
        PODS.resource,
        pods.by_index("owner", spec.metadata.uid),
        pods.by_index("orphan", spec.metadata.namespace),
    )
    active = [p for p in mine if is_active(p)]
    terminating = sum(1 for p in mine if is_terminating(p))
    intents: list[Intent] = list(claims)
    changes = () if spec.metadata.deletionTimestamp is not None else _scale(spec, active, related, now)
    wanted = status(spec, active, terminating, now)
    if spec.resource.kind == "ReplicationController":
        del wanted["terminatingReplicas"]
    new_conditions = _conditions(conditions, failure if changes else None, len(active) < spec.replicas, now)
    intents += _status_patch(spec, current, wanted, conditions, new_conditions)
    intents += changes
    wait_s = next_available_s(active, spec.min_ready_s, now)
    return Plan(tuple(intents), wait_s) if intents or wait_s is not None else DONE


def status(spec: ReplicaSpec, active: Sequence[Pod], terminating: int, now: float) -> dict[str, int]:
    """All counters of the status."""
    template_labels = ((spec.template.get("metadata") or {}).get("labels") or {}).items()
    ready = [p for p in active if is_ready(p)]
    available = [at for at in (available_at(p, spec.min_ready_s) for p in ready) if at is not None and at <= now]
    return {
        "replicas": len(active),
        "fullyLabeledReplicas": sum(1 for p in active if template_labels <= p.metadata.labels.items()),
        "readyReplicas": len(ready),
        "availableReplicas": len(available),
        "terminatingReplicas": terminating,
        "observedGeneration": spec.metadata.generation or 0,
    }


def _scale(spec: ReplicaSpec, active: Sequence[Pod], related: Iterable[Pod], now: float) -> Sequence[Intent]:
    surplus = len(active) - spec.replicas
    about = reference(spec.resource, spec.metadata)
    if surplus < 0:
        created = Event(about, "Normal", "SuccessfulCreate", "Created pod: {name}")
        failed = Event(about, "Warning", "FailedCreate", "Error creating: {error}")
        tree = pod_tree(spec.template, spec.resource, spec.owner)
        create = Create(PODS.resource, tree, spec.metadata.namespace, created, failed)
        return [create] * min(-surplus, BURST)
    if surplus > 0:
        deleted = Event(about, "Normal", "SuccessfulDelete", "Deleted pod: {name}")
        failed = Event(about, "Warning", "FailedDelete", "Error deleting: {error}")
        return [
            Delete(PODS.resource, key_of(p), p.metadata.uid, on_success=deleted, on_failure=failed)
            for p in to_delete(active, related, min(surplus, BURST), now)
        ]
    return ()


def _conditions(old: Conditions, failure: Failure | None, growing: bool, now: float) -> list[Tree]:
    """ReplicaFailure stands as long as the last attempt to reach the wanted number failed."""
    kept = [_condition_tree(c) for c in old if c.type != "ReplicaFailure"]
    if failure is None or failure.verb not in ("Create", "Delete"):
        return kept
    standing = next((c for c in old if c.type == "ReplicaFailure"), None)
    if standing is not None:
        return [*kept, _condition_tree(standing)]
    failed: Tree = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate" if growing else "FailedDelete",
        "message": failure.message,
        "lastTransitionTime": format_time(now),
    }
    return [*kept, failed]


def _condition_tree(condition: ReplicaSetCondition | ReplicationControllerCondition) -> Tree:
    fields = ("type", "status", "reason", "message", "lastTransitionTime")
    return {f: v for f in fields if (v := getattr(condition, f))}


def _status_patch(
    spec: ReplicaSpec, current: Mapping[str, Any], wanted: dict[str, int], old: Conditions, conditions: list[Tree]
) -> list[Patch]:
    same_conditions = [_condition_tree(c) for c in old] == conditions
    if same_conditions and all(current[k] == v for k, v in wanted.items()):
        return []
    always = ("replicas", "terminatingReplicas")
    changes: Tree = {k: v if v or k in always else None for k, v in wanted.items()}
    if not same_conditions:
        changes["conditions"] = conditions or None
    patch = {"status": changes}
    return [
        Patch(spec.resource, key_of(spec.owner), patch, subresource="status", uid=spec.metadata.uid, by_update=True)
    ]
