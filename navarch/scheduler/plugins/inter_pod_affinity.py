"""InterPodAffinity: pods that want to be near others, or far from them; both ways.

A pod's own required terms filter, and so do the required anti-affinity terms of pods that run already and
select it. All preferred terms score, in both directions.

Source: the scheduler's inter-pod affinity; a required affinity of a running pod counts as a preference of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from navarch.scheduler.columns import Columns
from navarch.scheduler.labels import Bools, Ints
from navarch.scheduler.plugins.contract import MAX_SCORE, Change, Plugin, Reach, Rejection, nowhere
from navarch.scheduler.shape import Shape
from navarch.scheduler.topology import at_nodes, per_domain


def filter_nodes(columns: Columns, shape: Shape) -> Sequence[Rejection]:
    rejections = []
    if shape.affinity:
        rejections.append(Rejection(_lonely(columns, shape), "node(s) didn't match pod affinity rules", False))
    if shape.anti_affinity:
        crowded = nowhere(columns.n)
        for term in shape.anti_affinity:
            crowded |= _near(columns, term.topology_key, columns.pods.count((term,)))
        rejections.append(Rejection(crowded, "node(s) didn't match pod anti-affinity rules", True))
    unwanted = nowhere(columns.n)
    for held, counts in columns.pods.held.items():
        if held.kind == "anti" and held.term.matches(shape, columns.pods.namespaces):
            unwanted |= _near(columns, held.term.topology_key, counts)
    if unwanted.any():
        rejections.append(Rejection(unwanted, "node(s) didn't satisfy existing pods anti-affinity rules", True))
    # As with the first reason that applies in Kubernetes, a node has one of the three.
    for i in range(1, len(rejections)):
        before = np.logical_or.reduce([r.where for r in rejections[:i]])
        rejections[i] = rejections[i]._replace(where=rejections[i].where & ~before)
    return rejections


def _lonely(columns: Columns, shape: Shape) -> Bools:
    """Where some required affinity term has no partner."""
    partners = columns.pods.count(shape.affinity)
    labelled = np.ones(columns.n, np.bool_)
    paired = np.ones(columns.n, np.bool_)
    anywhere = False
    for term in shape.affinity:
        labelled &= columns.label(term.topology_key).ids[: columns.n] >= 0
        near = _near(columns, term.topology_key, partners)
        anywhere = anywhere or bool(near.any())
        paired &= near
    if not anywhere and all(t.matches(shape, columns.pods.namespaces) for t in shape.affinity):
        # The first of a group that wants its own kind may go anywhere.
        return ~labelled
    return ~(paired & labelled)


def _near(columns: Columns, key: str, counts: Ints) -> Bools:
    """Nodes in a domain in which a counted pod is."""
    return _sums(columns, key, counts) > 0


def _sums(columns: Columns, key: str, counts: Ints) -> Ints:
    column = columns.label(key)
    return at_nodes(column, per_domain(column, counts, columns.n, columns.present[: columns.n]), columns.n)


def score_nodes(columns: Columns, shape: Shape, feasible: Bools) -> Ints | None:
    total: Ints | None = None
    for term, weight in shape.preferred_pods:
        sums = weight * _sums(columns, term.topology_key, columns.pods.count((term,)))
        total = sums if total is None else total + sums
    for held, counts in columns.pods.held.items():
        if held.weight and held.term.matches(shape, columns.pods.namespaces):
            sums = held.weight * _sums(columns, held.term.topology_key, counts)
            total = sums if total is None else total + sums
    if total is None or not feasible.any():
        return None
    low, high = int(total[feasible].min()), int(total[feasible].max())
    if low == high:
        return None
    return (MAX_SCORE * (total - low)) // (high - low)


def reach(shape: Shape) -> Reach:
    return Reach.CLUSTER if shape.has_pod_terms else Reach.NONE


INTER_POD_AFFINITY: Final = Plugin(
    "InterPodAffinity",
    weight=2,
    filter=filter_nodes,
    score=score_nodes,
    reach=reach,
    wakes=frozenset(
        {
            Change.NODE_ADDED,
            Change.NODE_LABELS,
            Change.POD_PLACED,
            Change.POD_REMOVED,
            Change.POD_LABELS,
            Change.NAMESPACES,
        }
    ),
)
