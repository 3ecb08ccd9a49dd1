"""What a scheduler plug-in is: up to four pure functions over columns.

A filter says where a pod may not go, and why. A score compares the nodes that are left: integers from 0 to
100, already normalized over them. A usage score is one that depends on nothing but what is allocated and
requested on the node itself; it takes any number of leading dimensions, so that the plan can score a node as
it will be after 1, 2, 3 more pods. A gate turns a pod away before any node is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import Final, NamedTuple

import numpy as np

from navarch.scheduler.columns import Columns
from navarch.scheduler.labels import Bools, Ints
from navarch.scheduler.shape import Shape

MAX_SCORE: Final = 100


class Reach(IntEnum):
    """How far a pod that is placed changes the answer for the next one of its shape."""

    NONE = 0
    NODE = 1
    CLUSTER = 2


class Change(Enum):
    """What happens in a cluster that may make room for a pod that found none."""

    NODE_ADDED = auto()
    NODE_TAINTS = auto()
    NODE_LABELS = auto()
    NODE_ALLOCATABLE = auto()
    POD_PLACED = auto()
    POD_REMOVED = auto()
    POD_LABELS = auto()
    VOLUMES = auto()
    NAMESPACES = auto()


class Rejection(NamedTuple):
    """Nodes that a filter turns down. `curable`: removing pods from the node might help."""

    where: Bools
    reason: str
    curable: bool


Gate = Callable[[Columns, Shape], str]
Filter = Callable[[Columns, Shape], Sequence[Rejection]]
#: (columns, shape, where the pod may go) -> scores, or None where all nodes are equal.
Score = Callable[[Columns, Shape, Bools], Ints | None]
#: (shape, allocatable, requested, scored), the last two with the pod on the node -> scores, or None.
UsageScore = Callable[[Shape, Ints, Ints, Ints], Ints | None]


def never(_shape: Shape) -> Reach:
    return Reach.NONE


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plug-in. `wakes` are the changes after which a pod that it turned down is tried again."""

    name: str
    weight: int = 1
    gate: Gate | None = None
    filter: Filter | None = None
    score: Score | None = None
    usage_score: UsageScore | None = None
    reach: Callable[[Shape], Reach] = never
    wakes: frozenset[Change] = frozenset()


def normalized(raw: Ints, feasible: Bools, *, reverse: bool = False) -> Ints | None:
    """Scaled so that the largest of the feasible nodes gets 100; reversed: 0. None where all are equal."""
    if not raw.any():
        return None
    top = int(raw[feasible].max(initial=0))
    if top == 0:
        return None
    scaled = raw * MAX_SCORE // top
    return MAX_SCORE - scaled if reverse else scaled


def nowhere(n: int) -> Bools:
    return np.zeros(n, np.bool_)
