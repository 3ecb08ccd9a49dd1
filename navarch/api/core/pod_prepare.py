"""What the server sets in a Pod that is being created, and what it drops.

Source: KEP-24 (AppArmor fields), KEP-3633 and KEP-3243 (matchLabelKeys), KEP-3521 (scheduling gates).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from navarch.api.core.qos import qos_class
from navarch.api.defaulting import each, struct
from navarch.schema.types import Tree

_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_APPARMOR_TYPES: Final = {"unconfined": "Unconfined", "runtime/default": "RuntimeDefault"}
_LOCALHOST: Final = "localhost/"
_ALL_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")


def prepare_pod(pod: Tree) -> None:
    """A fresh status, label selectors made of `matchLabelKeys`, AppArmor fields of annotations."""
    spec = pod["spec"]
    pod["status"] = {"phase": "Pending", "qosClass": qos_class(pod)}
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1
    if spec.get("schedulingGates"):
        pod["status"]["conditions"] = [_gated(pod["metadata"].get("creationTimestamp"))]
    drop_disabled(spec)
    _apply_match_label_keys(spec, pod["metadata"].get("labels") or {})
    _apply_apparmor(pod["metadata"].get("annotations") or {}, spec)


def drop_disabled(spec: Tree) -> None:
    """Remove the fields of features that are not on by default."""
    for container in each(spec, *_ALL_CONTAINERS):
        lifecycle = container.get("lifecycle")
        if isinstance(lifecycle, dict) and lifecycle.pop("stopSignal", None) and not lifecycle:
            del container["lifecycle"]
    for volume in each(spec, "volumes"):
        for source in each(volume.get("projected") or {}, "sources"):
            source.pop("clusterTrustBundle", None)


def _gated(now: str | None) -> Tree:
    return {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": now,
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }


def _apply_match_label_keys(spec: Tree, labels: dict[str, str]) -> None:
    for term in _label_terms(spec):
        selector = term.get("labelSelector")
        if not isinstance(selector, dict):
            continue
        added = [_expression(key, "In", labels) for key in term.get("matchLabelKeys") or () if key in labels]
        added += [_expression(key, "NotIn", labels) for key in term.get("mismatchLabelKeys") or () if key in labels]
        if added:
            term["labelSelector"] = copy.deepcopy(selector)
            term["labelSelector"]["matchExpressions"] = [*(selector.get("matchExpressions") or ()), *added]


def _expression(key: str, operator: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": [labels[key]]}


def _label_terms(spec: Tree) -> Iterator[Tree]:
    yield from each(spec, "topologySpreadConstraints")
    affinity = spec.get("affinity") or {}
    for side in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(side) or {}
        yield from each(rules, "requiredDuringSchedulingIgnoredDuringExecution")
        for weighted in each(rules, "preferredDuringSchedulingIgnoredDuringExecution"):
            yield weighted.get("podAffinityTerm") or {}


def _apply_apparmor(annotations: dict[str, str], spec: Tree) -> None:
    for container in each(spec, *_ALL_CONTAINERS):
        profile = annotations.get(_APPARMOR + str(container.get("name")))
        if profile is None or (container.get("securityContext") or {}).get("appArmorProfile"):
            continue
        if profile in _APPARMOR_TYPES:
            struct(container, "securityContext")["appArmorProfile"] = {"type": _APPARMOR_TYPES[profile]}
        elif profile.startswith(_LOCALHOST):
            localhost = {"type": "Localhost", "localhostProfile": profile.removeprefix(_LOCALHOST)}
            struct(container, "securityContext")["appArmorProfile"] = localhost
