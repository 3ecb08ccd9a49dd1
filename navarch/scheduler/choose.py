"""Choosing nodes for pods of one shape, given where they may go.

Callers: `plan.py`. Two ways that give the same answer as taking pod after pod and asking every plug-in:
where a placed pod changes nothing but its own node, nodes are scored ahead for as many pods as they may get
and picked from a heap; otherwise everything that may have changed is asked again for each pod.

Ties go to the node that got fewer pods of this batch, then by a hash of node name and seed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from navarch.scheduler.columns import Columns
from navarch.scheduler.labels import Bools, Ints
from navarch.scheduler.plugins.contract import Plugin
from navarch.scheduler.plugins.node_resources_fit import fits
from navarch.scheduler.shape import Shape

#: How many pods ahead a node is scored at once.
DEPTH_MIN: Final = 2
DEPTH_MAX: Final = 64

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_LIMIT: Final = 1 << 64

_NEXT: Final[Ints] = np.ones(1, np.int64)

Ties = npt.NDArray[np.uint64]


def ties(columns: Columns, seed: int) -> Ints:
    """A number per node by which equal ones are ordered; another order for each seed."""
    mixed: Ties = (columns.name_hash[: columns.n] ^ np.uint64(seed * 0xBF58476D1CE4E5B9 % _LIMIT)) * _MIX
    order: Ints = (mixed >> np.uint64(1)).astype(np.int64)
    return order


def fixed_scores(columns: Columns, shape: Shape, feasible: Bools, profile: Sequence[Plugin]) -> Ints | None:
    """The weighted sum of the scores that are not about usage; None where all are equal."""
    total: Ints | None = None
    for plugin in profile:
        if plugin.score is not None and (scores := plugin.score(columns, shape, feasible)) is not None:
            weighted = plugin.weight * scores
            total = weighted if total is None else total + weighted
    return total


def usage_scores(
    columns: Columns, shape: Shape, rows: Ints, steps: Ints, profile: Sequence[Plugin]
) -> tuple[Ints, Bools]:
    """(scores, fits) of the nodes `rows` when they have got `steps` pods of the shape: [rows, steps]."""
    vector = columns.vector(shape)
    allocatable = columns.allocatable[rows][:, None, :]
    after = columns.requested[rows][:, None, :] + steps[None, :, None] * vector
    scored = columns.scored[rows][:, None, :] + steps[None, :, None] * np.array(shape.scored, np.int64)
    total = np.zeros((len(rows), len(steps)), np.int64)
    for plugin in profile:
        if plugin.usage_score is None:
            continue
        scores = plugin.usage_score(shape, allocatable, after, scored)
        if scores is not None:
            total += plugin.weight * scores
    enough = fits(vector, allocatable, after)
    if shape.host_ports:
        # A second pod of the same shape would need the same ports.
        enough &= steps[None, :] == 1
    return total, enough


class OneByOne:
    """For shapes whose pods change the answers everywhere: what concerns a node alone is kept, and asked
    again only of the node that got a pod. `room` says where a pod of the shape can still be held."""

    def __init__(self, columns: Columns, shape: Shape, room: Bools, profile: Sequence[Plugin], tie: Ints) -> None:
        self._columns, self._shape, self._profile, self._tie = columns, shape, profile, tie
        self.room = room.copy()
        self._got = np.zeros(columns.n, np.int64)
        every = np.arange(columns.n, dtype=np.int64)
        self._usage = usage_scores(columns, shape, every, _NEXT, profile)[0][:, 0]

    def best(self, feasible: Bools) -> int:
        """The one best slot of those that are feasible."""
        fixed = fixed_scores(self._columns, self._shape, feasible, self._profile)
        total = self._usage if fixed is None else self._usage + fixed
        rows = np.flatnonzero(feasible)
        of_rows = total[rows]
        equal = rows[of_rows == of_rows.max()]
        if len(equal) > 1:
            got = self._got[equal]
            equal = equal[got == got.min()]
        return int(equal[np.argmin(self._tie[equal])])

    def placed(self, slot: int) -> None:
        """A pod was placed on `slot`."""
        scores, enough = usage_scores(self._columns, self._shape, np.array([slot]), _NEXT, self._profile)
        self._usage[slot] = scores[0, 0]
        self.room[slot] = bool(enough[0, 0]) and not self._shape.host_ports
        self._got[slot] += 1


def run_of(
    columns: Columns, shape: Shape, feasible: Bools, profile: Sequence[Plugin], tie: Ints, got: Ints, count: int
) -> list[int]:
    """Up to `count` slots, one per pod, for shapes whose pods change only their own node.

    The run ends early when a node is full and that may change how the others compare: ask again.
    """
    heap = _Heap(columns, shape, feasible, profile, tie, got, count)
    return list(heap.picks(count))


class _Heap:
    """The next score of every candidate, best first."""

    def __init__(
        self,
        columns: Columns,
        shape: Shape,
        feasible: Bools,
        profile: Sequence[Plugin],
        tie: Ints,
        got: Ints,
        count: int,
    ) -> None:
        self._columns, self._shape, self._profile = columns, shape, profile
        fixed = fixed_scores(columns, shape, feasible, profile)
        self._fixed = fixed
        rows = np.flatnonzero(feasible)
        first = usage_scores(columns, shape, rows, _NEXT, profile)[0][:, 0]
        first = first if fixed is None else first + fixed[rows]
        # Of n pods none can go to a node that is not among the n best.
        if count < len(rows):
            kept = np.lexsort((tie[rows], got[rows], -first))[:count]
            rows = rows[kept]
        self._depth = max(DEPTH_MIN, min(DEPTH_MAX, -(-2 * count // max(len(rows), 1))))
        self._rows = rows
        self._tie = tie[rows].tolist()
        self._got = got[rows].tolist()
        self._ahead: list[list[int]] = self._look(rows, 0)
        self._used = [0] * len(rows)
        self._heap = [(-scores[0], self._got[i], self._tie[i], i) for i, scores in enumerate(self._ahead) if scores]
        heapq.heapify(self._heap)

    def picks(self, count: int) -> Iterator[int]:
        slots = self._rows.tolist()
        heap = self._heap
        for _ in range(count):
            if not heap:
                return
            _score, got, tie, i = heap[0]
            yield slots[i]
            self._used[i] += 1
            following = self._next(i)
            if following is not None:
                heapq.heapreplace(heap, (-following, got + 1, tie, i))
                continue
            heapq.heappop(heap)
            if self._fixed is not None:
                return

    def _next(self, i: int) -> int | None:
        """The score of candidate `i` for one more pod; None: it is full."""
        used, ahead = self._used[i], self._ahead[i]
        if used == len(ahead) and used % self._depth == 0:
            ahead.extend(self._look(self._rows[i : i + 1], used)[0])
        return ahead[used] if used < len(ahead) else None

    def _look(self, rows: Ints, used: int) -> list[list[int]]:
        """The scores of `rows` for the pods that follow the first `used`, as far as they fit."""
        steps = np.arange(used + 1, used + self._depth + 1, dtype=np.int64)
        scores, enough = usage_scores(self._columns, self._shape, rows, steps, self._profile)
        if self._fixed is not None:
            scores = scores + self._fixed[rows][:, None]
        room = np.where(enough.all(axis=1), self._depth, enough.argmin(axis=1)).tolist()
        return [s[:k] for s, k in zip(scores.tolist(), room, strict=True)]
