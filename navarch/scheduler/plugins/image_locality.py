"""ImageLocality: nodes that have the pod's images already are better, in proportion to their size.

An image that few nodes have counts for less, so that its first node does not draw everything.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from navarch.scheduler.columns import Columns
from navarch.scheduler.labels import Bools, Ints
from navarch.scheduler.plugins.contract import MAX_SCORE, Plugin
from navarch.scheduler.shape import Shape

#: Below 23 MB an image counts for nothing; above 1000 MB per container more counts for no more.
MIN_BYTES: Final = 23 << 20
MAX_BYTES: Final = 1000 << 20


def score_nodes(columns: Columns, shape: Shape, _feasible: Bools) -> Ints | None:
    if not any(columns.images.sizes(image) for image in shape.images):
        return None
    found = columns.images.weighted(shape.images, len(columns), columns.n)
    top = MAX_BYTES * len(shape.images)
    return (np.clip(found, MIN_BYTES, top) - MIN_BYTES) * MAX_SCORE // (top - MIN_BYTES)


IMAGE_LOCALITY: Final = Plugin("ImageLocality", score=score_nodes)
