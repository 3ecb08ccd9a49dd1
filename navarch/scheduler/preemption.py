"""Which pods of lower priority must go so that a pod fits. Pure.

On every node where a filter says that removing pods may help, all pods of lower priority are taken away; if
the pod then fits, as many as possible are put back, those first whose disruption budget would be violated.
The node is chosen that costs least.

Source: the scheduler's default preemption (candidates, reprieve, the order of criteria).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from navarch.base.resource import ObjectKey
from navarch.base.selector import Selector
from navarch.scheduler.columns import Columns
from navarch.scheduler.plugins.contract import Plugin
from navarch.scheduler.pods import Placed
from navarch.scheduler.shape import PodInfo
from navarch.scheduler.verdict import Verdict, fit_error, judge

NOT_HELPFUL: Final = "Preemption is not helpful for scheduling"
NO_VICTIMS: Final = "No preemption victims found for incoming pod"
NEVER: Final = "not eligible due to preemptionPolicy=Never."
ENDING: Final = "not eligible due to a terminating pod on the nominated node."

#: At least this many nodes, or this share of all, are tried out.
CANDIDATES_MIN: Final = 100
CANDIDATES_SHARE: Final = 10


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget: how many more of its pods may go."""

    namespace: str
    selector: Selector
    allowed: int


@dataclass(frozen=True, slots=True)
class Preemption:
    node: str
    victims: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who must go, or why preemption does not help."""

    preemption: Preemption | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Candidate:
    slot: int
    victims: tuple[Placed, ...]
    violations: int


def preempt(
    columns: Columns, pod: PodInfo, verdict: Verdict, budgets: Sequence[Budget], profile: Sequence[Plugin]
) -> Outcome:
    """Find the cheapest way to make room for `pod`, which fits nowhere as `verdict` says."""
    shape = pod.shape
    if not shape.may_preempt:
        return Outcome(message=NEVER)
    if pod.nominated and _ending_on(columns, pod):
        return Outcome(message=ENDING)
    slots = np.flatnonzero(verdict.curable).tolist()
    reasons: Counter[str] = Counter({NOT_HELPFUL: len(columns) - len(slots)})
    wanted = max(CANDIDATES_MIN, len(columns) // CANDIDATES_SHARE)
    found: list[_Candidate] = []
    for slot in sorted(slots, key=lambda s: columns.names[s]):
        if len(found) >= wanted:
            break
        lower = [p for p in columns.pods.by_slot.get(slot, {}).values() if p.shape.priority < shape.priority]
        if not lower:
            reasons[NO_VICTIMS] += 1
            continue
        candidate, why = _try_node(columns, pod, slot, lower, budgets, profile)
        if candidate is not None:
            found.append(candidate)
        reasons.update(why)
    if not found:
        return Outcome(message=fit_error(len(columns), +reasons))
    chosen = min(found, key=lambda c: (_cost(c), columns.names[c.slot]))
    return Outcome(Preemption(columns.names[chosen.slot], chosen.victims))


def _ending_on(columns: Columns, pod: PodInfo) -> bool:
    """Is a pod that made way still ending on the nominated node?"""
    slot = columns.find(pod.nominated)
    if slot is None:
        return False
    there = columns.pods.by_slot.get(slot, {}).values()
    return any(p.ending and p.shape.priority < pod.shape.priority for p in there)


def _try_node(
    columns: Columns,
    pod: PodInfo,
    slot: int,
    lower: list[Placed],
    budgets: Sequence[Budget],
    profile: Sequence[Plugin],
) -> tuple[_Candidate | None, Mapping[str, int]]:
    """Take all of `lower` away, then put back whoever may stay. The columns are as before in the end."""
    here = np.zeros(columns.n, np.bool_)
    here[slot] = True
    for victim in lower:
        columns.remove(victim.key)
    try:
        verdict = judge(columns, pod.shape, profile, among=here)
        if not verdict.feasible[slot]:
            return None, verdict.reasons
        violating, others = _by_budget(sorted(lower, key=_importance), budgets)
        victims: list[Placed] = []
        violations = 0
        for group, violates in ((violating, True), (others, False)):
            for candidate in group:
                columns.place(candidate)
                if not judge(columns, pod.shape, profile, among=here).feasible[slot]:
                    columns.remove(candidate.key)
                    victims.append(candidate)
                    violations += violates
        return _Candidate(slot, tuple(sorted(victims, key=_importance)), violations), {}
    finally:
        for victim in lower:
            columns.place(victim)


def _importance(pod: Placed) -> tuple[int, float, ObjectKey]:
    """The most important first: by priority, then the one that has run longest."""
    return -pod.shape.priority, pod.started, pod.key


def _by_budget(pods: list[Placed], budgets: Sequence[Budget]) -> tuple[list[Placed], list[Placed]]:
    """Those whose removal would violate a budget, and the others."""
    left = [b.allowed for b in budgets]
    violating: list[Placed] = []
    others: list[Placed] = []
    for pod in pods:
        violates = False
        for i, budget in enumerate(budgets):
            if (
                budget.namespace == pod.shape.namespace
                and pod.shape.labels
                and budget.selector.matches(pod.shape.labels)
            ):
                left[i] -= 1
                violates = violates or left[i] < 0
        (violating if violates else others).append(pod)
    return violating, others


def _cost(candidate: _Candidate) -> tuple[int, int, int, int, float]:
    """Fewest violations, lowest top priority, lowest sum of priorities, fewest victims, youngest top victims."""
    priorities = [v.shape.priority for v in candidate.victims]
    top = max(priorities)
    oldest = min(v.started for v in candidate.victims if v.shape.priority == top)
    # As in Kubernetes, priorities are shifted to be positive so that more victims always cost more.
    return candidate.violations, top, sum(p + (1 << 31) for p in priorities), len(priorities), -oldest
