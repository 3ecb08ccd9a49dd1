"""Typed views of autoscaling/v2.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from navarch.api.views.base import View
from navarch.api.views.meta import NO_METADATA, ObjectMeta


class MetricTarget(View, frozen=True):
    averageUtilization: int | None = None
    averageValue: str | None = None
    type: str = ""
    value: str | None = None


class ResourceMetricSource(View, frozen=True):
    name: str = ""
    target: MetricTarget = MetricTarget()


class ContainerResourceMetricSource(View, frozen=True):
    container: str = ""
    name: str = ""
    target: MetricTarget = MetricTarget()


class MetricSpec(View, frozen=True):
    containerResource: ContainerResourceMetricSource | None = None
    resource: ResourceMetricSource | None = None
    type: str = ""


class HPAScalingPolicy(View, frozen=True):
    periodSeconds: int = 0
    type: str = ""
    value: int = 0


class HPAScalingRules(View, frozen=True):
    policies: tuple[HPAScalingPolicy, ...] = ()
    selectPolicy: str = ""
    stabilizationWindowSeconds: int | None = None


class HorizontalPodAutoscalerBehavior(View, frozen=True):
    scaleDown: HPAScalingRules | None = None
    scaleUp: HPAScalingRules | None = None


class CrossVersionObjectReference(View, frozen=True):
    apiVersion: str = ""
    kind: str = ""
    name: str = ""


class HorizontalPodAutoscalerSpec(View, frozen=True):
    behavior: HorizontalPodAutoscalerBehavior | None = None
    maxReplicas: int = 0
    metrics: tuple[MetricSpec, ...] = ()
    minReplicas: int | None = None
    scaleTargetRef: CrossVersionObjectReference = CrossVersionObjectReference()


class HorizontalPodAutoscalerCondition(View, frozen=True):
    lastTransitionTime: str | None = None
    message: str = ""
    reason: str = ""
    status: str = ""
    type: str = ""


class HorizontalPodAutoscalerStatus(View, frozen=True):
    conditions: tuple[HorizontalPodAutoscalerCondition, ...] = ()
    currentReplicas: int = 0
    desiredReplicas: int = 0
    lastScaleTime: str | None = None


class HorizontalPodAutoscaler(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: HorizontalPodAutoscalerSpec = HorizontalPodAutoscalerSpec()
    status: HorizontalPodAutoscalerStatus = HorizontalPodAutoscalerStatus()
