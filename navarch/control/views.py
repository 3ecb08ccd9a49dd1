"""Views that only controllers need: objects whose pod template must be copied whole, and bare metadata.

The API's views leave out fields and are never written back; a template becomes part of new objects, so
here it stays a tree. Trees in views are shared and must not be changed: copy before writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from navarch.api.views import apps, batch, core
from navarch.api.views.base import EMPTY, View
from navarch.api.views.meta import NO_METADATA, Condition, LabelSelector, ObjectMeta


def to_tree(view: View) -> dict[str, Any]:
    """A view as a plain tree, to be part of what is written. Absent fields are left out."""
    tree: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(view))
    return tree


class Bare(View, frozen=True):
    """Any object, its metadata alone."""

    metadata: ObjectMeta = NO_METADATA


class DeploymentSpec(View, frozen=True):
    minReadySeconds: int | None = None
    paused: bool | None = None
    progressDeadlineSeconds: int | None = None
    replicas: int | None = None
    revisionHistoryLimit: int | None = None
    selector: LabelSelector | None = None
    strategy: apps.DeploymentStrategy | None = None
    template: dict[str, Any] | None = None


class Deployment(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: DeploymentSpec = DeploymentSpec()
    status: apps.DeploymentStatus = apps.DeploymentStatus()


class ReplicaSetSpec(View, frozen=True):
    minReadySeconds: int | None = None
    replicas: int | None = None
    selector: LabelSelector | None = None
    template: dict[str, Any] | None = None


class ReplicaSet(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: apps.ReplicaSetStatus = apps.ReplicaSetStatus()


class ReplicationControllerSpec(View, frozen=True):
    minReadySeconds: int | None = None
    replicas: int | None = None
    selector: Mapping[str, str] = EMPTY
    template: dict[str, Any] | None = None


class ReplicationController(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: ReplicationControllerSpec = ReplicationControllerSpec()
    status: core.ReplicationControllerStatus = core.ReplicationControllerStatus()


class StatefulSetOrdinals(View, frozen=True):
    start: int | None = None


class StatefulSetPartition(View, frozen=True):
    partition: int | None = None


class StatefulSetUpdateStrategy(View, frozen=True):
    rollingUpdate: StatefulSetPartition | None = None
    type: str = ""


class StatefulSetSpec(View, frozen=True):
    minReadySeconds: int | None = None
    ordinals: StatefulSetOrdinals | None = None
    podManagementPolicy: str = ""
    replicas: int | None = None
    revisionHistoryLimit: int | None = None
    selector: LabelSelector | None = None
    serviceName: str = ""
    template: dict[str, Any] | None = None
    updateStrategy: StatefulSetUpdateStrategy | None = None
    volumeClaimTemplates: tuple[dict[str, Any], ...] = ()


class StatefulSetStatus(View, frozen=True):
    availableReplicas: int = 0
    collisionCount: int = 0
    currentReplicas: int = 0
    currentRevision: str = ""
    observedGeneration: int = 0
    readyReplicas: int = 0
    replicas: int = 0
    updateRevision: str = ""
    updatedReplicas: int = 0


class StatefulSet(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: StatefulSetSpec = StatefulSetSpec()
    status: StatefulSetStatus = StatefulSetStatus()


class DaemonSetSpec(View, frozen=True):
    minReadySeconds: int | None = None
    revisionHistoryLimit: int | None = None
    selector: LabelSelector | None = None
    template: dict[str, Any] | None = None
    updateStrategy: apps.DaemonSetUpdateStrategy | None = None


class DaemonSet(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: DaemonSetSpec = DaemonSetSpec()
    status: apps.DaemonSetStatus = apps.DaemonSetStatus()


class JobSpec(View, frozen=True):
    activeDeadlineSeconds: int | None = None
    backoffLimit: int | None = None
    backoffLimitPerIndex: int | None = None
    completionMode: str = ""
    completions: int | None = None
    managedBy: str = ""
    maxFailedIndexes: int | None = None
    parallelism: int | None = None
    podFailurePolicy: batch.PodFailurePolicy | None = None
    podReplacementPolicy: str = ""
    selector: LabelSelector | None = None
    successPolicy: batch.SuccessPolicy | None = None
    suspend: bool | None = None
    template: dict[str, Any] | None = None
    ttlSecondsAfterFinished: int | None = None


class Job(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: JobSpec = JobSpec()
    status: batch.JobStatus = batch.JobStatus()


class CronJobSpec(View, frozen=True):
    concurrencyPolicy: str = ""
    failedJobsHistoryLimit: int | None = None
    jobTemplate: dict[str, Any] | None = None
    schedule: str = ""
    startingDeadlineSeconds: int | None = None
    successfulJobsHistoryLimit: int | None = None
    suspend: bool | None = None
    timeZone: str = ""


class CronJob(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: CronJobSpec = CronJobSpec()
    status: batch.CronJobStatus = batch.CronJobStatus()


class ResourceQuotaSpec(View, frozen=True):
    hard: Mapping[str, str] = EMPTY
    scopeSelector: dict[str, Any] | None = None
    scopes: tuple[str, ...] = ()


class ResourceQuotaStatus(View, frozen=True):
    hard: Mapping[str, str] = EMPTY
    used: Mapping[str, str] = EMPTY


class ResourceQuota(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: ResourceQuotaSpec = ResourceQuotaSpec()
    status: ResourceQuotaStatus = ResourceQuotaStatus()


class SigningRequestSpec(View, frozen=True):
    expirationSeconds: int | None = None
    extra: Mapping[str, tuple[str, ...]] = {}
    groups: tuple[str, ...] = ()
    request: str = ""
    signerName: str = ""
    uid: str = ""
    usages: tuple[str, ...] = ()
    username: str = ""


class SigningRequestCondition(View, frozen=True):
    lastTransitionTime: str | None = None
    lastUpdateTime: str | None = None
    message: str = ""
    reason: str = ""
    status: str = ""
    type: str = ""


class SigningRequestStatus(View, frozen=True):
    certificate: str = ""
    conditions: tuple[SigningRequestCondition, ...] = ()


class CertificateSigningRequest(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: SigningRequestSpec = SigningRequestSpec()
    status: SigningRequestStatus = SigningRequestStatus()


class ServiceCIDRSpec(View, frozen=True):
    cidrs: tuple[str, ...] = ()


class ServiceCIDRStatus(View, frozen=True):
    conditions: tuple[Condition, ...] = ()


class ServiceCIDR(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: ServiceCIDRSpec = ServiceCIDRSpec()
    status: ServiceCIDRStatus = ServiceCIDRStatus()


class AdmissionPolicyStatus(View, frozen=True):
    observedGeneration: int = 0


class AdmissionPolicy(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: dict[str, Any] | None = None
    status: AdmissionPolicyStatus = AdmissionPolicyStatus()
