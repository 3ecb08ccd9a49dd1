"""Pods as a whole, and what may change in a pod that exists.

Source: KEP-1287 (what resize may change), the Pod update rules of the API documentation.
"""

from __future__ import annotations

from typing import Any, Final

from navarch.api.strategy import carry
from navarch.api.validation.go_form import difference, shown
from navarch.api.validation.pod_spec import pod_spec_errors
from navarch.api.validation.rules import Errors, indexed
from navarch.base.field import forbidden_field, invalid_value
from navarch.schema.types import Tree

MIRROR_ANNOTATION: Final = "kubernetes.io/config.mirror"
_NEEDED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_MUTABLE_TEXT: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def errors(pod: Tree) -> Errors:
    found = shared_errors(pod)
    spec = pod.get("spec") or {}
    if spec.get("ephemeralContainers"):
        found.append(forbidden_field("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("schedulingGates") and spec.get("nodeName"):
        text = "cannot be set until all schedulingGates have been cleared"
        found.append(forbidden_field("spec.nodeName", text))
    return found


def shared_errors(pod: Tree) -> Errors:
    """What holds for new and for changed pods."""
    return mirror_errors(pod) + pod_spec_errors(pod.get("spec") or {}, "spec")


def mirror_errors(pod: Tree) -> Errors:
    annotations = pod["metadata"].get("annotations") or {}
    if MIRROR_ANNOTATION not in annotations or (pod.get("spec") or {}).get("nodeName"):
        return []
    where = f"metadata.annotations[{MIRROR_ANNOTATION}]"
    text = "must set spec.nodeName if mirror pod annotation is set"
    return [invalid_value(where, annotations[MIRROR_ANNOTATION], text)]


def change_errors(new: Tree, old: Tree) -> Errors:
    """All errors of a changed pod and of the change."""
    if new.get("spec") == old.get("spec"):
        # What stands in the store was found right when it was written.
        return mirror_errors(new)
    return shared_errors(new) + update_errors(new, old)


def update_errors(new: Tree, old: Tree) -> Errors:
    """A few fields may change, some of them in one direction only; the rest of the spec may not."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    found: Errors = []
    for key in ("containers", "initContainers"):
        if len(spec.get(key) or ()) != len(before.get(key) or ()):
            return [forbidden_field(f"spec.{key}", "pod updates may not add or remove containers")]
    found += _deadline_errors(spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    if found:
        return found
    found += _toleration_errors(spec, before)
    found += _gate_errors(spec, before)
    if before.get("schedulingGates"):
        found += _gated_errors(spec, before)
    allowed = _allowed(spec, before)
    if allowed != before and shown("PodSpec", allowed) != shown("PodSpec", before):
        found.append(forbidden_field("spec", _MUTABLE_TEXT + difference("PodSpec", before, allowed)))
    return found


def _deadline_errors(now: int | None, before: int | None) -> Errors:
    where = "spec.activeDeadlineSeconds"
    if before is None or now == before:
        return []
    if now is None:
        return [invalid_value(where, now, "must not update from a positive integer to nil value")]
    if now < 0:
        return []
    return [invalid_value(where, now, "must be less than or equal to previous value")] if now > before else []


def _toleration_errors(spec: Tree, before: Tree) -> Errors:
    def known(toleration: Tree) -> Any:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds" and value != ""}

    now = [known(t) for _, t in indexed(spec, "tolerations", "spec")]
    if all(known(t) in now for _, t in indexed(before, "tolerations", "spec")):
        return []
    return [forbidden_field("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")]


def _gate_errors(spec: Tree, before: Tree) -> Errors:
    old = {gate.get("name") for _, gate in indexed(before, "schedulingGates", "spec")}
    return [
        forbidden_field(
            f"{where}.name", f"only deletion is allowed, but found new scheduling gate '{gate.get('name', '')}'"
        )
        for where, gate in indexed(spec, "schedulingGates", "spec")
        if gate.get("name") not in old
    ]


def _gated_errors(spec: Tree, before: Tree) -> Errors:
    """A pod that waits may be told where to go more narrowly, never otherwise. Source: KEP-3838."""
    asked, old = spec.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    found: Errors = []
    if not old.items() <= asked.items():
        text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        found.append(invalid_value("spec.nodeSelector", spec.get("nodeSelector"), text))
    terms, were = _node_terms(spec), _node_terms(before)
    where = f"spec.affinity.nodeAffinity.{_NEEDED}.nodeSelectorTerms"
    if not were:
        return found
    if len(terms) != len(were):
        text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [*found, invalid_value(where, [shown("NodeSelectorTerm", term) for term in terms], text)]
    for index, (term, was) in enumerate(zip(terms, were, strict=True)):
        if not _only_adds(term, was):
            text = "only additions are allowed (no mutations or deletions)"
            found.append(invalid_value(f"{where}[{index}]", shown("NodeSelectorTerm", term), text))
    return found


def _node_terms(spec: Tree) -> list[Tree]:
    needed = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_NEEDED) or {}
    return list(needed.get("nodeSelectorTerms") or ())


def _only_adds(term: Tree, was: Tree) -> bool:
    """Does the term hold all that it held? One that held nothing matches nothing, and stays so."""
    parts = ("matchExpressions", "matchFields")
    if not any(was.get(part) for part in parts):
        return not any(term.get(part) for part in parts)
    return all(item in (term.get(part) or ()) for part in parts for item in was.get(part) or ())


def _allowed(spec: Tree, before: Tree) -> Tree:
    """The new spec with what an update may change put back."""
    kept = dict(spec)
    for key in ("activeDeadlineSeconds", "tolerations", "schedulingGates", "ephemeralContainers"):
        carry(kept, before, key)
    for key in ("containers", "initContainers"):
        if kept.get(key):
            pairs = zip(kept[key], before.get(key) or (), strict=True)
            kept[key] = [{**container, "image": was.get("image", "")} for container, was in pairs]
    if before.get("schedulingGates"):
        carry(kept, before, "nodeSelector")
        affinity = dict(kept.pop("affinity", None) or {})
        carry(affinity, before.get("affinity") or {}, "nodeAffinity")
        if affinity:
            kept["affinity"] = affinity
    if (before.get("terminationGracePeriodSeconds") or 0) < 0 and kept.get("terminationGracePeriodSeconds") == 1:
        kept["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"]
    return kept
