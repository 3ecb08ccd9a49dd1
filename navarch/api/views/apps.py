"""Typed views of apps/v1.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from typing import Any

from navarch.api.views.base import View
from navarch.api.views.meta import NO_METADATA, LabelSelector, ObjectMeta
from navarch.api.views.pod import PodTemplateSpec


class RollingUpdateDeployment(View, frozen=True):
    maxSurge: int | str | None = None
    maxUnavailable: int | str | None = None


class DeploymentStrategy(View, frozen=True):
    rollingUpdate: RollingUpdateDeployment | None = None
    type: str = ""


class DeploymentSpec(View, frozen=True):
    minReadySeconds: int | None = None
    paused: bool | None = None
    progressDeadlineSeconds: int | None = None
    replicas: int | None = None
    revisionHistoryLimit: int | None = None
    selector: LabelSelector | None = None
    strategy: DeploymentStrategy | None = None
    template: PodTemplateSpec | None = None


class DeploymentCondition(View, frozen=True):
    lastTransitionTime: str | None = None
    lastUpdateTime: str | None = None
    message: str = ""
    reason: str = ""
    status: str = ""
    type: str = ""


class DeploymentStatus(View, frozen=True):
    availableReplicas: int = 0
    collisionCount: int = 0
    conditions: tuple[DeploymentCondition, ...] = ()
    observedGeneration: int = 0
    readyReplicas: int = 0
    replicas: int = 0
    terminatingReplicas: int = 0
    unavailableReplicas: int = 0
    updatedReplicas: int = 0


class Deployment(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


class ReplicaSetSpec(View, frozen=True):
    minReadySeconds: int | None = None
    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None


class ReplicaSetCondition(View, frozen=True):
    lastTransitionTime: str | None = None
    message: str = ""
    reason: str = ""
    status: str = ""
    type: str = ""


class ReplicaSetStatus(View, frozen=True):
    availableReplicas: int = 0
    conditions: tuple[ReplicaSetCondition, ...] = ()
    fullyLabeledReplicas: int = 0
    observedGeneration: int = 0
    readyReplicas: int = 0
    replicas: int = 0
    terminatingReplicas: int = 0


class ReplicaSet(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()


class RollingUpdateDaemonSet(View, frozen=True):
    maxSurge: int | str | None = None
    maxUnavailable: int | str | None = None


class DaemonSetUpdateStrategy(View, frozen=True):
    rollingUpdate: RollingUpdateDaemonSet | None = None
    type: str = ""


class DaemonSetSpec(View, frozen=True):
    minReadySeconds: int | None = None
    revisionHistoryLimit: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec | None = None
    updateStrategy: DaemonSetUpdateStrategy | None = None


class DaemonSetCondition(View, frozen=True):
    lastTransitionTime: str | None = None
    message: str = ""
    reason: str = ""
    status: str = ""
    type: str = ""


class DaemonSetStatus(View, frozen=True):
    collisionCount: int = 0
    conditions: tuple[DaemonSetCondition, ...] = ()
    currentNumberScheduled: int = 0
    desiredNumberScheduled: int = 0
    numberAvailable: int = 0
    numberMisscheduled: int = 0
    numberReady: int = 0
    numberUnavailable: int = 0
    observedGeneration: int = 0
    updatedNumberScheduled: int = 0


class DaemonSet(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()


class ControllerRevision(View, frozen=True):
    data: Any = None
    metadata: ObjectMeta = NO_METADATA
    revision: int = 0
