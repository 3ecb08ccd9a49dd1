"""Why a pod fits nowhere, in the words that `kubectl describe` shows. Pure.

Worked example:
    0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: 0/3 nodes are
    available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.

Source: the scheduler's FitError.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from navarch.scheduler.columns import Columns
from navarch.scheduler.labels import Bools
from navarch.scheduler.plugins.contract import Plugin
from navarch.scheduler.shape import Shape

NO_NODES = "no nodes available to schedule pods"


@dataclass(slots=True)
class Verdict:
    """Where a pod may go, and why not elsewhere. `curable` nodes may become free by preemption."""

    feasible: Bools
    curable: Bools
    reasons: Counter[str] = field(default_factory=Counter)
    plugins: set[str] = field(default_factory=set)
    gate: str = ""


def judge(columns: Columns, shape: Shape, profile: Sequence[Plugin], *, among: Bools | None = None) -> Verdict:
    """Ask the gates, then the filters in order, of the nodes `among` or all."""
    feasible = columns.present[: columns.n].copy() if among is None else among
    verdict = Verdict(feasible, np.zeros(columns.n, np.bool_))
    for plugin in profile:
        if plugin.gate is not None and (why := plugin.gate(columns, shape)):
            verdict.gate = why
            verdict.plugins.add(plugin.name)
            verdict.feasible = np.zeros(columns.n, np.bool_)
            return verdict
    for plugin in profile:
        if plugin.filter is not None:
            _apply(plugin, columns, shape, verdict)
    return verdict


def _apply(plugin: Plugin, columns: Columns, shape: Shape, verdict: Verdict) -> None:
    assert plugin.filter is not None
    before = verdict.feasible
    incurable = None
    for rejection in plugin.filter(columns, shape):
        where = rejection.where & before
        count = int(np.count_nonzero(where))
        if not count:
            continue
        verdict.plugins.add(plugin.name)
        verdict.reasons[rejection.reason] += count
        verdict.feasible = verdict.feasible & ~where
        if rejection.curable:
            verdict.curable |= where
        else:
            incurable = where if incurable is None else incurable | where
    if incurable is not None:
        verdict.curable &= ~incurable


def fit_error(nodes: int, reasons: Mapping[str, int], *, gate: str = "", after: str = "") -> str:
    """The message: how many nodes, why not, and what preemption said (`after`)."""
    text = f"0/{nodes} nodes are available:"
    if gate:
        text += f" {gate}."
    elif reasons:
        text += f" {', '.join(sorted(f'{count} {reason}' for reason, count in reasons.items()))}."
    return f"{text} {after}" if after else text
