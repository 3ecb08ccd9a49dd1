"""Status and conditions of a Deployment. Pure.

Source: Kubernetes' deployment controller; its reasons and messages are part of the protocol, `kubectl
rollout status` reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from navarch.base.times import format_time, parse
from navarch.control.views import Deployment, ReplicaSet
from navarch.schema.types import Tree

AVAILABLE: Final = "NewReplicaSetAvailable"
TIMED_OUT: Final = "ProgressDeadlineExceeded"
PAUSED: Final = "DeploymentPaused"
#: The largest int32 means: no deadline.
NO_DEADLINE: Final = 2**31 - 1


def has_deadline(deployment: Deployment) -> bool:
    return deployment.spec.progressDeadlineSeconds not in (None, NO_DEADLINE)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counters of the status, in the names of the wire."""

    replicas: int
    updatedReplicas: int
    readyReplicas: int
    availableReplicas: int
    unavailableReplicas: int
    terminatingReplicas: int


def count(new: ReplicaSet | None, sets: Sequence[ReplicaSet]) -> Counts:
    available = sum(s.status.availableReplicas for s in sets)
    return Counts(
        replicas=sum(s.status.replicas for s in sets),
        updatedReplicas=new.status.replicas if new is not None else 0,
        readyReplicas=sum(s.status.readyReplicas for s in sets),
        availableReplicas=available,
        unavailableReplicas=max(sum(s.spec.replicas or 0 for s in sets) - available, 0),
        terminatingReplicas=sum(s.status.terminatingReplicas for s in sets),
    )


class Conditions:
    """The conditions of a deployment, edited in order."""

    def __init__(self, deployment: Deployment, now: float) -> None:
        fields = ("type", "status", "reason", "message", "lastUpdateTime", "lastTransitionTime")
        self.trees: list[Tree] = [{f: v for f in fields if (v := getattr(c, f))} for c in deployment.status.conditions]
        self._now = format_time(now)

    def get(self, type_: str) -> Tree | None:
        return next((c for c in self.trees if c["type"] == type_), None)

    def remove(self, type_: str) -> None:
        self.trees = [c for c in self.trees if c["type"] != type_]

    def set(self, type_: str, status: str, reason: str, message: str, *, renew: bool = False) -> None:
        """Set a condition. One that says the same already stays as it is, unless `renew`."""
        current = self.get(type_)
        if current is not None and not renew and (current["status"], current["reason"]) == (status, reason):
            return
        since = self._now
        if current is not None and current["status"] == status:
            since = current["lastTransitionTime"]
        self.remove(type_)
        self.trees.append(
            {
                "type": type_,
                "status": status,
                "reason": reason,
                "message": message,
                "lastUpdateTime": self._now,
                "lastTransitionTime": since,
            }
        )


def set_available(conditions: Conditions, counts: Counts, min_available: int) -> None:
    if counts.availableReplicas >= min_available:
        text = "Deployment has minimum availability."
        conditions.set("Available", "True", "MinimumReplicasAvailable", text)
    else:
        text = "Deployment does not have minimum availability."
        conditions.set("Available", "False", "MinimumReplicasUnavailable", text)


def set_paused(conditions: Conditions, deployment: Deployment) -> None:
    """Note that a rollout was paused or resumed, so that the deadline starts anew."""
    current = conditions.get("Progressing")
    reason = current["reason"] if current is not None else ""
    if not has_deadline(deployment) or reason == TIMED_OUT:
        return
    if deployment.spec.paused and reason != PAUSED:
        conditions.set("Progressing", "Unknown", PAUSED, "Deployment is paused")
    elif not deployment.spec.paused and reason == PAUSED:
        conditions.set("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")


def set_progress(
    conditions: Conditions, deployment: Deployment, new: ReplicaSet | None, counts: Counts, now: float
) -> None:
    """The Progressing condition of a rollout."""
    if not has_deadline(deployment):
        conditions.remove("Progressing")
        return
    current = conditions.get("Progressing")
    reason = current["reason"] if current is not None else ""
    if counts.replicas == counts.updatedReplicas and reason == AVAILABLE:
        return
    what = f'ReplicaSet "{new.metadata.name}"' if new is not None else f'Deployment "{deployment.metadata.name}"'
    if is_complete(deployment, counts):
        conditions.set("Progressing", "True", AVAILABLE, f"{what} has successfully progressed.")
    elif has_progressed(deployment, counts):
        conditions.set("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.", renew=True)
    elif (left := deadline_in_s(conditions, deployment, now)) is not None and left < 0:
        conditions.set("Progressing", "False", TIMED_OUT, f"{what} has timed out progressing.")


def set_failure(conditions: Conditions, new: ReplicaSet | None, sets: Sequence[ReplicaSet]) -> None:
    """Pass on why a replica set cannot make or delete pods, the new one's reason first."""
    ordered = [s for s in (new, *sets) if s is not None]
    failure = next((c for s in ordered for c in s.status.conditions if c.type == "ReplicaFailure"), None)
    if failure is None:
        conditions.remove("ReplicaFailure")
    else:
        conditions.set("ReplicaFailure", failure.status, failure.reason, failure.message)


def is_complete(deployment: Deployment, counts: Counts) -> bool:
    wanted = deployment.spec.replicas or 0
    return counts.updatedReplicas == counts.replicas == counts.availableReplicas == wanted


def has_progressed(deployment: Deployment, counts: Counts) -> bool:
    old = deployment.status
    return (
        counts.updatedReplicas > old.updatedReplicas
        or counts.replicas - counts.updatedReplicas < old.replicas - old.updatedReplicas
        or counts.readyReplicas > old.readyReplicas
        or counts.availableReplicas > old.availableReplicas
    )


def deadline_in_s(conditions: Conditions, deployment: Deployment, now: float) -> float | None:
    """Seconds until the rollout counts as stuck, negative when it does; None where nothing is under way."""
    current = conditions.get("Progressing")
    deadline_s = deployment.spec.progressDeadlineSeconds
    if current is None or deadline_s in (None, NO_DEADLINE) or current["reason"] in (AVAILABLE, PAUSED):
        return None
    if current["reason"] == TIMED_OUT:
        return None
    return parse(current["lastUpdateTime"]) + deadline_s - now
