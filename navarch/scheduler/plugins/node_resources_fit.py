"""NodeResourcesFit: a node must have what a pod requests; the emptier node is better (LeastAllocated)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from navarch.scheduler.columns import CPU, MEMORY, PODS, Columns
from navarch.scheduler.labels import Bools, Ints
from navarch.scheduler.plugins.contract import MAX_SCORE, Change, Plugin, Reach, Rejection
from navarch.scheduler.shape import Shape


def filter_nodes(columns: Columns, shape: Shape) -> Sequence[Rejection]:
    vector, n = columns.vector(shape), columns.n
    allocatable = columns.allocatable[:n]
    after = columns.requested[:n] + vector
    lacking = after > allocatable
    rejections = []
    # A node that could not hold the pod when empty cannot be helped by removing others.
    asked = [c for c in np.flatnonzero(vector).tolist() if c != PODS]
    hopeless = (vector > allocatable)[:, asked].any(axis=1)
    for resource, column in sorted(columns.resources.items(), key=lambda item: (item[1] != PODS, item[1])):
        if vector[column] <= 0:
            continue
        reason = "Too many pods" if column == PODS else f"Insufficient {resource}"
        where = lacking[:, column]
        if where.any():
            rejections.append(Rejection(where & hopeless, reason, False))
            rejections.append(Rejection(where & ~hopeless, reason, True))
    return rejections


def fits(vector: Ints, allocatable: Ints, after: Ints) -> Bools:
    """Is there enough of everything that is asked for, with the pod (`after`) on the node?"""
    asked = vector > 0
    enough: Bools = np.all(after[..., asked] <= allocatable[..., asked], axis=-1)
    return enough


def least_allocated(_shape: Shape, allocatable: Ints, _requested: Ints, scored: Ints) -> Ints | None:
    """The mean over CPU and memory of the share that stays free, in percent."""
    capacity = allocatable[..., CPU : MEMORY + 1]
    left = np.maximum(capacity - scored, 0) * MAX_SCORE // np.maximum(capacity, 1)
    counted = (capacity > 0).sum(axis=-1)
    score: Ints = left.sum(axis=-1) // np.maximum(counted, 1)
    return score


def reach(_shape: Shape) -> Reach:
    return Reach.NODE


NODE_RESOURCES_FIT: Final = Plugin(
    "NodeResourcesFit",
    filter=filter_nodes,
    usage_score=least_allocated,
    reach=reach,
    wakes=frozenset({Change.NODE_ADDED, Change.NODE_ALLOCATABLE, Change.POD_REMOVED}),
)
