"""Typed views of batch/v1.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from navarch.api.views.base import View
from navarch.api.views.meta import NO_METADATA, LabelSelector, ObjectMeta
from navarch.api.views.pod import ObjectReference, PodTemplateSpec


class PodFailurePolicyOnExitCodesRequirement(View, frozen=True):
    containerName: str = ""
    operator: str = ""
    values: tuple[int, ...] = ()


class PodFailurePolicyOnPodConditionsPattern(View, frozen=True):
    status: str = ""
    type: str = ""


class PodFailurePolicyRule(View, frozen=True):
    action: str = ""
    onExitCodes: PodFailurePolicyOnExitCodesRequirement | None = None
    onPodConditions: tuple[PodFailurePolicyOnPodConditionsPattern, ...] = ()


class PodFailurePolicy(View, frozen=True):
    rules: tuple[PodFailurePolicyRule, ...] = ()


class SuccessPolicyRule(View, frozen=True):
    succeededCount: int | None = None
    succeededIndexes: str = ""


class SuccessPolicy(View, frozen=True):
    rules: tuple[SuccessPolicyRule, ...] = ()


class JobSpec(View, frozen=True):
    activeDeadlineSeconds: int | None = None
    backoffLimit: int | None = None
    backoffLimitPerIndex: int | None = None
    completionMode: str = ""
    completions: int | None = None
    managedBy: str = ""
    manualSelector: bool | None = None
    maxFailedIndexes: int | None = None
    parallelism: int | None = None
    podFailurePolicy: PodFailurePolicy | None = None
    podReplacementPolicy: str = ""
    selector: LabelSelector | None = None
    successPolicy: SuccessPolicy | None = None
    suspend: bool | None = None
    template: PodTemplateSpec | None = None
    ttlSecondsAfterFinished: int | None = None


class JobCondition(View, frozen=True):
    lastProbeTime: str | None = None
    lastTransitionTime: str | None = None
    message: str = ""
    reason: str = ""
    status: str = ""
    type: str = ""


class UncountedTerminatedPods(View, frozen=True):
    failed: tuple[str, ...] = ()
    succeeded: tuple[str, ...] = ()


class JobStatus(View, frozen=True):
    active: int = 0
    completedIndexes: str = ""
    completionTime: str | None = None
    conditions: tuple[JobCondition, ...] = ()
    failed: int = 0
    failedIndexes: str = ""
    ready: int = 0
    startTime: str | None = None
    succeeded: int = 0
    terminating: int = 0
    uncountedTerminatedPods: UncountedTerminatedPods | None = None


class Job(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class JobTemplateSpec(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: JobSpec = JobSpec()


class CronJobSpec(View, frozen=True):
    concurrencyPolicy: str = ""
    failedJobsHistoryLimit: int | None = None
    jobTemplate: JobTemplateSpec | None = None
    schedule: str = ""
    startingDeadlineSeconds: int | None = None
    successfulJobsHistoryLimit: int | None = None
    suspend: bool | None = None
    timeZone: str = ""


class CronJobStatus(View, frozen=True):
    active: tuple[ObjectReference, ...] = ()
    lastScheduleTime: str | None = None
    lastSuccessfulTime: str | None = None


class CronJob(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()
