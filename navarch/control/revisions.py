"""Revision annotations of deployments and replica sets. Pure.

Source: the `deployment.kubernetes.io/*` annotations, which `kubectl rollout history|undo` reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from navarch.client.cache import HasMetadata

REVISION: Final = "deployment.kubernetes.io/revision"
HISTORY: Final = "deployment.kubernetes.io/revision-history"
DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
MAX: Final = "deployment.kubernetes.io/max-replicas"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_NOT_COPIED: Final = (REVISION, HISTORY, DESIRED, MAX, LAST_APPLIED, "deprecated.deployment.rollback.to")


def revision(view: HasMetadata) -> int:
    """The revision annotation, 0 if there is none."""
    return number(view.metadata.annotations, REVISION)


def number(annotations: Mapping[str, str], name: str) -> int:
    value = annotations.get(name, "")
    return int(value) if value.isdecimal() else 0


def next_revision(old: Iterable[HasMetadata]) -> int:
    return max((revision(v) for v in old), default=0) + 1


def set_annotations(deployment: HasMetadata, current: Mapping[str, str], wanted: int) -> dict[str, str]:
    """What must change in the annotations of the new replica set, `current` being its own: those of the
    deployment are copied, and the revision never goes back."""
    changes = {k: v for k, v in deployment.metadata.annotations.items() if k not in _NOT_COPIED and current.get(k) != v}
    before = number(current, REVISION)
    if before < wanted:
        changes[REVISION] = str(wanted)
        if REVISION in current:
            history = current.get(HISTORY, "")
            changes[HISTORY] = f"{history},{before}" if history else str(before)
    return changes
