"""Lists as strategic merge patches see them: elements known by a key, or by themselves.

    >>> ordered([{"n": 1}, {"n": 2}], [{"n": 2}, {"n": 1}], [], "n")
    [{'n': 2}, {'n': 1}]

Everything goes through tables of places: a patch of many elements costs what it holds, not its square.
Called by `strategic.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import orjson


def identity(item: Any, key: str) -> Hashable:
    """What an element is known by: the value of its merge key, or the element itself without a key."""
    value = item.get(key) if key and isinstance(item, dict) else item
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS) if isinstance(value, dict | list) else value


def places(items: Iterable[Any], key: str) -> dict[Hashable, int]:
    """The first place of each identity."""
    found: dict[Hashable, int] = {}
    for at, item in enumerate(items):
        found.setdefault(identity(item, key), at)
    return found


def unique(items: Iterable[Any]) -> list[Any]:
    """Each element once, where it is first."""
    found: dict[Hashable, Any] = {}
    for item in items:
        found.setdefault(identity(item, ""), item)
    return list(found.values())


def without(items: Iterable[Any], values: Iterable[Any], key: str = "") -> list[Any]:
    """The elements that are known by none of the values. With a key, only objects can be."""
    gone = {identity(value, "") for value in values}
    return [item for item in items if (key and not isinstance(item, dict)) or identity(item, key) not in gone]


def ordered(merged: list[Any], order: list[Any], live: list[Any], key: str) -> list[Any]:
    """The elements that `order` names in its order, the others placed among them as in `live`.

    A live element goes before the first named one that followed it in the live list.
    """
    wanted, before = places(order, key), places(live, key)
    named = [item for item in merged if identity(item, key) in wanted]
    named.sort(key=lambda item: wanted[identity(item, key)])
    others = [item for item in merged if identity(item, key) not in wanted]
    others.sort(key=lambda item: before.get(identity(item, key), -1))
    out: list[Any] = []
    left = right = 0
    while left < len(others) and right < len(named):
        place = before.get(identity(others[left], key), -1)
        if 0 <= place < before.get(identity(named[right], key), -1):
            out.append(others[left])
            left += 1
        else:
            out.append(named[right])
            right += 1
    return out + others[left:] + named[right:]


def follows(changes: list[Any], order: list[Any], key: str) -> bool:
    """Are all the elements in the order list, and in the same order?"""
    wanted = places(order, key)
    found = [wanted.get(identity(item, key), -1) for item in changes]
    return -1 not in found and found == sorted(found)
