"""Deciding for a batch of pods: a node each, or why not. Pure.

Callers: `run.py` and the bench. Pods go by priority, then by age; those that are alike within one priority go
together, which is what makes planning fast. Pods that get a node are placed in the columns at once, so the
decisions of one plan are consistent with each other; a binding that fails later is taken back by the caller.

Worked example:
    plan(columns, [PodInfo(key, uid, shape)], now=0.0, seed=7)
    [Decision(pod, node="n1")]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

import numpy as np

from navarch.base.resource import ObjectKey
from navarch.scheduler.choose import OneByOne, run_of, ties
from navarch.scheduler.columns import Columns
from navarch.scheduler.labels import Bools
from navarch.scheduler.plugins.contract import Plugin, Reach
from navarch.scheduler.pods import Placed
from navarch.scheduler.preemption import Budget, Preemption, preempt
from navarch.scheduler.profile import DEFAULT_PROFILE
from navarch.scheduler.shape import PodInfo, Shape
from navarch.scheduler.verdict import NO_NODES, fit_error, judge

_NO_PLUGINS: Final[frozenset[str]] = frozenset()
#: Without nodes every plug-in is content, and a new node is all that helps.
_ALL_PLUGINS: Final = frozenset(p.name for p in DEFAULT_PROFILE)


@dataclass(frozen=True, slots=True)
class Decision:
    """`node`, or `message` and the plug-ins that turned the pod down. `preemption`: these pods must go
    first, and the pod is to be tried again when they have."""

    pod: PodInfo
    node: str = ""
    message: str = ""
    plugins: frozenset[str] = _NO_PLUGINS
    preemption: Preemption | None = None


def plan(
    columns: Columns,
    pods: Iterable[PodInfo],
    now: float,
    *,
    seed: int = 0,
    nominated: Sequence[PodInfo] = (),
    budgets: Sequence[Budget] = (),
    profile: Sequence[Plugin] = DEFAULT_PROFILE,
) -> list[Decision]:
    """Decide for all `pods`. `nominated` are pods for which preemption has made room, in the batch or not;
    `budgets` the disruption budgets that preemption is to respect."""
    planning = _Planning(columns, now, seed, nominated, budgets, profile)
    try:
        return [decision for group in _groups(pods) for decision in planning.decide(group)]
    finally:
        planning.close()


def _groups(pods: Iterable[PodInfo]) -> list[list[PodInfo]]:
    """By priority and age; the pods of one shape join the oldest of them, nominated ones stay alone."""
    ordered = sorted(pods, key=lambda p: (-p.shape.priority, p.since, p.key))
    groups: list[list[PodInfo]] = []
    for _priority, same in groupby(ordered, key=lambda p: p.shape.priority):
        by_shape: dict[Shape | ObjectKey, list[PodInfo]] = {}
        for pod in same:
            by_shape.setdefault(pod.key if pod.nominated else pod.shape, []).append(pod)
        groups.extend(by_shape.values())
    return groups


class _Planning:
    """The state of one plan."""

    def __init__(
        self,
        columns: Columns,
        now: float,
        seed: int,
        nominated: Sequence[PodInfo],
        budgets: Sequence[Budget],
        profile: Sequence[Plugin],
    ) -> None:
        self._columns, self._now, self._seed = columns, now, seed
        self._budgets, self._profile = budgets, profile
        self._waiting = sorted((p for p in nominated if p.nominated), key=lambda p: (-p.shape.priority, p.key))
        self._reserved: set[ObjectKey] = set()

    def decide(self, group: list[PodInfo]) -> list[Decision]:
        """Place the pods of one shape, as many as fit; the rest is told why not."""
        self._reserve(group[0].shape.priority)
        self._give_up(group[0].key)
        placed = self._place(group)
        return [*placed, *self._refuse(group[len(placed) :])]

    def close(self) -> None:
        """Nothing is reserved any more: the next plan does so anew."""
        for key in sorted(self._reserved):
            self._give_up(key)

    def _place(self, group: list[PodInfo]) -> list[Decision]:
        shape = group[0].shape
        by_reach = {r: [p for p in self._profile if p.reach(shape) is r] for r in Reach}
        possible = judge(self._columns, shape, by_reach[Reach.NONE]).feasible
        if by_reach[Reach.CLUSTER]:
            return self._place_one_by_one(group, possible, by_reach)
        return self._place_in_runs(group, possible, by_reach[Reach.NODE])

    def _place_in_runs(self, group: list[PodInfo], possible: Bools, near: Sequence[Plugin]) -> list[Decision]:
        columns, shape = self._columns, group[0].shape
        tie, got = ties(columns, self._seed), np.zeros(columns.n, np.int64)
        decisions: list[Decision] = []
        while len(decisions) < len(group):
            feasible = judge(columns, shape, near, among=possible).feasible
            if not feasible.any():
                break
            left = len(group) - len(decisions)
            for slot in run_of(columns, shape, feasible, self._profile, tie, got, left):
                decisions.append(self._assume(group[len(decisions)], slot))
                got[slot] += 1
        return decisions

    def _place_one_by_one(
        self, group: list[PodInfo], possible: Bools, by_reach: Mapping[Reach, Sequence[Plugin]]
    ) -> list[Decision]:
        columns, shape = self._columns, group[0].shape
        room = judge(columns, shape, by_reach[Reach.NODE], among=possible).feasible
        choice = OneByOne(columns, shape, room, self._profile, ties(columns, self._seed))
        decisions: list[Decision] = []
        for pod in group:
            feasible = judge(columns, shape, by_reach[Reach.CLUSTER], among=choice.room).feasible
            if not feasible.any():
                break
            slot = choice.best(feasible)
            decisions.append(self._assume(pod, slot))
            choice.placed(slot)
        return decisions

    def _assume(self, pod: PodInfo, slot: int) -> Decision:
        self._columns.place(Placed(pod.key, pod.uid, pod.shape, slot, self._now))
        return Decision(pod, self._columns.names[slot])

    def _refuse(self, group: list[PodInfo]) -> list[Decision]:
        """Why these pods have no node. What is true of one is true of all, until one makes room for itself."""
        decisions: list[Decision] = []
        last: Decision | None = None
        for pod in group:
            if last is None or last.preemption is not None:
                last = self._explain(pod)
            decisions.append(replace(last, pod=pod))
            if last.preemption is not None:
                self._hold(pod, last.preemption.node)
        return decisions

    def _explain(self, pod: PodInfo) -> Decision:
        columns, nodes = self._columns, len(self._columns)
        if not nodes:
            return Decision(pod, message=NO_NODES, plugins=_ALL_PLUGINS)
        verdict = judge(columns, pod.shape, self._profile)
        outcome = preempt(columns, pod, verdict, self._budgets, self._profile)
        after = f"preemption: {outcome.message}" if outcome.message else ""
        message = fit_error(nodes, verdict.reasons, gate=verdict.gate, after=after)
        return Decision(pod, "", message, frozenset(verdict.plugins), outcome.preemption)

    def _reserve(self, priority: int) -> None:
        """Keep the room that was made for pods of at least this priority."""
        while self._waiting and self._waiting[0].shape.priority >= priority:
            pod = self._waiting.pop(0)
            if pod.key not in self._columns.pods.by_key:
                self._hold(pod, pod.nominated)

    def _hold(self, pod: PodInfo, node: str) -> None:
        slot = self._columns.find(node)
        if slot is not None:
            self._columns.place(Placed(pod.key, pod.uid, pod.shape, slot, self._now))
            self._reserved.add(pod.key)

    def _give_up(self, key: ObjectKey) -> None:
        if key in self._reserved:
            self._reserved.discard(key)
            self._columns.remove(key)
