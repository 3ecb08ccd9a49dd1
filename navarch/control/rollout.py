"""The arithmetic of a rolling update: how large each replica set may be now. Pure, numbers in and out.

Caller: `deployment.py`. The two promises: never more pods than replicas + surge, never fewer available
than replicas - unavailable.

Worked example, 10 replicas, surge 3, unavailable 2:
    limits("25%", "25%", 10) -> Limits(surge=3, unavailable=2)
    new_size(10, Limits(3, 2), new=0, total=10) -> 3

Source: Kubernetes' deployment controller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How many pods above, and how many available pods below the wanted number are allowed."""

    surge: int
    unavailable: int


@dataclass(slots=True)
class Size:
    """A replica set in numbers. `age` orders: the lower, the older. `base` is the most that the
    deployment allowed in all when this set was last sized."""

    name: str
    replicas: int
    available: int
    age: int
    base: int = 0


def scaled(value: int | str | None, total: int, *, round_up: bool) -> int:
    """A number, or a percentage of `total`."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    exact = int(value.removesuffix("%")) * total / 100
    return math.ceil(exact) if round_up else math.floor(exact)


def limits(surge: int | str | None, unavailable: int | str | None, replicas: int) -> Limits:
    """Surge is rounded up, unavailable down; where both are 0 one pod may be missing."""
    up = scaled(surge, replicas, round_up=True)
    down = scaled(unavailable, replicas, round_up=False)
    if up == 0 and down == 0:
        down = 1
    return Limits(up, min(down, replicas))


def new_size(wanted: int, allowed: Limits, new: int, total: int) -> int:
    """The size of the new set, `new` at present, where all sets together have `total`."""
    if new >= wanted:
        return wanted
    room = wanted + allowed.surge - total
    return new if room <= 0 else new + min(room, wanted - new)


def old_sizes(wanted: int, allowed: Limits, new: Size, old: Sequence[Size]) -> dict[str, int]:
    """The sizes of the old sets that change: pods that are not available go first, then the oldest."""
    sizes = {s.name: s.replicas for s in old}
    min_available = wanted - allowed.unavailable
    total = new.replicas + sum(sizes.values())
    budget = total - min_available - max(new.replicas - new.available, 0)
    if budget <= 0:
        return {}
    ordered = sorted(old, key=lambda s: s.age)
    for size in ordered:
        cut = min(budget, max(size.replicas - size.available, 0))
        sizes[size.name] -= cut
        budget -= cut
    spare = min(budget, new.available + sum(min(s.available, s.replicas) for s in old) - min_available)
    for size in ordered:
        if spare <= 0:
            break
        cut = min(sizes[size.name], spare)
        sizes[size.name] -= cut
        spare -= cut
    return {s.name: sizes[s.name] for s in old if sizes[s.name] != s.replicas}


def proportional(wanted: int, allowed: Limits, sets: Sequence[Size]) -> dict[str, int]:
    """The sizes of the running sets when the deployment is scaled in the midst of a rollout."""
    most = wanted + allowed.surge if wanted > 0 else 0
    to_add = most - sum(s.replicas for s in sets)
    if to_add > 0:
        ordered = sorted(sets, key=lambda s: (-s.replicas, -s.age))
    else:
        ordered = sorted(sets, key=lambda s: (-s.replicas, s.age))
    sizes: dict[str, int] = {}
    added = 0
    for size in ordered:
        share = 0
        if to_add and size.replicas and added != to_add:
            fraction = _fraction(size, wanted, most)
            share = min(fraction, to_add - added) if to_add > 0 else max(fraction, to_add - added)
        sizes[size.name] = size.replicas + share
        added += share
    if ordered and to_add:
        first = ordered[0].name
        sizes[first] = max(sizes[first] + to_add - added, 0)
    return sizes


def _fraction(size: Size, wanted: int, most: int) -> int:
    """What `size` gains if it keeps its share of the whole."""
    if wanted == 0:
        return -size.replicas
    if size.base == 0:
        return 0
    return math.floor(size.replicas * most / size.base + 0.5) - size.replicas
