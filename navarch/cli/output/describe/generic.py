"""Any object, field by field: custom kinds, and built-in kinds without a describer of their own."""

from __future__ import annotations

import re
from typing import Any

from navarch.cli.output.describe.context import Context, Lines
from navarch.cli.output.tables import go_value
from navarch.cli.selection import Found

#: Titles that no rule gives.
_TITLES = {"openAPIV3Schema": "openAPIV3Schema"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+|[^A-Za-z0-9]+")
_ACRONYMS = frozenset(("API", "URL", "UID", "OSB", "GUID"))
_SHOWN_APART = frozenset(("name", "namespace", "labels", "annotations", "managedFields"))


def generic(found: Found, context: Context) -> str:
    out = Lines()
    tree = found.tree
    metadata = tree["metadata"]
    out.line(0, "Name:", metadata["name"])
    out.line(0, "Namespace:", metadata.get("namespace", ""))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    shown = {**tree, "metadata": {k: v for k, v in metadata.items() if k not in _SHOWN_APART}}
    _fields(out, 0, {"API Version": shown.pop("apiVersion", ""), "Kind": shown.pop("kind", ""), **shown})
    context.events(out, found)
    return out.render()


def _fields(out: Lines, level: int, tree: dict[str, Any]) -> None:
    titled = {title(key): value for key, value in tree.items()}
    for name in sorted(titled):
        value = titled[name]
        if isinstance(value, dict):
            out.line(level, f"{name}:")
            _fields(out, level + 1, value)
        elif isinstance(value, list):
            out.line(level, f"{name}:")
            _items(out, level + 1, value)
        else:
            out.line(level, f"{name}:", go_value(value))


def _items(out: Lines, level: int, items: list[Any]) -> None:
    for item in items:
        if isinstance(item, dict):
            _fields(out, level, item)
        elif isinstance(item, list):
            _items(out, level + 1, item)
        else:
            out.line(level, go_value(item))


def title(key: str) -> str:
    """`creationTimestamp` as `Creation Timestamp`; words in capitals stay."""
    if "/" in key or "." in key or " " in key:
        return key
    if key in _TITLES:
        return _TITLES[key]
    words = _WORD.findall(key)
    return " ".join(word.upper() if word.upper() in _ACRONYMS else word[:1].upper() + word[1:] for word in words)
