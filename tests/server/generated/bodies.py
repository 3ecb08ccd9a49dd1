"""Bodies that are wrong somewhere: values of other types put into an object, wherever they land."""

from __future__ import annotations

from random import Random
from typing import Any

from navarch.schema.types import List, Map, Struct, Tree

#: One of each JSON type, and what is hard to read in each.
WRONG: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    "x",
    "\x00",
    "\ud7ff\U0001f6a2",
    "9" * 400,
    [],
    [None],
    [[]],
    {},
    {"": None},
    {"a": {"b": [1]}},
)


def spoiled(rng: Random, tree: Tree) -> Tree:
    """The tree with one value, chosen among all, replaced by one of another type. Changes it in place."""
    places = list(_places(tree))
    if places:
        holder, key = rng.choice(places)
        holder[key] = rng.choice(WRONG)
    return tree


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _places(item)


def reach(node: Struct) -> int:
    """How many fields a type has, with those of the types in it, each type counted once."""
    seen: set[str] = set()

    def count(inner: Any) -> int:
        while isinstance(inner, List | Map):
            inner = inner.item if isinstance(inner, List) else inner.value
        if not isinstance(inner, Struct) or inner.name in seen:
            return 0
        seen.add(inner.name)
        return sum(1 + count(field.node) for field in inner.fields.values())

    return count(node)
