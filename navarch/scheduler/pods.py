"""The pods on nodes, counted the ways in which plug-ins ask for them.

Callers: `columns.py` places and removes pods; the plug-ins of spreading and inter-pod affinity read the
counts. A count is made when it is first asked for, from the shapes that are there, and kept in step from
then on; the oldest of too many is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from navarch.base.resource import ObjectKey
from navarch.scheduler.labels import Ints, grown
from navarch.scheduler.shape import Shape, Term

#: Counts kept in step at a time.
COUNTS_KEPT: Final = 128

Kind = Literal["anti", "affinity", "preferred"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod on a node. `started` is the time by which preemption compares; `ending`: it is being deleted."""

    key: ObjectKey
    uid: str
    shape: Shape
    slot: int
    started: float = 0.0
    ending: bool = False


class Counted(NamedTuple):
    """Which pods are counted: those that all `terms` match, perhaps without those that are ending."""

    terms: tuple[Term, ...]
    lasting: bool


class Held(NamedTuple):
    """A term that pods on nodes have, of which other pods must take account."""

    kind: Kind
    term: Term
    weight: int


class PodTable:
    """All pods that are on nodes."""

    def __init__(self, capacity: int) -> None:
        self.namespaces: dict[str, Mapping[str, str]] = {}
        self.by_key: dict[ObjectKey, Placed] = {}
        self.by_slot: dict[int, dict[ObjectKey, Placed]] = {}
        #: Number of pods that have a term, per slot.
        self.held: dict[Held, Ints] = {}
        self._capacity = capacity
        self._shapes: dict[tuple[Shape, bool], dict[int, int]] = {}
        self._counts: dict[Counted, Ints] = {}

    def add(self, pod: Placed) -> None:
        self.by_key[pod.key] = pod
        self.by_slot.setdefault(pod.slot, {})[pod.key] = pod
        self._change(pod, 1)

    def remove(self, key: ObjectKey) -> Placed | None:
        pod = self.by_key.pop(key, None)
        if pod is None:
            return None
        on_node = self.by_slot[pod.slot]
        del on_node[key]
        if not on_node:
            del self.by_slot[pod.slot]
        self._change(pod, -1)
        return pod

    def count(self, terms: tuple[Term, ...], *, lasting: bool = False) -> Ints:
        """Per slot, how many pods all `terms` match. Read only."""
        wanted = Counted(terms, lasting)
        counts = self._counts.pop(wanted, None)
        if counts is None:
            counts = self._count(wanted)
            if len(self._counts) >= COUNTS_KEPT:
                del self._counts[next(iter(self._counts))]
        self._counts[wanted] = counts
        return counts

    def set_namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """A namespace's labels are new; None: it is gone."""
        if labels is None:
            self.namespaces.pop(name, None)
        else:
            self.namespaces[name] = labels
        for counted in [c for c in self._counts if any(t.namespace_selector is not None for t in c.terms)]:
            del self._counts[counted]

    def grow(self, capacity: int) -> None:
        self._capacity = capacity
        self.held = {k: grown(v, capacity) for k, v in self.held.items()}
        self._counts = {k: grown(v, capacity) for k, v in self._counts.items()}

    def _change(self, pod: Placed, by: int) -> None:
        shape, slot = pod.shape, pod.slot
        slots = self._shapes.setdefault((shape, pod.ending), {})
        slots[slot] = slots.get(slot, 0) + by
        if not slots[slot]:
            del slots[slot]
            if not slots:
                del self._shapes[shape, pod.ending]
        for counted, counts in self._counts.items():
            if self._counts_shape(counted, shape, pod.ending):
                counts[slot] += by
        if shape.has_pod_terms:
            for held in held_by(shape):
                counts = self.held.get(held, _NONE)
                if counts is _NONE:
                    counts = self.held[held] = np.zeros(self._capacity, np.int64)
                counts[slot] += by
                if by < 0 and not counts.any():
                    del self.held[held]

    def _counts_shape(self, counted: Counted, shape: Shape, ending: bool) -> bool:
        if ending and counted.lasting:
            return False
        return all(t.matches(shape, self.namespaces) for t in counted.terms)

    def _count(self, counted: Counted) -> Ints:
        counts = np.zeros(self._capacity, np.int64)
        for (shape, ending), slots in self._shapes.items():
            if self._counts_shape(counted, shape, ending):
                for slot, number in slots.items():
                    counts[slot] += number
        return counts


_NONE: Final[Ints] = np.zeros(0, np.int64)


def held_by(shape: Shape) -> list[Held]:
    """The terms of a pod on a node that matter to others. A required affinity counts as a preference of
    weight 1 to those that it selects."""
    return [
        *(Held("anti", t, 0) for t in shape.anti_affinity),
        *(Held("affinity", t, 1) for t in shape.affinity),
        *(Held("preferred", t, w) for t, w in shape.preferred_pods),
    ]
