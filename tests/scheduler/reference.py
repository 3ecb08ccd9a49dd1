"""The scheduling rules once more, slowly: one pod, one node at a time, on plain Python values."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from navarch.api.views.node import Node, Taint
from navarch.api.views.pod import NodeSelectorTerm
from navarch.base import quantity
from navarch.base.selector import Requirement
from navarch.scheduler.shape import Shape, Spread, Term

HOST = "kubernetes.io/hostname"
OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": "gt", "Lt": "lt"}


@dataclass
class Machine:
    node: Node
    pods: list[Shape] = field(default_factory=list)

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.node.metadata.labels)

    def allocatable(self, resource: str) -> int:
        text = self.node.status.allocatable.get(resource, "0")
        return quantity.milli_value(text) if resource == "cpu" else quantity.value(text)

    def used(self, resource: str) -> int:
        return sum(p.requests.get(resource, 0) for p in self.pods)


class Reference:
    """A cluster in which pods are placed as told; says where the next one may go, and where it goes best."""

    def __init__(self, nodes: list[Node]) -> None:
        self.machines = {n.metadata.name: Machine(n) for n in nodes}

    def place(self, shape: Shape, node: str) -> None:
        self.machines[node].pods.append(shape)

    def feasible(self, shape: Shape) -> list[str]:
        return [name for name, machine in self.machines.items() if self._fits(shape, machine)]

    def best(self, shape: Shape) -> set[str]:
        """The nodes with the highest score among those that are feasible."""
        names = self.feasible(shape)
        if not names:
            return set()
        scores = Counter(dict.fromkeys(names, 0))
        for weight, of in (
            (3, self._taints),
            (2, self._node_preference),
            (1, self._least),
            (2, self._spread),
            (2, self._pods),
            (1, self._balance),
        ):
            for name, score in of(shape, names).items():
                scores[name] += weight * score
        top = max(scores.values())
        return {name for name in names if scores[name] == top}

    # Filters.

    def _fits(self, shape: Shape, machine: Machine) -> bool:
        node = machine.node
        cordon = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
        if node.spec.unschedulable and not tolerated(cordon, shape):
            return False
        if any(t.effect != "PreferNoSchedule" and not tolerated(t, shape) for t in node.spec.taints):
            return False
        if not eligible(shape, node):
            return False
        if any(a.conflicts(b) for a in shape.host_ports for p in machine.pods for b in p.host_ports):
            return False
        if len(machine.pods) + 1 > machine.allocatable("pods"):
            return False
        if any(v and machine.used(r) + v > machine.allocatable(r) for r, v in shape.requests.items()):
            return False
        return self._skew_allows(shape, machine) and self._pods_allow(shape, machine)

    def _skew_allows(self, shape: Shape, machine: Machine) -> bool:
        keys = [c.pods.topology_key for c in shape.spread_hard]
        for constraint in shape.spread_hard:
            key = constraint.pods.topology_key
            if key not in machine.labels:
                return False
            domains: Counter[str] = Counter()
            for other in self.machines.values():
                if all(k in other.labels for k in keys) and self._counts(constraint, shape, other):
                    domains[other.labels[key]] += sum(constraint.pods.matches(p, {}) for p in other.pods)
            fewest = min(domains.values(), default=0) if len(domains) >= constraint.min_domains else 0
            itself = constraint.pods.matches(shape, {})
            if domains[machine.labels[key]] + itself - fewest > constraint.max_skew:
                return False
        return True

    def _counts(self, constraint: Spread, shape: Shape, machine: Machine) -> bool:
        if constraint.honor_affinity and not eligible(shape, machine.node):
            return False
        taints = [t for t in machine.node.spec.taints if t.effect != "PreferNoSchedule"]
        return not constraint.honor_taints or all(tolerated(t, shape) for t in taints)

    def _pods_allow(self, shape: Shape, machine: Machine) -> bool:
        if shape.affinity:
            every = [
                (m, p) for m in self.machines.values() for p in m.pods if all(t.matches(p, {}) for t in shape.affinity)
            ]
            if any(t.topology_key not in machine.labels for t in shape.affinity):
                return False
            pairs = {(t.topology_key, m.labels.get(t.topology_key)) for m, _ in every for t in shape.affinity}
            pairs = {(k, v) for k, v in pairs if v is not None}
            alone = not pairs and all(t.matches(shape, {}) for t in shape.affinity)
            if not alone and any((t.topology_key, machine.labels[t.topology_key]) not in pairs for t in shape.affinity):
                return False
        for term in shape.anti_affinity:
            if self._near(term, machine, [p for p in self._all() if term.matches(p[1], {})]):
                return False
        for other, pod in self._all():
            for term in pod.anti_affinity:
                if term.matches(shape, {}) and self._near(term, machine, [(other, pod)]):
                    return False
        return True

    def _all(self) -> list[tuple[Machine, Shape]]:
        return [(m, p) for m in self.machines.values() for p in m.pods]

    @staticmethod
    def _near(term: Term, machine: Machine, pods: list[tuple[Machine, Shape]]) -> bool:
        key = term.topology_key
        return key in machine.labels and any(m.labels.get(key) == machine.labels[key] for m, _ in pods)

    # Scores.

    def _taints(self, shape: Shape, names: list[str]) -> dict[str, int]:
        counts = {}
        for name in names:
            soft = [t for t in self.machines[name].node.spec.taints if t.effect == "PreferNoSchedule"]
            counts[name] = sum(not tolerated(t, shape) for t in soft)
        top = max(counts.values())
        return {n: 100 - 100 * c // top if top else 100 for n, c in counts.items()}

    def _node_preference(self, shape: Shape, names: list[str]) -> dict[str, int]:
        raw = {
            n: sum(
                p.weight
                for p in shape.preferred_nodes
                if p.preference is not None and term_holds(p.preference, self.machines[n].node)
            )
            for n in names
        }
        top = max(raw.values())
        return {n: 100 * r // top if top else 0 for n, r in raw.items()}

    def _least(self, shape: Shape, names: list[str]) -> dict[str, int]:
        scores = {}
        for name in names:
            machine = self.machines[name]
            parts = []
            for i, resource in enumerate(("cpu", "memory")):
                capacity = machine.allocatable(resource)
                used = sum(p.scored[i] for p in machine.pods) + shape.scored[i]
                if capacity:
                    parts.append(max(capacity - used, 0) * 100 // capacity)
            scores[name] = sum(parts) // len(parts) if parts else 0
        return scores

    def _balance(self, shape: Shape, names: list[str]) -> dict[str, int]:
        if not shape.requests.get("cpu") and not shape.requests.get("memory"):
            return {}
        scores = {}
        for name in names:
            machine = self.machines[name]
            shares = []
            for resource in ("cpu", "memory"):
                capacity = machine.allocatable(resource)
                if capacity:
                    shares.append(min((machine.used(resource) + shape.requests.get(resource, 0)) / capacity, 1.0))
            deviation = abs(shares[0] - shares[1]) / 2 if len(shares) == 2 else 0.0
            scores[name] = int((1 - deviation) * 100)
        return scores

    def _spread(self, shape: Shape, names: list[str]) -> dict[str, int]:
        if not shape.spread_soft:
            return {}
        keys = [c.pods.topology_key for c in shape.spread_soft]
        has_all = {n for n, m in self.machines.items() if all(k in m.labels for k in keys)}
        ranked = [n for n in names if shape.spread_default or n in has_all]
        costs = {}
        for name in ranked:
            labels = self.machines[name].labels
            cost = 0.0
            for constraint in shape.spread_soft:
                key = constraint.pods.topology_key
                if key not in labels:
                    continue
                if key == HOST:
                    size = len(ranked)
                    counted = [self.machines[name]]
                else:
                    size = len({self.machines[n].labels[key] for n in ranked if key in self.machines[n].labels})
                    counted = [
                        m
                        for n, m in self.machines.items()
                        if m.labels.get(key) == labels[key]
                        and (shape.spread_default or n in has_all)
                        and self._counts(constraint, shape, m)
                    ]
                number = sum(constraint.pods.matches(p, {}) for m in counted for p in m.pods)
                cost += number * math.log(size + 2) + constraint.max_skew - 1
            costs[name] = math.floor(cost + 0.5)
        if not costs:
            return {}
        low, high = min(costs.values()), max(costs.values())
        return {n: 100 * (high + low - c) // high if high else 100 for n, c in costs.items()}

    def _pods(self, shape: Shape, names: list[str]) -> dict[str, int]:
        raw = dict.fromkeys(names, 0)
        for name in names:
            for other, pod in self._all():
                wanted = [(t, w) for t, w in shape.preferred_pods if t.matches(pod, {})]
                wanted += [(t, w) for t, w in pod.preferred_pods if t.matches(shape, {})]
                wanted += [(t, 1) for t in pod.affinity if t.matches(shape, {})]
                for term, weight in wanted:
                    if self._near(term, self.machines[name], [(other, pod)]):
                        raw[name] += weight
        low, high = min(raw.values()), max(raw.values())
        return {n: 100 * (r - low) // (high - low) for n, r in raw.items()} if high > low else {}


def tolerated(taint: Taint, shape: Shape) -> bool:
    for toleration in shape.tolerations:
        if toleration.effect and toleration.effect != taint.effect:
            continue
        if toleration.operator == "Exists" and toleration.key in ("", taint.key):
            return True
        if toleration.operator != "Exists" and (toleration.key, toleration.value) == (taint.key, taint.value):
            return True
    return False


def eligible(shape: Shape, node: Node) -> bool:
    if any(node.metadata.labels.get(k) != v for k, v in shape.node_selector.items()):
        return False
    return shape.node_terms is None or any(term_holds(t, node) for t in shape.node_terms)


def term_holds(term: NodeSelectorTerm, node: Node) -> bool:
    if not term.matchExpressions and not term.matchFields:
        return False
    labels, fields = node.metadata.labels, {"metadata.name": node.metadata.name}
    return all(
        Requirement(e.key, OPERATORS[e.operator], e.values).matches(where)
        for where, expressions in ((labels, term.matchExpressions), (fields, term.matchFields))
        for e in expressions
    )
