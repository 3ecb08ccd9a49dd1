"""What matters of a pod to the scheduler, shared by all pods that are alike.

A thousand replicas have one `Shape`: filters and scores are computed once for all of them. Shapes are
interned by `Shapes`, compared by identity, and never change.

Callers: `run.py` makes them from pods; columns, plugins and plan read them.

Worked example:
    shapes = Shapes()
    shapes.of(web_1) is shapes.of(web_2)        # replicas of one ReplicaSet
    shapes.of(web_1).requests                   # {"cpu": 100, "memory": 67108864}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from navarch.api.views.pod import (
    Container,
    NodeSelectorTerm,
    Pod,
    PodAffinityTerm,
    PreferredSchedulingTerm,
    Toleration,
    TopologySpreadConstraint,
)
from navarch.base.resource import ObjectKey
from navarch.base.selector import EVERYTHING, Requirement, Selector, from_label_selector
from navarch.scheduler.requests import pod_requests, scored_requests

HARD: Final = "DoNotSchedule"


@dataclass(frozen=True, slots=True)
class Term:
    """Pods that share `selector`'s labels, in some namespaces, per value of a node label."""

    topology_key: str
    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector | None = None

    def matches(self, shape: Shape, namespaces: Mapping[str, Mapping[str, str]]) -> bool:
        """Is a pod of `shape` one of them? `namespaces` are the labels of all namespaces."""
        if shape.namespace not in self.namespaces and (
            self.namespace_selector is None or not self.namespace_selector.matches(namespaces.get(shape.namespace, {}))
        ):
            return False
        return self.selector.matches(shape.labels)


@dataclass(frozen=True, slots=True)
class Spread:
    """A topology spread constraint. `pods` tells which pods are counted."""

    pods: Term
    max_skew: int
    min_domains: int
    honor_affinity: bool
    honor_taints: bool


@dataclass(frozen=True, slots=True)
class HostPort:
    protocol: str
    ip: str
    port: int

    def conflicts(self, other: HostPort) -> bool:
        """The same port, unless on two different addresses."""
        if (self.protocol, self.port) != (other.protocol, other.port):
            return False
        return self.ip == other.ip or "0.0.0.0" in (self.ip, other.ip)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Shape:
    """The scheduling class of a pod."""

    namespace: str
    labels: Mapping[str, str]
    priority: int
    may_preempt: bool
    requests: Mapping[str, int]
    scored: tuple[int, int]
    host_ports: tuple[HostPort, ...]
    images: tuple[str, ...]
    claims: tuple[str, ...]
    node_selector: Mapping[str, str]
    #: Alternatives, one of which must hold; None: no node affinity is required.
    node_terms: tuple[NodeSelectorTerm, ...] | None
    preferred_nodes: tuple[PreferredSchedulingTerm, ...]
    tolerations: tuple[Toleration, ...]
    spread_hard: tuple[Spread, ...]
    spread_soft: tuple[Spread, ...]
    #: The soft constraints are the cluster's own, for pods that ask for none.
    spread_default: bool
    affinity: tuple[Term, ...]
    anti_affinity: tuple[Term, ...]
    #: Weights are negative for anti-affinity.
    preferred_pods: tuple[tuple[Term, int], ...]

    @property
    def has_pod_terms(self) -> bool:
        return bool(self.affinity or self.anti_affinity or self.preferred_pods)


@dataclass(frozen=True, slots=True)
class PodInfo:
    """A pod that is to be scheduled."""

    key: ObjectKey
    uid: str
    shape: Shape
    #: Seconds since the epoch when it was first queued: the older goes first.
    since: float = 0.0
    #: The node that preemption makes room on.
    nominated: str = ""


#: The cluster's default constraints: key and skew. Source: scheduler `podtopologyspread` system defaults.
SYSTEM_SPREAD: Final = (("kubernetes.io/hostname", 3), ("topology.kubernetes.io/zone", 5))


