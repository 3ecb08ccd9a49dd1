"""Selectable fields: the values that a field selector compares, read out of a stored tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from msgspec.json import Decoder

from navarch.schema.types import Tree


class Path:
    """What reads the value at a path, as a text."""

    __slots__ = ("empty", "keys")

    def __init__(self, keys: tuple[str, ...], empty: str) -> None:
        self.keys = keys
        self.empty = empty

    def __call__(self, tree: Tree) -> str:
        value: Any = tree
        for key in self.keys:
            value = value.get(key) if isinstance(value, dict) else None
        return text(value) if value is not None else self.empty


def path(dotted: str, empty: str = "") -> Path:
    """A reader of a dotted path; `empty` stands for an absent value (`false`, `0`)."""
    return Path(tuple(dotted.split(".")), empty)


def skeleton_decoder(fields: Mapping[str, Callable[[Tree], str]]) -> Decoder[Tree]:
    """A decoder of the parts of a document that these fields read: passing over the rest takes a fraction
    of the time of decoding all. A field that is no `Path` may read anything."""
    root: Tree = {}
    for read in fields.values():
        if not isinstance(read, Path):
            return Decoder(dict[str, Any])
        below = root
        for key in read.keys[:-1]:
            below = below.setdefault(key, {})
        below.setdefault(read.keys[-1], {})
    return Decoder(_shape(root))


def _shape(keys: Tree) -> Any:
    """The type of an object with these keys, all of them optional; without any, of anything."""
    if not keys:
        return Any
    return TypedDict("Shape", {key: _shape(below) | None for key, below in keys.items()}, total=False)  # type: ignore[operator]


def text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
