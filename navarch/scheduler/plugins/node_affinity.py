"""NodeAffinity: nodeSelector and node affinity, required and preferred.

A pod whose required terms all name nodes (as those of a DaemonSet do) is pinned: the other nodes are not even
looked at, and their reason says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from navarch.api.views.pod import NodeSelectorRequirement, NodeSelectorTerm
from navarch.base.selector import Requirement
from navarch.scheduler.columns import NODE_NAME, Columns
from navarch.scheduler.labels import Bools, Ints
from navarch.scheduler.plugins.contract import Change, Plugin, Rejection, normalized, nowhere
from navarch.scheduler.shape import Shape

_OPERATORS: Final = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": "gt", "Lt": "lt"}
_WAKES: Final = frozenset({Change.NODE_ADDED, Change.NODE_LABELS})
_NAME_FIELD: Final = "metadata.name"


def matching(columns: Columns, shape: Shape) -> Bools | None:
    """Where nodeSelector and required affinity hold; None: everywhere."""
    where: Bools | None = None
    for key, value in shape.node_selector.items():
        has = columns.label(key).equal((value,), columns.n)
        where = has if where is None else where & has
    if shape.node_terms is not None:
        any_term = nowhere(columns.n)
        for term in shape.node_terms:
            any_term |= term_matches(columns, term)
        where = any_term if where is None else where & any_term
    return where


def term_matches(columns: Columns, term: NodeSelectorTerm) -> Bools:
    """Where all of a term's expressions hold; an empty term holds nowhere."""
    if not term.matchExpressions and not term.matchFields:
        return nowhere(columns.n)
    where = np.ones(columns.n, np.bool_)
    for expression in term.matchExpressions:
        where &= _expression(columns, expression.key, expression)
    for expression in term.matchFields:
        where &= _expression(columns, NODE_NAME, expression) if expression.key == _NAME_FIELD else False
    return where


def _expression(columns: Columns, key: str, expression: NodeSelectorRequirement) -> Bools:
    column = columns.label(key)
    if expression.operator == "In":
        return column.equal(expression.values, columns.n)
    wanted = Requirement(key, _OPERATORS[expression.operator], expression.values)
    return column.where(lambda value: wanted.matches({} if value is None else {key: value}), columns.n)


def filter_pinned(columns: Columns, shape: Shape) -> Sequence[Rejection]:
    names = _pinned(shape)
    if names is None:
        return ()
    others = ~columns.label(NODE_NAME).equal(tuple(sorted(names)), columns.n)
    return (Rejection(others, "node(s) didn't satisfy plugin(s) [NodeAffinity]", False),)


def _pinned(shape: Shape) -> set[str] | None:
    """The only nodes that required affinity can mean; None if it names none."""
    if not shape.node_terms:
        return None
    names: set[str] = set()
    for term in shape.node_terms:
        lists = [set(f.values) for f in term.matchFields if (f.key, f.operator) == (_NAME_FIELD, "In")]
        if not lists:
            return None
        names |= set.intersection(*lists)
    return names


def filter_nodes(columns: Columns, shape: Shape) -> Sequence[Rejection]:
    where = matching(columns, shape)
    return () if where is None else (Rejection(~where, "node(s) didn't match Pod's node affinity/selector", False),)


def score_nodes(columns: Columns, shape: Shape, feasible: Bools) -> Ints | None:
    if not shape.preferred_nodes:
        return None
    total = np.zeros(columns.n, np.int64)
    for preferred in shape.preferred_nodes:
        if preferred.weight and preferred.preference is not None:
            total += preferred.weight * term_matches(columns, preferred.preference)
    return normalized(total, feasible)


PINNED: Final = Plugin("NodeAffinity", filter=filter_pinned, wakes=_WAKES)
NODE_AFFINITY: Final = Plugin("NodeAffinity", weight=2, filter=filter_nodes, score=score_nodes, wakes=_WAKES)
