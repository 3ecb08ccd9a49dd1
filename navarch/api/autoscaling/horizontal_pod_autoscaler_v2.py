"""HorizontalPodAutoscaler (v2): replicas that follow metrics."""

from __future__ import annotations

import copy
from typing import Any

from navarch.api.autoscaling.targets import targets
from navarch.api.cells import UNSET, age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import fill_pointer, struct
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.api.validation.autoscaling import autoscaler_errors
from navarch.api.validation.workload_status import autoscaler_status_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Reference",
        "scaleTargetRef points to the target resource to scale, and is used to the pods for which "
        "metrics should be collected, as well as to actually change the replica count.",
    ),
    Column(
        "Targets",
        "metrics contains the specifications for which to use to calculate the desired replica count "
        "(the maximum replica count across all metrics will be used).  The desired replica count is "
        "calculated multiplying the ratio between the target value and the current value by the "
        "current number of pods.  Ergo, metrics used must decrease as the pod count is increased, and"
        " vice-versa.  See the individual metric source types for more information about how each "
        "type of metric must respond. If not set, the default metric will be set to 80% average CPU "
        "utilization.",
    ),
    Column(
        "MinPods",
        "minReplicas is the lower limit for the number of replicas to which the autoscaler can scale "
        "down.  It defaults to 1 pod.  minReplicas is allowed to be 0 if the alpha feature gate "
        "HPAScaleToZero is enabled and at least one Object or External metric is configured.  Scaling"
        " is active as long as at least one metric value is available.",
    ),
    Column(
        "MaxPods",
        "maxReplicas is the upper limit for the number of replicas to which the autoscaler can scale "
        "up. It cannot be less that minReplicas.",
    ),
    Column(
        "Replicas",
        "currentReplicas is current number of replicas of pods managed by this autoscaler, as last "
        "seen by the autoscaler.",
    ),
    AGE,
)


#: The target of an autoscaler that names no metric.
CPU_PERCENT = 80
_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def default(tree: Tree) -> None:
    """CPU at 80 % where no metric is named; a behavior is completed on both sides."""
    spec = struct(tree, "spec")
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": CPU_PERCENT}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if isinstance(behavior := spec.get("behavior"), dict):
        for side, rules in (("scaleUp", _UP), ("scaleDown", _DOWN)):
            chosen = struct(behavior, side)
            for key, value in copy.deepcopy(rules).items():
                fill_pointer(chosen, key, value)


def cells(tree: Tree, now: float) -> list[Any]:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    reference = spec.get("scaleTargetRef") or {}
    minimum = spec.get("minReplicas")
    return [
        name(tree),
        f"{reference.get('kind', '')}/{reference.get('name', '')}",
        targets(tree),
        UNSET if minimum is None else str(minimum),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        age(tree, now),
    ]


KIND = Kind(
    group="autoscaling",
    version="v2",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    singular="horizontalpodautoscaler",
    namespaced=True,
    type_name="io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    short_names=("hpa",),
    categories=("all",),
    subresources=(status_of("HorizontalPodAutoscaler"),),
    storage_version_hash="qwQve8ut294=",
    columns=COLUMNS,
    prepare_create=reset_status({"desiredReplicas": 0, "currentMetrics": None}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    default=default,
    cells=cells,
    validate=autoscaler_errors,
    validate_status=autoscaler_status_errors,
)
