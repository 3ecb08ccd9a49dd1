"""HorizontalPodAutoscaler (v1): the CPU-only form of the v2 object, which is the stored one."""

from __future__ import annotations

import copy
from typing import Any

from navarch.api.autoscaling import convert
from navarch.api.autoscaling import horizontal_pod_autoscaler_v2 as v2
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import fill_pointer, struct
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.api.validation.autoscaling import autoscaler_errors
from navarch.api.validation.workload_status import autoscaler_status_errors
from navarch.base.field import FieldError
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


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    spec.setdefault("minReplicas", 1)
    if convert.METRICS not in (tree["metadata"].get("annotations") or {}):
        fill_pointer(spec, "targetCPUUtilizationPercentage", v2.CPU_PERCENT)


def _to_stored(tree: Tree) -> None:
    convert.to_v2(tree)
    v2.default(tree)


def _cells(tree: Tree, now: float) -> list[Any]:
    stored = copy.deepcopy(tree)
    _to_stored(stored)
    return v2.cells(stored, now)


def _validate(tree: Tree) -> list[FieldError]:
    """Faults are named as in v2, where the object is kept."""
    stored = copy.deepcopy(tree)
    _to_stored(stored)
    return autoscaler_errors(stored)


KIND = Kind(
    group="autoscaling",
    version="v1",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    singular="horizontalpodautoscaler",
    namespaced=True,
    type_name="io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler",
    short_names=("hpa",),
    categories=("all",),
    subresources=(status_of("HorizontalPodAutoscaler"),),
    storage_version_hash="qwQve8ut294=",
    columns=COLUMNS,
    prepare_create=reset_status({"currentReplicas": 0, "desiredReplicas": 0}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    stored_as="horizontalpodautoscalers.autoscaling",
    default=_default,
    to_stored=_to_stored,
    from_stored=convert.from_v2,
    stand_ins=convert.STAND_INS,
    cells=_cells,
    validate=_validate,
    validate_status=autoscaler_status_errors,
)
