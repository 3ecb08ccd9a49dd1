"""What a Job's pods mean for the Job: failed or not, counted or ignored, and when its end is reached. Pure.

Source: batch/v1 podFailurePolicy and successPolicy; Kubernetes' job controller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from navarch.api.views.batch import PodFailurePolicyRule, SuccessPolicy
from navarch.api.views.pod import ContainerStatus, Pod
from navarch.base.times import parse
from navarch.client.cache import key_of
from navarch.control import job_indexes
from navarch.control.views import Job


class Ruling(NamedTuple):
    """The action of the first rule that matches a failed pod; for FailJob why."""

    action: str
    message: str = ""


#: Without a matching rule a failure counts towards the back-off limit.
COUNT = Ruling("Count")


def is_failed(job: Job, pod: Pod) -> bool:
    """A pod that is being deleted has failed, unless replacements wait for pods to be gone."""
    if pod.status.phase == "Failed":
        return True
    if job.spec.podReplacementPolicy == "Failed" or job.spec.podFailurePolicy is not None:
        return False
    return pod.metadata.deletionTimestamp is not None and pod.status.phase != "Succeeded"


def ruling(job: Job, pod: Pod) -> Ruling:
    """What the failure policy says of a failed pod."""
    policy = job.spec.podFailurePolicy
    if policy is None or pod.status.phase != "Failed":
        return COUNT
    for number, rule in enumerate(policy.rules):
        why = _match(rule, pod)
        if why:
            text = f"{why} matching {rule.action} rule at index {number}" if rule.action == "FailJob" else ""
            return Ruling(rule.action, text)
    return COUNT


def _match(rule: PodFailurePolicyRule, pod: Pod) -> str:
    for pattern in rule.onPodConditions:
        wanted = pattern.status or "True"
        if any(c.type == pattern.type and c.status == wanted for c in pod.status.conditions):
            return f"Pod {key_of(pod)} has condition {pattern.type}"
    codes = rule.onExitCodes
    if codes is None:
        return ""
    for status in _statuses(pod):
        ended = status.state.terminated if status.state is not None else None
        if ended is None or ended.exitCode == 0 or codes.containerName not in ("", status.name):
            continue
        if (ended.exitCode in codes.values) == (codes.operator == "In"):
            return f"Container {status.name} for pod {key_of(pod)} failed with exit code {ended.exitCode}"
    return ""


def _statuses(pod: Pod) -> Iterator[ContainerStatus]:
    yield from pod.status.initContainerStatuses
    yield from pod.status.containerStatuses


def success_rule(policy: SuccessPolicy | None, completed: set[int]) -> int | None:
    """The number of the first success rule that the completed indexes satisfy."""
    for number, rule in enumerate(policy.rules if policy is not None else ()):
        among = job_indexes.parse(rule.succeededIndexes) if rule.succeededIndexes else None
        done = completed if among is None else completed & among
        needed = rule.succeededCount if rule.succeededCount is not None else len(among or ())
        if len(done) >= needed:
            return number
    return None


def finished_at(pod: Pod) -> float:
    """When the last container ended; where that is unknown, when the pod was deleted or made."""
    ends = [
        s.state.terminated.finishedAt for s in _statuses(pod) if s.state is not None and s.state.terminated is not None
    ]
    times = [parse(t) for t in ends if t]
    if times:
        return max(times)
    fallback = pod.metadata.deletionTimestamp or pod.metadata.creationTimestamp
    return parse(fallback) if fallback else 0.0


#: After a failure a replacement waits 10 s, twice as long after each further one, at most 10 minutes.
BACKOFF_FIRST_S = 10.0
BACKOFF_CAP_S = 600.0


def replacement_at(failed: Sequence[Pod], succeeded: Sequence[Pod]) -> float:
    """When the next pod may be made: back-off over the failures since the last success."""
    since = max((finished_at(p) for p in succeeded), default=0.0)
    recent = [at for at in map(finished_at, failed) if at > since]
    if not recent:
        return 0.0
    return max(recent) + min(BACKOFF_FIRST_S * 2.0 ** min(len(recent) - 1, 16), BACKOFF_CAP_S)
