"""What whoever writes the status of a workload, a budget or an autoscaler may count. Pure.

Source: apps, policy and autoscaling status validation of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from navarch.api.validation.rules import Errors, not_negative
from navarch.base.field import invalid_value
from navarch.schema.types import Tree

_AT_MOST_ALL: Final = "cannot be greater than status.replicas"
_AT_MOST_READY: Final = "cannot be greater than readyReplicas"
_REPLICA_SET: Final = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
_DEPLOYMENT: Final = (
    *("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
    *("unavailableReplicas", "terminatingReplicas", "collisionCount"),
)
_STATEFUL_SET: Final = (
    *("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
    *("observedGeneration", "collisionCount"),
)
_DAEMON_SET: Final = (
    *("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration"),
    *("updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount"),
)


def replica_set_status_errors(new: Tree, _old: Tree) -> Errors:
    """ReplicaSets and ReplicationControllers."""
    status = _status(new)
    counted = _at_most_all(status, ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"))
    return _counts(status, _REPLICA_SET) + counted + _at_most_ready(status, _AT_MOST_READY)


def deployment_status_errors(new: Tree, old: Tree) -> Errors:
    status = _status(new)
    counted = _at_most_all(status, ("updatedReplicas", "readyReplicas", "availableReplicas"))
    errors = _counts(status, _DEPLOYMENT) + counted + _at_most_ready(status, _AT_MOST_READY)
    return errors + _collisions(new, old)


def stateful_set_status_errors(new: Tree, old: Tree) -> Errors:
    status = _status(new)
    counted = _at_most_all(status, ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"))
    ready = _at_most_ready(status, "cannot be greater than status.readyReplicas")
    return _counts(status, _STATEFUL_SET) + counted + ready + _collisions(new, old)


def daemon_set_status_errors(new: Tree, old: Tree) -> Errors:
    return _counts(_status(new), _DAEMON_SET) + _collisions(new, old)


def budget_status_errors(new: Tree, _old: Tree) -> Errors:
    return _counts(_status(new), ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"))


def autoscaler_status_errors(new: Tree, _old: Tree) -> Errors:
    return _counts(_status(new), ("currentReplicas", "desiredReplicas"))


def _status(tree: Tree) -> Tree:
    return tree.get("status") or {}


def _counts(status: Tree, names: Sequence[str]) -> Errors:
    return [error for name in names for error in not_negative(f"status.{name}", status.get(name))]


def _at_most_all(status: Tree, names: Sequence[str]) -> Errors:
    most = status.get("replicas") or 0
    return [
        invalid_value(f"status.{name}", count, _AT_MOST_ALL)
        for name in names
        if (count := status.get(name) or 0) > most
    ]


def _at_most_ready(status: Tree, text: str) -> Errors:
    available = status.get("availableReplicas") or 0
    if available <= (status.get("readyReplicas") or 0):
        return []
    return [invalid_value("status.availableReplicas", available, text)]


def _collisions(new: Tree, old: Tree) -> Errors:
    """Names of old revisions must not come up again."""
    now, before = _status(new).get("collisionCount"), _status(old).get("collisionCount")
    if before is None or (now is not None and now >= before):
        return []
    return [invalid_value("status.collisionCount", now or 0, "cannot be decremented")]
