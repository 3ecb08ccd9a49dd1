"""The horizontal pod autoscaler: sets the replicas of a workload so that its pods use what they should.

Every 15 seconds it asks the metrics API what the pods use; `autoscale_metrics` turns that into a number,
`autoscale_rate` decides how much of the change is made now. Workloads of the kinds apps/v1 and v1 are
scaled, by the use of processor and memory. What it remembers between two looks is lost with the process,
as in Kubernetes.

Source: Kubernetes' horizontal controller (conditions, reasons and messages).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from navarch.api.views.autoscaling import HorizontalPodAutoscaler, MetricSpec, MetricTarget
from navarch.api.views.pod import Pod
from navarch.base import quantity
from navarch.base.resource import ObjectKey, Resource
from navarch.base.selector import Selector, from_label_selector, from_labels
from navarch.base.times import format_time, parse, parse_duration
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control.autoscale_metrics import MetricError, Proposal, Sample, propose
from navarch.control.autoscale_rate import WITHIN, Memory, Why, changed, moderate
from navarch.control.intents import DONE, Event, Intent, List, Patch, Plan
from navarch.control.sources import (
    AUTOSCALERS,
    DEPLOYMENTS,
    PODS,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    STATEFULSETS,
)
from navarch.control.views import to_tree
from navarch.control.world import Controller, Listing, Source, Watch, World
from navarch.schema.types import Tree

PERIOD_S: Final = 15.0
PODMETRICS: Final = Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics", True)
_TARGETS: Final[Mapping[tuple[str, str], Source[Any]]] = {
    (s.resource.group, s.resource.kind): s for s in (DEPLOYMENTS, REPLICASETS, STATEFULSETS, REPLICATIONCONTROLLERS)
}
_GOT_SCALE: Final = ("True", "SucceededGetScale", "the HPA controller was able to get the target's current scale")
_READY: Final = ("True", "ReadyForNewScale", "recommended size matches current size")
_DISABLED: Final = (
    "False",
    "ScalingDisabled",
    "scaling is disabled since the replica count of the target is zero",
)
_STABILIZED: Final = {
    "ScaleDownStabilized": "recent recommendations were higher than current one, applying the highest recent"
    " recommendation",
    "ScaleUpStabilized": "recent recommendations were lower than current one, applying the lowest recent"
    " recommendation",
}


@dataclass(frozen=True, slots=True)
class Target:
    """The workload that is scaled."""

    resource: Resource
    uid: str
    replicas: int
    selector: Selector


@dataclass(slots=True)
class Look:
    """What one look at an autoscaler comes to. `reason` is said of a change of size."""

    conditions: dict[str, Why]
    desired: int
    reason: str = ""
    metrics: list[Tree] | None = None
    failure: tuple[str, str] | None = None


class Autoscaler:
    """The reconcile function, with what it remembers by key."""

    def __init__(self) -> None:
        self._memory: dict[ObjectKey, Memory] = {}

    def reconcile(self, world: World, key: ObjectKey, now: float) -> Plan:
        scaler = world[AUTOSCALERS].get(key)
        if scaler is None:
            self._memory.pop(key, None)
            return DONE
        # The first look comes a period after the creation, like every other after the one before.
        left = PERIOD_S - (now - parse(scaler.metadata.creationTimestamp)) if scaler.metadata.creationTimestamp else 0.0
        if left > 0:
            return Plan((), min(left, PERIOD_S), routine=True)
        target = _target(world, scaler)
        if target is None:
            return _without_target(scaler, now)
        floor = 1 if scaler.spec.minReplicas is None else scaler.spec.minReplicas
        look = Look({"AbleToScale": _GOT_SCALE}, target.replicas)
        if target.replicas == 0 and floor != 0:
            look = Look({"AbleToScale": _GOT_SCALE, "ScalingActive": _DISABLED}, 0)
        elif target.replicas > scaler.spec.maxReplicas:
            look.desired, look.reason = scaler.spec.maxReplicas, "Current number of replicas above Spec.MaxReplicas"
        elif target.replicas < floor:
            look.desired, look.reason = floor, "Current number of replicas below Spec.MinReplicas"
        else:
            listing = world.lists.get(key, {}).get(PODMETRICS)
            if listing is None:
                return Plan((List(PODMETRICS, key.namespace, str(target.selector)),))
            self._measure(world, scaler, target, listing, look, now)
        return Plan(tuple(self._intents(scaler, target, look, now)), PERIOD_S, routine=True)

    def _measure(
        self,
        world: World,
        scaler: HorizontalPodAutoscaler,
        target: Target,
        listing: Listing,
        look: Look,
        now: float,
    ) -> None:
        """Fill in what the metrics say."""
        pods = [
            p
            for p in world[PODS].by_index("namespace", scaler.metadata.namespace)
            if target.selector.matches(p.metadata.labels)
        ]
        proposals: list[tuple[MetricSpec, Proposal]] = []
        failures: list[tuple[str, str]] = []
        for metric in scaler.spec.metrics:
            try:
                proposals.append((metric, _proposal(metric, pods, listing, target.replicas, now)))
            except MetricError as error:
                failures.append((f"FailedGet{metric.type}Metric", str(error)))
        best = max(proposals, key=lambda p: p[1].replicas, default=None)
        # With a part of the metrics missing, growing is safe and shrinking is not.
        if best is None or (failures and best[1].replicas < target.replicas):
            reason, message = failures[0] if failures else ("InvalidMetricSourceType", "no metrics are given")
            why = f"the HPA was unable to compute the replica count: {message}"
            look.conditions["ScalingActive"] = ("False", reason, why)
            look.failure = (reason, message)
            return
        metric, proposal = best
        text = f"the HPA was able to successfully calculate a replica count from {_described(metric)}"
        look.conditions["ScalingActive"] = ("True", "ValidMetricFound", text)
        look.metrics = [_status_of(m, p) for m, p in proposals]
        memory = self._memory.setdefault(key_of(scaler), Memory())
        if not memory.proposals:
            memory.proposals.append((now, target.replicas))
        outcome = moderate(scaler.spec, memory, target.replicas, proposal.replicas, now)
        look.desired = outcome.replicas
        grows = outcome.replicas > target.replicas
        look.reason = f"{_described(metric)} above target" if grows else "All metrics below target"
        held = outcome.stabilized
        look.conditions["AbleToScale"] = ("True", held, _STABILIZED[held]) if held else _READY
        look.conditions["ScalingLimited"] = outcome.limited

    def _intents(self, scaler: HorizontalPodAutoscaler, target: Target, look: Look, now: float) -> list[Intent]:
        about = reference(AUTOSCALERS.resource, scaler.metadata)
        intents: list[Intent] = []
        scaled_at = scaler.status.lastScaleTime
        if look.desired != target.replicas:
            done = Event(about, "Normal", "SuccessfulRescale", f"New size: {look.desired}; reason: {look.reason}")
            text = f"the HPA controller was able to update the target scale to {look.desired}"
            look.conditions["AbleToScale"] = ("True", "SucceededRescale", text)
            look.conditions.setdefault("ScalingLimited", WITHIN)
            scaled_at = format_time(now)
            key = ObjectKey(scaler.metadata.namespace, scaler.spec.scaleTargetRef.name)
            patch = {"spec": {"replicas": look.desired}}
            intents.append(
                Patch(target.resource, key, patch, subresource="scale", uid=target.uid, on_success=done, by_update=True)
            )
            memory = self._memory.setdefault(key_of(scaler), Memory())
            changed(scaler.spec, memory, target.replicas, look.desired, now)
        if look.failure is not None:
            reason, message = look.failure
            intents.append(Event(about, "Warning", reason, message))
            count = len(scaler.spec.metrics)
            text = f"invalid metrics ({count} invalid out of {count}), first error is: {message}"
            intents.append(Event(about, "Warning", "FailedComputeMetricsReplicas", text))
        status: Tree = {
            "currentReplicas": target.replicas,
            "desiredReplicas": scaler.status.desiredReplicas if look.failure else look.desired,
            "currentMetrics": look.metrics,
            "lastScaleTime": scaled_at,
        }
        return [*intents, *_status(scaler, {k: v for k, v in status.items() if v is not None}, look.conditions, now)]


def _target(world: World, scaler: HorizontalPodAutoscaler) -> Target | None:
    named = scaler.spec.scaleTargetRef
    group = named.apiVersion.rpartition("/")[0]
    source = _TARGETS.get((group, named.kind))
    view = world[source].get(ObjectKey(scaler.metadata.namespace, named.name)) if source is not None else None
    if source is None or view is None:
        return None
    selector = from_labels(view.spec.selector) if source is REPLICATIONCONTROLLERS else None
    replicas = 1 if view.spec.replicas is None else view.spec.replicas
    return Target(source.resource, view.metadata.uid, replicas, selector or from_label_selector(view.spec.selector))


def _without_target(scaler: HorizontalPodAutoscaler, now: float) -> Plan:
    named = scaler.spec.scaleTargetRef
    group = named.apiVersion.rpartition("/")[0]
    plural = f"{named.kind.lower()}s" + (f".{group}" if group else "")
    text = f'{plural} "{named.name}" not found'
    why = f"the HPA controller was unable to get the target's current scale: {text}"
    about = reference(AUTOSCALERS.resource, scaler.metadata)
    event = Event(about, "Warning", "FailedGetScale", text)
    conditions = {"AbleToScale": ("False", "FailedGetScale", why)}
    return Plan((event, *_status(scaler, {}, conditions, now)), PERIOD_S, routine=True)


# --- metrics
def _proposal(metric: MetricSpec, pods: Sequence[Pod], listing: Listing, current: int, now: float) -> Proposal:
    """Raises: MetricError."""
    source = metric.resource or metric.containerResource
    if source is None:
        raise MetricError(f"unable to get {metric.type.lower()} metrics: no metrics API serves them")
    container = metric.containerResource.container if metric.containerResource is not None else ""
    what = f"{source.name} {'usage' if source.target.averageValue is not None else 'utilization'}"
    if listing.error:
        api = f"unable to fetch metrics from resource metrics API: {listing.error} (get pods.metrics.k8s.io)"
        raise MetricError(f"failed to get {what}: unable to get metrics for resource {source.name}: {api}")
    if not listing.trees:
        text = "no metrics returned from resource metrics API"
        raise MetricError(f"failed to get {what}: unable to get metrics for resource {source.name}: {text}")
    try:
        return propose(
            source.name, container, source.target, pods, samples(listing, source.name, container), current, now
        )
    except MetricError as error:
        raise MetricError(f"failed to get {what}: {error}") from error


def samples(listing: Listing, resource: str, container: str) -> dict[str, Sample]:
    """The use of one resource by pod, from PodMetrics objects."""
    found = {}
    for tree in listing.trees:
        texts = [c["usage"].get(resource) for c in tree.get("containers", []) if container in ("", c["name"])]
        if texts and None not in texts:
            used = sum(quantity.milli_value(str(text)) for text in texts)
            window_s = parse_duration(tree.get("window", "60s"))
            found[tree["metadata"]["name"]] = Sample(used, parse(tree["timestamp"]), window_s)
    return found


def _target_of(metric: MetricSpec) -> tuple[str, MetricTarget]:
    source = metric.resource or metric.containerResource
    assert source is not None, "only resource metrics make proposals"
    return source.name, source.target


def _described(metric: MetricSpec) -> str:
    name, target = _target_of(metric)
    kind = "container resource" if metric.containerResource is not None else "resource"
    return f"{name} {kind} utilization (percentage of request)" if target.averageValue is None else f"{name} {kind}"


def _status_of(metric: MetricSpec, proposal: Proposal) -> Tree:
    name, _ = _target_of(metric)
    current: Tree = {"averageValue": str(quantity.from_milli(proposal.average))}
    if proposal.percent is not None:
        current["averageUtilization"] = proposal.percent
    if metric.containerResource is not None:
        part = {"name": name, "container": metric.containerResource.container, "current": current}
        return {"type": metric.type, "containerResource": part}
    return {"type": metric.type, "resource": {"name": name, "current": current}}


# --- status
def _status(scaler: HorizontalPodAutoscaler, status: Tree, conditions: Mapping[str, Why], now: float) -> list[Patch]:
    """The write of the status, unless it stands there already. Measured values always are news."""
    known = {c.type: c for c in scaler.status.conditions}
    same = all((c := known.get(t)) is not None and (c.status, c.reason, c.message) == w for t, w in conditions.items())
    if same and "currentMetrics" not in status and all(getattr(scaler.status, k) == v for k, v in status.items()):
        return []
    trees = {type_: to_tree(c) for type_, c in known.items()}
    for type_, (state, reason, message) in conditions.items():
        old = known.get(type_)
        since = old.lastTransitionTime if old is not None and old.status == state else None
        trees[type_] = {
            "type": type_,
            "status": state,
            "reason": reason,
            "message": message,
            "lastTransitionTime": since or format_time(now),
        }
    metadata = scaler.metadata
    patch = {"status": {**status, "conditions": list(trees.values())}}
    key = key_of(scaler)
    return [Patch(AUTOSCALERS.resource, key, patch, subresource="status", uid=metadata.uid, by_update=True)]


def _keys(
    _world: World, key: ObjectKey, old: HorizontalPodAutoscaler | None, new: HorizontalPodAutoscaler | None
) -> list[Hashable]:
    """An autoscaler's own status is no news to it."""
    return [] if old is not None and new is not None and old.spec == new.spec else [key]


def controller() -> Controller:
    reads = (PODS, DEPLOYMENTS, REPLICASETS, STATEFULSETS, REPLICATIONCONTROLLERS)
    return Controller("horizontal-pod-autoscaler", (Watch(AUTOSCALERS, _keys),), Autoscaler().reconcile, reads=reads)
