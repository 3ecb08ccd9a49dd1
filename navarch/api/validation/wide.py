"""Validation of objects that are wide enough for more mistakes than an answer tells.

A body of 3 MiB has place for a million empty containers, each wrong in several ways. Who makes more than 10,000
mistakes hears of the first ones; so it is enough to look at the first elements of long lists and maps, and at more of
them only as long as that finds fewer mistakes.

    judge({"l": [{}] * 1_000_000})  is done with  judge({"l": [{}] * 50_000})

An element that misses one that was left out is no danger: so many that point at each other have no place in an object
that can be stored.

Called by the write path with the objects of long requests only. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from navarch.api.validation.rules import Errors
from navarch.base.field import MAX_SHOWN
from navarch.schema.types import Tree

#: Shorter requests have no place for as many elements (bytes).
WIDE_BODY: Final = 100_000
#: How many elements of a list or map are looked at first.
_FIRST: Final = 50_000


def first_errors(judge: Callable[..., Errors], *trees: Tree) -> Errors:
    """What `judge` says of the trees: everything, or more than is told."""
    limit = _FIRST
    while True:
        shorter = [_cut(tree, limit) for tree in trees]
        errors = judge(*shorter)
        whole = all(short is tree for short, tree in zip(shorter, trees, strict=True))
        if whole or len(errors) > MAX_SHOWN:
            return errors
        limit *= 4


def _cut(value: Any, limit: int) -> Any:
    """A value without what stands behind the first elements; itself where nothing does."""
    if isinstance(value, dict):
        keys = list(value) if len(value) <= limit else list(value)[:limit]
        cut = {key: _cut(value[key], limit) for key in keys}
        return cut if len(cut) < len(value) or any(cut[key] is not value[key] for key in keys) else value
    if isinstance(value, list):
        short = [_cut(item, limit) for item in value[:limit]]
        same = len(short) == len(value) and all(new is item for new, item in zip(short, value, strict=True))
        return value if same else short
    return value
