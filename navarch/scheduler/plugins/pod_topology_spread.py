"""PodTopologySpread: pods alike are spread evenly over zones, hosts or whatever the constraints name.

Hard constraints filter: with the pod, no domain may be `maxSkew` above the emptiest one. Soft constraints
score. Pods without constraints of their own that belong to a service or a controller get the cluster's soft
ones (`shape.SYSTEM_SPREAD`).

Source: KEP-895, KEP-3022 (minDomains), KEP-3094 (node inclusion policies).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from navarch.scheduler.columns import Columns
from navarch.scheduler.labels import Bools, Ints
from navarch.scheduler.plugins.contract import MAX_SCORE, Change, Plugin, Reach, Rejection
from navarch.scheduler.plugins.node_affinity import matching
from navarch.scheduler.plugins.taint_toleration import untolerated
from navarch.scheduler.shape import Shape, Spread
from navarch.scheduler.topology import at_nodes, domains, per_domain

REASON: Final = "node(s) didn't match pod topology spread constraints"
_HOST: Final = "kubernetes.io/hostname"


def filter_nodes(columns: Columns, shape: Shape) -> Sequence[Rejection]:
    if not shape.spread_hard:
        return ()
    n = columns.n
    labelled = _having_keys(columns, shape.spread_hard)
    missing = np.zeros(n, np.bool_)
    skewed = np.zeros(n, np.bool_)
    for constraint in shape.spread_hard:
        column = columns.label(constraint.pods.topology_key)
        within = _counted(columns, shape, constraint) & labelled
        counts = columns.pods.count((constraint.pods,), lasting=True)
        sums = per_domain(column, counts, n, within)
        seen = domains(column, n, within)
        number = int(seen.sum())
        fewest = int(sums[seen].min()) if number >= constraint.min_domains and number else 0
        itself = int(constraint.pods.matches(shape, columns.pods.namespaces))
        absent = column.ids[:n] < 0
        skewed |= ~missing & ~absent & (at_nodes(column, sums, n) + itself - fewest > constraint.max_skew)
        missing |= absent & ~skewed
    return (
        Rejection(missing, f"{REASON} (missing required label)", False),
        Rejection(skewed, REASON, True),
    )


def _having_keys(columns: Columns, constraints: Sequence[Spread]) -> Bools:
    """Nodes that have the keys of all constraints; only they are counted."""
    where = columns.present[: columns.n].copy()
    for constraint in constraints:
        where &= columns.label(constraint.pods.topology_key).ids[: columns.n] >= 0
    return where


def _counted(columns: Columns, shape: Shape, constraint: Spread) -> Bools:
    """The nodes that the inclusion policies let count."""
    where = columns.present[: columns.n]
    if constraint.honor_affinity:
        eligible = matching(columns, shape)
        where = where if eligible is None else where & eligible
    if constraint.honor_taints:
        kept_away = untolerated(columns, shape)
        where = where if kept_away is None else where & ~kept_away
    return where


def score_nodes(columns: Columns, shape: Shape, feasible: Bools) -> Ints | None:
    if not shape.spread_soft:
        return None
    n = columns.n
    # The cluster's own constraints also serve nodes that lack a key; a pod's own pass over them.
    ranked = feasible if shape.spread_default else feasible & _having_keys(columns, shape.spread_soft)
    if not ranked.any():
        return np.zeros(n, np.int64)
    cost = np.zeros(n, np.float64)
    for constraint in shape.spread_soft:
        cost += _cost(columns, shape, constraint, ranked)
    whole = np.floor(cost + 0.5).astype(np.int64)
    low, high = int(whole[ranked].min()), int(whole[ranked].max())
    if high == 0:
        return np.where(ranked, MAX_SCORE, 0)
    scores: Ints = np.where(ranked, MAX_SCORE * (high + low - whole) // high, 0)
    return scores


def _cost(
    columns: Columns, shape: Shape, constraint: Spread, ranked: Bools
) -> Ints | np.ndarray[tuple[int], np.dtype[np.float64]]:
    """What a constraint holds against each node: the pods there already, weighted by the number of domains."""
    n, key = columns.n, constraint.pods.topology_key
    column = columns.label(key)
    counts = columns.pods.count((constraint.pods,), lasting=True)
    if key == _HOST:
        size = int(ranked.sum())
        here = counts[:n]
    else:
        size = int(domains(column, n, ranked).sum())
        within = _counted(columns, shape, constraint)
        if not shape.spread_default:
            within = within & _having_keys(columns, shape.spread_soft)
        here = at_nodes(column, per_domain(column, counts, n, within), n)
    cost = here * math.log(size + 2) + (constraint.max_skew - 1)
    return np.where(column.ids[:n] >= 0, cost, 0.0)


def reach(shape: Shape) -> Reach:
    return Reach.CLUSTER if shape.spread_hard or shape.spread_soft else Reach.NONE


POD_TOPOLOGY_SPREAD: Final = Plugin(
    "PodTopologySpread",
    weight=2,
    filter=filter_nodes,
    score=score_nodes,
    reach=reach,
    wakes=frozenset(
        {
            Change.NODE_ADDED,
            Change.NODE_LABELS,
            Change.NODE_TAINTS,
            Change.POD_PLACED,
            Change.POD_REMOVED,
            Change.POD_LABELS,
        }
    ),
)
