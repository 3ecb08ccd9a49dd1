"""autoscaling/v1 is the CPU-only view of v2: what v1 has no field for travels in annotations.

Worked example:
    v2 spec.metrics [cpu at 80 % utilisation, memory at 70 %], as v1:
    spec.targetCPUUtilizationPercentage: 80
    annotation autoscaling.alpha.kubernetes.io/metrics: the memory metric as JSON, in v1's form

Source: the autoscaling/v1 API reference (the annotations and their older metric form).
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from navarch.schema.types import Tree

_PREFIX: Final = "autoscaling.alpha.kubernetes.io/"
METRICS: Final = _PREFIX + "metrics"
CURRENT_METRICS: Final = _PREFIX + "current-metrics"
CONDITIONS: Final = _PREFIX + "conditions"
BEHAVIOR: Final = _PREFIX + "behavior"

#: All annotations that v1 shows and nobody stores.
STAND_INS: Final = frozenset({METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR})

_CPU_PERCENT: Final = "targetCPUUtilizationPercentage"


def to_v2(tree: Tree) -> None:
    tree["apiVersion"] = "autoscaling/v2"
    spec = tree.setdefault("spec", {})
    status = tree.setdefault("status", {})
    metrics = [_metric_to_v2(metric) for metric in _take(tree, METRICS) or ()]
    percent = spec.pop(_CPU_PERCENT, None)
    if percent is not None:
        metrics.insert(0, _cpu({"type": "Utilization", "averageUtilization": percent}))
    if metrics:
        spec["metrics"] = metrics
    if behavior := _take(tree, BEHAVIOR):
        spec["behavior"] = behavior
    current = [_metric_to_v2(metric, current=True) for metric in _take(tree, CURRENT_METRICS) or ()]
    used = status.pop("currentCPUUtilizationPercentage", None)
    if used is not None:
        current.insert(0, {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": used}}})
    status["currentMetrics"] = current or None
    if conditions := _take(tree, CONDITIONS):
        status["conditions"] = conditions
    if not status.get("currentReplicas"):
        status.pop("currentReplicas", None)
    status.setdefault("desiredReplicas", 0)


def from_v2(tree: Tree) -> None:
    tree["apiVersion"] = "autoscaling/v1"
    spec = tree.setdefault("spec", {})
    status = tree.setdefault("status", {})
    others = []
    for metric in spec.pop("metrics", None) or ():
        target = (metric.get("resource") or {}).get("target") or {}
        if _is_cpu(metric) and target.get("averageUtilization") is not None and _CPU_PERCENT not in spec:
            spec[_CPU_PERCENT] = target["averageUtilization"]
        else:
            others.append(_metric_to_v1(metric))
    _put(tree, METRICS, others)
    _put(tree, BEHAVIOR, spec.pop("behavior", None))
    others = []
    for metric in status.pop("currentMetrics", None) or ():
        used = (metric.get("resource") or {}).get("current") or {}
        if _is_cpu(metric) and used.get("averageUtilization") is not None:
            status["currentCPUUtilizationPercentage"] = used["averageUtilization"]
        others.append(_metric_to_v1(metric, current=True))
    _put(tree, CURRENT_METRICS, others)
    _put(tree, CONDITIONS, status.pop("conditions", None))
    status.setdefault("currentReplicas", 0)


def _cpu(target: Tree) -> Tree:
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _is_cpu(metric: Tree) -> bool:
    return metric.get("type") == "Resource" and (metric.get("resource") or {}).get("name") == "cpu"


#: The key of a metric's source, by its type.
_SOURCES: Final = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def _metric_to_v1(metric: Tree, *, current: bool = False) -> Tree:
    """A metric in v1's flat form: `targetAverageUtilization`, `metricName` and the like."""
    key = _SOURCES.get(metric.get("type", ""), "")
    source: Tree = dict(metric.get(key) or {})
    target: Tree = source.pop("current" if current else "target", None) or {}
    name: Tree = source.pop("metric", None) or {}
    flat: Tree = {}
    if "describedObject" in source:
        flat["target"] = source.pop("describedObject")
    flat |= source
    if name:
        flat["metricName"] = name.get("name", "")
        if name.get("selector"):
            flat["metricSelector" if key == "external" else "selector"] = name["selector"]
    for new, old in _value_names(key, current=current).items():
        if target.get(new) is not None:
            flat[old] = target[new]
    return {"type": metric.get("type", ""), key: flat}


def _metric_to_v2(metric: Tree, *, current: bool = False) -> Tree:
    key = _SOURCES.get(metric.get("type", ""), "")
    flat: Tree = dict(metric.get(key) or {})
    values: Tree = {}
    for new, old in _value_names(key, current=current).items():
        if old in flat:
            values[new] = flat.pop(old)
    if not current:
        values["type"] = _target_type(values)
    source: Tree = {}
    if "target" in flat:
        source["describedObject"] = flat.pop("target")
    if "metricName" in flat:
        source["metric"] = {"name": flat.pop("metricName")}
        selector = flat.pop("metricSelector", None) or flat.pop("selector", None)
        if selector:
            source["metric"]["selector"] = selector
    source |= flat
    source["current" if current else "target"] = values
    return {"type": metric.get("type", ""), key: source}


def _value_names(key: str, *, current: bool) -> dict[str, str]:
    """v2 name of a value -> v1 name, for one source."""
    prefix = "current" if current else "target"
    if key in ("resource", "containerResource"):
        return {"averageUtilization": f"{prefix}AverageUtilization", "averageValue": f"{prefix}AverageValue"}
    if key == "pods":
        return {"averageValue": f"{prefix}AverageValue"}
    if key == "object":
        return {"value": f"{prefix}Value", "averageValue": "averageValue"}
    return {"value": f"{prefix}Value", "averageValue": f"{prefix}AverageValue"}


def _target_type(values: Tree) -> str:
    if "averageUtilization" in values:
        return "Utilization"
    return "AverageValue" if "averageValue" in values else "Value"


def _take(tree: Tree, annotation: str) -> Any:
    """The JSON in an annotation, which is removed; None where it is absent or broken."""
    annotations = tree["metadata"].get("annotations") or {}
    text = annotations.pop(annotation, None)
    if not annotations:
        tree["metadata"].pop("annotations", None)
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _put(tree: Tree, annotation: str, value: Any) -> None:
    if value:
        annotations = tree["metadata"].setdefault("annotations", {})
        annotations[annotation] = orjson.dumps(value).decode()
