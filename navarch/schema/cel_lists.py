"""CEL functions on lists, sets and maps. Pure; what they raise becomes the expression's error.

Called by cel_library.py, which declares them, and by what cel_rewrite.py writes.

Source: apiserver `pkg/cel/library` (lists, regex); cel-go `ext` (lists, sets, two-variable comprehensions).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

from navarch.schema.go_regexp import compile_pattern

#: How many elements `lists.range` makes at most.
_MAX_RANGE: Final = 1_000_000


def index_of(items: list[Any], wanted: Any) -> int:
    return next((index for index, item in enumerate(items) if item == wanted), -1)


def last_index_of(items: list[Any], wanted: Any) -> int:
    return max((index for index, item in enumerate(items) if item == wanted), default=-1)


def is_sorted(items: list[Any]) -> bool:
    return all(left <= right for left, right in itertools.pairwise(items))


def total(items: list[Any]) -> Any:
    return sum(items)


def extreme(choose: Callable[[list[Any]], Any], name: str, items: list[Any]) -> Any:
    if not items:
        raise ValueError(f"{name} called on empty list")
    return choose(items)


def sort(items: list[Any]) -> list[Any]:
    return sorted(items)


def sort_by(items: list[Any], keys: list[Any]) -> list[Any]:
    """The items in the order of their keys."""
    order = sorted(range(len(items)), key=lambda index: keys[index])
    return [items[index] for index in order]


def slice_(items: list[Any], start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(items):
        raise ValueError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def flatten(items: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise ValueError("level must be non-negative")
    found: list[Any] = []
    for item in items:
        if isinstance(item, list) and depth:
            found += flatten(item, depth - 1)
        else:
            found.append(item)
    return found


def distinct(items: list[Any]) -> list[Any]:
    seen: set[Any] = set()
    found = []
    for item in items:
        mark = _mark(item)
        if mark not in seen:
            seen.add(mark)
            found.append(item)
    return found


def _mark(item: Any) -> Any:
    """What only equal items have. Numbers of either kind are equal by value, truths to no number."""
    if isinstance(item, list):
        return "list", *map(_mark, item)
    if isinstance(item, Mapping):
        return "map", frozenset((key, _mark(value)) for key, value in item.items())
    return isinstance(item, bool), item


def reverse(items: list[Any]) -> list[Any]:
    return items[::-1]


def range_(count: int) -> list[int]:
    if count > _MAX_RANGE:
        raise ValueError("lists.range: too many elements")
    return list(range(count))


# --- sets


def contains(items: list[Any], wanted: list[Any]) -> bool:
    return all(item in items for item in wanted)


def equivalent(items: list[Any], others: list[Any]) -> bool:
    return contains(items, others) and contains(others, items)


def intersects(items: list[Any], others: list[Any]) -> bool:
    return any(item in others for item in items)


# --- keys and values


def entries(found: Any) -> list[list[Any]]:
    """Pairs of key (or index) and value."""
    if isinstance(found, Mapping):
        return [[key, value] for key, value in found.items()]
    if isinstance(found, list):
        return [[index, value] for index, value in enumerate(found)]
    raise ValueError("no such overload")


def from_entries(pairs: list[list[Any]]) -> dict[Any, Any]:
    return dict(pairs)


def merged(maps: list[dict[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for each in maps:
        for key, value in each.items():
            if key in found:
                raise ValueError(f"insert failed: key {key!r} already exists")
            found[key] = value
    return found


# --- regular expressions


def find(text: str, pattern: str) -> str:
    found = compile_pattern(pattern).search(text)
    return found[0] if found else ""


def find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [each[0] for each in compile_pattern(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


def escape_key(text: str) -> str:
    """A key as a JSON pointer writes it."""
    return text.replace("~", "~0").replace("/", "~1")
