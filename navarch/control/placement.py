"""On which nodes a DaemonSet's pod belongs, and how its template is bound to one node. Pure.

Source: Kubernetes' daemon set controller (node affinity by field, default tolerations).
"""

from __future__ import annotations

import copy
from typing import Final, NamedTuple

import msgspec

from navarch.api.views.node import Node
from navarch.api.views.pod import NodeSelectorRequirement, NodeSelectorTerm, Pod, PodTemplateSpec, Toleration
from navarch.base.selector import Requirement
from navarch.control.tainteviction import tolerates
from navarch.schema.types import Tree

_OPERATORS: Final = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": "gt", "Lt": "lt"}
_NAME: Final = "metadata.name"

#: Daemons stay on nodes that are in trouble: key, effect.
DEFAULT_TOLERATIONS: Final = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
HOST_NETWORK_TOLERATION: Final = ("node.kubernetes.io/network-unavailable", "NoSchedule")


class Verdict(NamedTuple):
    """Should a pod be there, and may one that is there stay?"""

    run: bool
    stay: bool


class Placement:
    """The placement rules of one template."""

    def __init__(self, template: Tree) -> None:
        self._spec = msgspec.convert(template, PodTemplateSpec).spec
        self._template = template
        self._added = [Toleration(key=k, effect=e, operator="Exists") for k, e in self._tolerated()]
        self._tolerations = (*self._spec.tolerations, *self._added)

    def _tolerated(self) -> tuple[tuple[str, str], ...]:
        return (*DEFAULT_TOLERATIONS, HOST_NETWORK_TOLERATION) if self._spec.hostNetwork else DEFAULT_TOLERATIONS

    def verdict(self, node: Node) -> Verdict:
        if not self._fits(node):
            return Verdict(False, False)
        bad = [t for t in node.spec.taints if not any(tolerates(o, t) for o in self._tolerations)]
        run = not any(t.effect in ("NoSchedule", "NoExecute") for t in bad)
        return Verdict(run, not any(t.effect == "NoExecute" for t in bad))

    def _fits(self, node: Node) -> bool:
        if self._spec.nodeName not in ("", node.metadata.name):
            return False
        if not self._spec.nodeSelector.items() <= node.metadata.labels.items():
            return False
        affinity = self._spec.affinity.nodeAffinity if self._spec.affinity is not None else None
        required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
        return required is None or any(term_matches(t, node) for t in required.nodeSelectorTerms)

    def spec_for(self, node_name: str) -> Tree:
        """The pod spec that only the node `node_name` satisfies."""
        spec = dict(self._template.get("spec") or {})
        affinity = copy.deepcopy(spec.get("affinity") or {})
        node_affinity = affinity.setdefault("nodeAffinity", {})
        required = node_affinity.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
        field = {"key": _NAME, "operator": "In", "values": [node_name]}
        # Every term is replaced: the eligibility of the node was decided with the original ones.
        required["nodeSelectorTerms"] = [{"matchFields": [field]}]
        spec["affinity"] = affinity
        own = list(spec.get("tolerations") or [])
        known = {(t.get("key"), t.get("effect"), t.get("operator")) for t in own}
        extra = [{"key": t.key, "operator": "Exists", "effect": t.effect} for t in self._added]
        spec["tolerations"] = own + [t for t in extra if (t["key"], t["effect"], t["operator"]) not in known]
        return spec


def term_matches(term: NodeSelectorTerm, node: Node) -> bool:
    """All expressions on labels and fields; an empty term matches nothing."""
    if not term.matchExpressions and not term.matchFields:
        return False
    fields = {_NAME: node.metadata.name}
    return all(_requirement(e).matches(node.metadata.labels) for e in term.matchExpressions) and all(
        _requirement(e).matches(fields) for e in term.matchFields
    )


def _requirement(expression: NodeSelectorRequirement) -> Requirement:
    return Requirement(expression.key, _OPERATORS[expression.operator], expression.values)


def node_of(pod: Pod) -> str:
    """The node of a daemon's pod: bound, or the only one its affinity allows."""
    if pod.spec.nodeName:
        return pod.spec.nodeName
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    for term in required.nodeSelectorTerms if required is not None else ():
        for field in term.matchFields:
            if field.key == _NAME and field.operator == "In" and len(field.values) == 1:
                return field.values[0]
    return ""
