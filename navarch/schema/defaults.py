"""Constant defaults: values that the schema itself gives to absent fields.

A default of nothing ("", 0, {}) is Go's zero value and no default. Most types have none at all, so
each Struct is compiled to the branches below which a default can come up; the rest of a tree is
never visited. Defaults that need code are the kind's own (`api/`). Custom resources have their own
order of things (structural.py).

Source: `+default` markers of the API types, as OpenAPI shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from navarch.schema.types import List, Map, Node, Struct, Tree

_Filler = Callable[[Any], None]


def apply_defaults(node: Struct, tree: Tree) -> None:
    """Set absent fields to their constant defaults, in place."""
    if (fill := _filler(node)) is not None:
        fill(tree)


_FILLERS: dict[Struct, _Filler | None] = {}


def _filler(node: Node) -> _Filler | None:
    """The compiled function of a node, None where no default can come up."""
    if isinstance(node, Struct):
        if node not in _FILLERS:
            _FILLERS[node] = None  # a type inside itself: what it can default is found on the way down
            _FILLERS[node] = _struct(node)
        return _FILLERS[node]
    if isinstance(node, List):
        return _each_item(_filler(node.item))
    if isinstance(node, Map):
        return _each_value(_filler(node.value))
    return None


def _struct(node: Struct) -> _Filler | None:
    constants = [(name, f.default) for name, f in node.fields.items() if f.default]
    branches = [(name, below) for name, f in node.fields.items() if (below := _filler(f.node)) is not None]
    if not constants and not branches:
        return None

    def fill(tree: Tree) -> None:
        for name, value in constants:
            if name not in tree:
                tree[name] = deepcopy(value)
        for name, below in branches:
            if (item := tree.get(name)) is not None:
                below(item)

    return fill


def _each_item(fill: _Filler | None) -> _Filler | None:
    if fill is None:
        return None

    def run(items: list[Any]) -> None:
        for item in items:
            fill(item)

    return run


def _each_value(fill: _Filler | None) -> _Filler | None:
    if fill is None:
        return None

    def run(items: Tree) -> None:
        for item in items.values():
            fill(item)

    return run
