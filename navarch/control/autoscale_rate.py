"""How fast a workload may grow and shrink: an autoscaler's behavior. Pure.

A proposal is first held against those of the stabilization window (the lowest of them may be grown to, the
highest shrunk to), then against what the policies allow per period, then against minimum and maximum.

Source: autoscaling/v2 HorizontalPodAutoscalerBehavior; KEP-853.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from navarch.api.views.autoscaling import HorizontalPodAutoscalerSpec, HPAScalingPolicy, HPAScalingRules

UP: Final = HPAScalingRules(
    policies=(
        HPAScalingPolicy(type="Pods", value=4, periodSeconds=15),
        HPAScalingPolicy(type="Percent", value=100, periodSeconds=15),
    ),
    selectPolicy="Max",
    stabilizationWindowSeconds=0,
)
DOWN: Final = HPAScalingRules(
    policies=(HPAScalingPolicy(type="Percent", value=100, periodSeconds=15),),
    selectPolicy="Max",
    stabilizationWindowSeconds=300,
)

WITHIN: Final = ("False", "DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_MANY: Final = ("True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")
_TOO_FEW: Final = ("True", "TooFewReplicas", "the desired replica count is less than the minimum replica count")
_UP_LIMIT: Final = (
    "True",
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
)
_DOWN_LIMIT: Final = (
    "True",
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
)

#: (status, reason, message)
Why = tuple[str, str, str]


@dataclass(slots=True)
class Memory:
    """What an autoscaler remembers: (time, proposed replicas) and (time, replicas added or removed)."""

    proposals: list[tuple[float, int]] = field(default_factory=list)
    changes: list[tuple[float, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`stabilized`: which side's window held the proposal back, if one did. `limited`: the condition."""

    replicas: int
    stabilized: str
    limited: Why


def rules(spec: HorizontalPodAutoscalerSpec) -> tuple[HPAScalingRules, HPAScalingRules]:
    """Those for growing and those for shrinking, completed."""
    given = spec.behavior
    up = given.scaleUp if given is not None and given.scaleUp is not None else UP
    down = given.scaleDown if given is not None and given.scaleDown is not None else DOWN
    return up, down


def moderate(spec: HorizontalPodAutoscalerSpec, memory: Memory, current: int, proposed: int, now: float) -> Outcome:
    """What becomes of a proposal now. It is remembered."""
    up, down = rules(spec)
    up_s, down_s = (_window_s(up, UP), _window_s(down, DOWN))
    recent = [n for at, n in memory.proposals if at > now - up_s]
    lowest = min([proposed, *recent])
    highest = max([proposed, *(n for at, n in memory.proposals if at > now - down_s)])
    memory.proposals = [(at, n) for at, n in memory.proposals if at > now - max(up_s, down_s)] + [(now, proposed)]
    stable = min(max(current, lowest), highest)
    stabilized = "" if stable == proposed else "ScaleUpStabilized" if proposed > stable else "ScaleDownStabilized"
    floor = 1 if spec.minReplicas is None else spec.minReplicas
    replicas, why = stable, WITHIN
    if stable > current:
        limit = max(_grown(up, memory, current, now), current)
        if stable > min(limit, spec.maxReplicas):
            replicas, why = (limit, _UP_LIMIT) if limit < spec.maxReplicas else (spec.maxReplicas, _TOO_MANY)
    elif stable < current:
        limit = min(_shrunk(down, memory, current, now), current)
        if stable < max(limit, floor):
            replicas, why = (limit, _DOWN_LIMIT) if limit > floor else (floor, _TOO_FEW)
    if replicas > spec.maxReplicas:
        replicas, why = spec.maxReplicas, _TOO_MANY
    elif replicas < floor:
        replicas, why = floor, _TOO_FEW
    return Outcome(replicas, stabilized, why)


def changed(spec: HorizontalPodAutoscalerSpec, memory: Memory, before: int, after: int, now: float) -> None:
    """Remember a change as long as a policy counts it."""
    longest = max((p.periodSeconds for side in rules(spec) for p in side.policies), default=0)
    memory.changes = [(at, n) for at, n in memory.changes if at > now - longest] + [(now, after - before)]


def _window_s(given: HPAScalingRules, default: HPAScalingRules) -> int:
    found = given.stabilizationWindowSeconds
    return (default.stabilizationWindowSeconds or 0) if found is None else found


def _grown(side: HPAScalingRules, memory: Memory, current: int, now: float) -> int:
    limits = []
    for policy in side.policies:
        start = current - _moved(memory, policy.periodSeconds, now)
        grown = start + policy.value if policy.type == "Pods" else math.ceil(start * (1 + policy.value / 100))
        limits.append(grown)
    return _selected(side, limits, current, largest=True)


def _shrunk(side: HPAScalingRules, memory: Memory, current: int, now: float) -> int:
    limits = []
    for policy in side.policies:
        start = current - _moved(memory, policy.periodSeconds, now)
        left = start - policy.value if policy.type == "Pods" else int(start * (1 - policy.value / 100))
        limits.append(left)
    return _selected(side, limits, current, largest=False)


def _moved(memory: Memory, period_s: int, now: float) -> int:
    """By how much the replicas have changed in the period."""
    return sum(n for at, n in memory.changes if at > now - period_s)


def _selected(side: HPAScalingRules, limits: Iterable[int], current: int, *, largest: bool) -> int:
    """`Max` is the policy that allows the largest change."""
    if side.selectPolicy == "Disabled":
        return current
    pick_largest = largest == (side.selectPolicy != "Min")
    return max(limits, default=current) if pick_largest else min(limits, default=current)
