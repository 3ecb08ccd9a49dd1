"""Small words for defaults that need code. A default fills what a client left out or sent empty.

Kubernetes cannot tell an absent string from an empty one, nor an absent list from an empty one,
where the field is not a pointer; `fill` treats both as absent. Where the field is a pointer, the
empty value is a value: `fill_pointer` keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from navarch.schema.types import Tree


def fill(tree: Tree, key: str, value: Any) -> None:
    """Set an entry that is absent, null or empty."""
    current = tree.get(key)
    if current is None or (current == "" and isinstance(current, str)):
        tree[key] = value


def fill_pointer(tree: Tree, key: str, value: Any) -> None:
    """Set an entry that is absent or null."""
    if tree.get(key) is None:
        tree[key] = value


def struct(tree: Tree, key: str) -> Tree:
    """The object at `key`; an empty one is put there if there is none."""
    found = tree.get(key)
    if not isinstance(found, dict):
        found = tree[key] = {}
    return found


def each(tree: Tree, *keys: str) -> Iterator[Tree]:
    """The objects of the lists at `keys`."""
    for key in keys:
        for item in tree.get(key) or ():
            if isinstance(item, dict):
                yield item