class Shapes:
    """Interns shapes."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[bytes, Shape] = WeakValueDictionary()

    def of(self, pod: Pod, siblings: Selector | None = None) -> Shape:
        """The shape of `pod`. `siblings` selects the pods of its service and controller, among which pods
        without constraints of their own are spread."""
        key = _identity(pod, siblings)
        shape = self._known.get(key)
        if shape is None:
            shape = self._known[key] = _shape(pod, siblings)
        return shape


def _identity(pod: Pod, siblings: Selector | None) -> bytes:
    """Equal for pods of one shape: everything that `_shape` reads, nothing that differs between replicas."""
    spec = pod.spec
    return msgspec.json.encode(
        (
            pod.metadata.namespace,
            dict(pod.metadata.labels),
            "" if siblings is None else str(siblings),
            spec.affinity,
            dict(spec.nodeSelector),
            spec.tolerations,
            spec.topologySpreadConstraints,
            [_container_identity(c) for c in spec.containers],
            [_container_identity(c) for c in spec.initContainers],
            dict(spec.overhead),
            spec.resources,
            spec.priority,
            spec.preemptionPolicy,
            spec.hostNetwork,
            _claims(pod),
        )
    )


def _container_identity(container: Container) -> tuple[object, ...]:
    return container.image, container.ports, container.resources, container.restartPolicy


def _shape(pod: Pod, siblings: Selector | None) -> Shape:
    spec, namespace = pod.spec, pod.metadata.namespace
    nodes = spec.affinity.nodeAffinity if spec.affinity is not None else None
    near = spec.affinity.podAffinity if spec.affinity is not None else None
    far = spec.affinity.podAntiAffinity if spec.affinity is not None else None
    required = nodes.requiredDuringSchedulingIgnoredDuringExecution if nodes is not None else None
    labels = pod.metadata.labels
    preferred: list[tuple[Term, int]] = []
    for sign, side in ((1, near), (-1, far)):
        for weighted in side.preferredDuringSchedulingIgnoredDuringExecution if side is not None else ():
            if weighted.podAffinityTerm is not None:
                preferred.append((_term(weighted.podAffinityTerm, namespace, labels), sign * weighted.weight))
    soft = [c for c in spec.topologySpreadConstraints if c.whenUnsatisfiable != HARD]
    by_default = not spec.topologySpreadConstraints and siblings is not None and not siblings.is_everything
    return Shape(
        namespace=namespace,
        labels=labels,
        priority=spec.priority or 0,
        may_preempt=spec.preemptionPolicy != "Never",
        requests=pod_requests(spec),
        scored=scored_requests(spec),
        host_ports=_host_ports(pod),
        images=tuple(c.image for c in (*spec.initContainers, *spec.containers)),
        claims=_claims(pod),
        node_selector=spec.nodeSelector,
        node_terms=required.nodeSelectorTerms if required is not None else None,
        preferred_nodes=nodes.preferredDuringSchedulingIgnoredDuringExecution if nodes is not None else (),
        tolerations=spec.tolerations,
        spread_hard=tuple(
            _spread(c, namespace, labels) for c in spec.topologySpreadConstraints if c.whenUnsatisfiable == HARD
        ),
        spread_soft=_system_spread(siblings, namespace)
        if by_default and siblings is not None
        else tuple(_spread(c, namespace, labels) for c in soft),
        spread_default=by_default,
        affinity=tuple(
            _term(t, namespace, labels)
            for t in (near.requiredDuringSchedulingIgnoredDuringExecution if near is not None else ())
        ),
        anti_affinity=tuple(
            _term(t, namespace, labels)
            for t in (far.requiredDuringSchedulingIgnoredDuringExecution if far is not None else ())
        ),
        preferred_pods=tuple(preferred),
    )


def _term(term: PodAffinityTerm, namespace: str, labels: Mapping[str, str]) -> Term:
    selector = from_label_selector(term.labelSelector)
    same = [Requirement(k, "in", (labels[k],)) for k in term.matchLabelKeys if k in labels]
    other = [Requirement(k, "notin", (labels[k],)) for k in term.mismatchLabelKeys if k in labels]
    if (same or other) and not selector.matches_nothing:
        selector = Selector((*selector.requirements, *same, *other))
    among = from_label_selector(term.namespaceSelector) if term.namespaceSelector is not None else None
    if among is not None and among.is_everything:
        among = EVERYTHING
    named = term.namespaces or ((namespace,) if among is None else ())
    return Term(term.topologyKey, selector, frozenset(named), among)


def _spread(constraint: TopologySpreadConstraint, namespace: str, labels: Mapping[str, str]) -> Spread:
    selector = from_label_selector(constraint.labelSelector)
    same = [Requirement(k, "in", (labels[k],)) for k in constraint.matchLabelKeys if k in labels]
    if same and not selector.matches_nothing:
        selector = Selector((*selector.requirements, *same))
    return Spread(
        pods=Term(constraint.topologyKey, selector, frozenset((namespace,))),
        max_skew=constraint.maxSkew,
        min_domains=constraint.minDomains or 1,
        honor_affinity=constraint.nodeAffinityPolicy != "Ignore",
        honor_taints=constraint.nodeTaintsPolicy == "Honor",
    )


def _system_spread(siblings: Selector, namespace: str) -> tuple[Spread, ...]:
    return tuple(
        Spread(Term(key, siblings, frozenset((namespace,))), skew, 1, True, False) for key, skew in SYSTEM_SPREAD
    )


def _host_ports(pod: Pod) -> tuple[HostPort, ...]:
    sidecars = (c for c in pod.spec.initContainers if c.restartPolicy == "Always")
    ports = [p for c in (*sidecars, *pod.spec.containers) for p in c.ports if p.hostPort]
    return tuple(dict.fromkeys(HostPort(p.protocol or "TCP", p.hostIP or "0.0.0.0", p.hostPort or 0) for p in ports))


def _claims(pod: Pod) -> tuple[str, ...]:
    return tuple(v.persistentVolumeClaim.claimName for v in pod.spec.volumes if v.persistentVolumeClaim is not None)
