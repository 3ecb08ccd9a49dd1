"""Which pods of a replica set go first when there are too many. Pure.

Source: Kubernetes' replica set controller: unassigned, then pending, not ready, cheaper by the
pod-deletion-cost annotation, more crowded nodes, ready or created more recently (in powers of two of
the age, so that among pods of like age the uid decides), more restarts.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from navarch.api.views.pod import Pod
from navarch.base import times
from navarch.control.pods import is_active, ready_since, restarts

DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_PHASES: Final = {"Pending": 0, "Unknown": 1, "Running": 2}


def to_delete(pods: Sequence[Pod], related: Iterable[Pod], count: int, now: float) -> list[Pod]:
    """The `count` pods of `pods` that go first. `related` are all pods of the same workload, these
    included: a node that holds several of them is relieved first."""
    if count >= len(pods):
        return list(pods)
    crowd = Counter(p.spec.nodeName for p in related if is_active(p) and p.spec.nodeName)
    return heapq.nsmallest(count, pods, key=lambda p: _rank(p, crowd[p.spec.nodeName], now))


def _rank(pod: Pod, crowd: int, now: float) -> tuple[float | str, ...]:
    ready = ready_since(pod)
    created = times.parse(pod.metadata.creationTimestamp) if pod.metadata.creationTimestamp else now
    return (
        pod.spec.nodeName != "",
        _PHASES.get(pod.status.phase, 0),
        ready is not None,
        deletion_cost(pod),
        -crowd,
        _magnitude(ready, now) if ready is not None else 0,
        -restarts(pod),
        _magnitude(created, now),
        pod.metadata.uid,
    )


def deletion_cost(pod: Pod) -> int:
    """The annotation's value, 0 if it is absent or not an integer."""
    try:
        return int(pod.metadata.annotations.get(DELETION_COST, "0"))
    except ValueError:
        return 0


def _magnitude(since: float, now: float) -> int:
    return int(math.log2(max(now - since, 1.0)))
