"""TaintToleration: taints keep pods away that do not tolerate them; fewer soft taints are better.

Nodes share few distinct sets of taints, so each set is judged once and the verdict looked up by node.

Source: Kubernetes 1.34.2 and later name no taint in the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from navarch.api.views.node import Taint
from navarch.api.views.pod import Toleration
from navarch.scheduler.columns import Columns
from navarch.scheduler.labels import Bools, Ints
from navarch.scheduler.plugins.contract import Change, Plugin, Rejection, normalized
from navarch.scheduler.shape import Shape

_HARD: Final = ("NoSchedule", "NoExecute")
_SOFT: Final = "PreferNoSchedule"


def tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    return any(_tolerates(t, taint) for t in tolerations)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.key != "" and toleration.value == taint.value


def untolerated(columns: Columns, shape: Shape) -> Bools | None:
    """Where a taint keeps the pod away; None: nowhere."""
    if len(columns.taint_sets) == 1:
        return None
    bad = [any(t.effect in _HARD and not tolerated(t, shape.tolerations) for t in s) for s in columns.taint_sets]
    if not any(bad):
        return None
    where: Bools = np.array(bad, np.bool_)[columns.taint_ids[: columns.n]]
    return where


def filter_nodes(columns: Columns, shape: Shape) -> Sequence[Rejection]:
    where = untolerated(columns, shape)
    return () if where is None else (Rejection(where, "node(s) had untolerated taint(s)", False),)


def score_nodes(columns: Columns, shape: Shape, feasible: Bools) -> Ints | None:
    ready = [t for t in shape.tolerations if t.effect in ("", _SOFT)]
    counts = [sum(t.effect == _SOFT and not tolerated(t, ready) for t in s) for s in columns.taint_sets]
    if not any(counts):
        return None
    return normalized(np.array(counts, np.int64)[columns.taint_ids[: columns.n]], feasible, reverse=True)


TAINT_TOLERATION: Final = Plugin(
    "TaintToleration",
    weight=3,
    filter=filter_nodes,
    score=score_nodes,
    wakes=frozenset({Change.NODE_ADDED, Change.NODE_TAINTS}),
)
