"""Selectable fields: the values that a field selector compares, read out of a stored tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from navarch.schema.types import Tree


def path(dotted: str, empty: str = "") -> Callable[[Tree], str]:
    """A reader of a dotted path; `empty` stands for an absent value (`false`, `0`)."""
    keys = dotted.split(".")

    def read(tree: Tree) -> str:
        value: Any = tree
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return text(value) if value is not None else empty

    return read


def text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
