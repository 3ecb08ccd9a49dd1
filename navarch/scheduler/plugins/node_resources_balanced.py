"""NodeResourcesBalancedAllocation: CPU and memory should be used in equal shares."""

from __future__ import annotations

from typing import Final

import numpy as np

from navarch.scheduler.columns import CPU, MEMORY
from navarch.scheduler.labels import Ints
from navarch.scheduler.plugins.contract import MAX_SCORE, Plugin, Reach
from navarch.scheduler.shape import Shape


def balanced(shape: Shape, allocatable: Ints, requested: Ints, _scored: Ints) -> Ints | None:
    """100 less the standard deviation of the two shares, in percent. A pod without requests has no say."""
    if not shape.requests.get("cpu") and not shape.requests.get("memory"):
        return None
    capacity = allocatable[..., CPU : MEMORY + 1]
    shares = np.minimum(requested[..., CPU : MEMORY + 1] / np.maximum(capacity, 1), 1.0)
    both = (capacity > 0).all(axis=-1)
    deviation = np.where(both, np.abs(shares[..., 0] - shares[..., 1]) / 2, 0.0)
    score: Ints = ((1 - deviation) * MAX_SCORE).astype(np.int64)
    return score


def reach(_shape: Shape) -> Reach:
    return Reach.NODE


NODE_RESOURCES_BALANCED: Final = Plugin("NodeResourcesBalancedAllocation", usage_score=balanced, reach=reach)
