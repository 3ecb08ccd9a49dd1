"""Reads the plain YAML that programs write into kubeconfigs, ten times faster than a YAML library loads.

Block mappings, lists of mappings and bare or simply quoted text on one line: nothing else. For any other
file the answer is None, and the caller takes the real parser. Every command reads a kubeconfig, and
importing a YAML parser would be a third of its time.

    >>> read_simple(b"a:\\n- name: x\\n  b: {}\\n")
    {'a': [{'name': 'x', 'b': {}}]}
"""

from __future__ import annotations

import re
from typing import Any

_KEY = re.compile(r"([A-Za-z][A-Za-z0-9._/-]*):(?: +(.*))?")
#: Text that means the same to every YAML reader when it stands bare.
_BARE = re.compile(r"[A-Za-z/][A-Za-z0-9._/:@+=~-]*(?<!:)")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_QUOTED = re.compile(r'"([^"\\]*)"|' + r"'([^']*)'")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "null"))


class _Unusual(Exception):
    """Something that this reader does not know."""


def read_simple(data: bytes) -> dict[str, Any] | None:
    """The tree, or None if the file holds more than this reads."""
    if data[:1] == b"{":
        return None
    try:
        lines = [_split(line) for line in data.decode().split("\n") if line.strip()]
        tree, end = _mapping(lines, 0, 0)
    except (_Unusual, UnicodeDecodeError, IndexError):
        return None
    return tree if end == len(lines) else None


def _split(line: str) -> tuple[int, str]:
    text = line.lstrip(" ")
    if text[0] in "#\t%" or text.startswith(("---", "...")):
        raise _Unusual
    return len(line) - len(text), text.rstrip()


def _mapping(lines: list[tuple[int, str]], at: int, indent: int) -> tuple[dict[str, Any], int]:
    tree: dict[str, Any] = {}
    while at < len(lines) and lines[at][0] == indent and not lines[at][1].startswith("- "):
        match = _KEY.fullmatch(lines[at][1])
        if match is None or match[1] in tree:
            raise _Unusual
        key, text = match[1], match[2]
        at += 1
        if text:
            tree[key] = _scalar(text)
        elif at < len(lines) and lines[at][0] > indent and not lines[at][1].startswith("-"):
            tree[key], at = _mapping(lines, at, lines[at][0])
        elif at < len(lines) and lines[at][0] >= indent and lines[at][1].startswith("- "):
            tree[key], at = _sequence(lines, at, lines[at][0])
        else:
            tree[key] = None
    if at < len(lines) and lines[at][0] > indent:
        raise _Unusual
    return tree, at


def _sequence(lines: list[tuple[int, str]], at: int, indent: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while at < len(lines) and lines[at][0] == indent and lines[at][1].startswith("- "):
        text = lines[at][1][2:].lstrip(" ")
        if _KEY.fullmatch(text) is None:
            items.append(_scalar(text))
            at += 1
            continue
        inner = indent + len(lines[at][1]) - len(text)
        lines[at] = (inner, text)
        item, at = _mapping(lines, at, inner)
        items.append(item)
    return items, at


def _scalar(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if text in ("{}", "[]"):
        return {} if text == "{}" else []
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        return quoted[1] if quoted[1] is not None else quoted[2]
    if _BARE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if len(text) > 64 and _BASE64.fullmatch(text):
        return text
    raise _Unusual
