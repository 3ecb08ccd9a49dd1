"""Sets of field paths, in the very form in which they stand in `fieldsV1`.

A set is a nested dict. A key is one step of a path: `f:name` a field, `k:{"name":"x"}` an element
of a list by its keys, `v:1` an element of a set, `i:0` an index. A node that is `{}` is itself in
the set; so is a node with the key `.`; any other node only leads to its children. Keeping this
form means that reading and writing managedFields costs nothing. Keys are sorted as Kubernetes
sorts them. Sets are never changed in place: results share what did not change, and an operation
that changes nothing returns its first argument itself.

Worked example:
    >>> a = {"f:data": {".": {}, "f:x": {}}}
    >>> difference(a, {"f:data": {"f:x": {}}})
    {'f:data': {}}
    >>> paths({"f:spec": {"f:ports": {'k:{"port":80}': {"f:name": {}}}}})
    ['.spec.ports[port=80].name']

Source: structured-merge-diff `fieldpath` (serialization, order, set algebra).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

#: A node of a set. The root is no member of itself: `{}` is the empty set.
FieldSet = dict[str, Any]


def union(a: FieldSet, b: FieldSet) -> FieldSet:
    if not a or not b:
        return a or b
    return _union(a, b)


def difference(a: FieldSet, b: FieldSet) -> FieldSet:
    """The paths of `a` that are not in `b`; what lies below a path is another path."""
    if not a or not b:
        return a
    return _difference(a, b) or {}


def intersection(a: FieldSet, b: FieldSet) -> FieldSet:
    if not a or not b:
        return {}
    return _intersection(a, b) or {}


def is_member(node: FieldSet) -> bool:
    """Is the node itself in the set, not only something below it?"""
    return not node or "." in node


def with_member(node: FieldSet) -> FieldSet:
    """The node with itself in the set."""
    return node if is_member(node) else {".": {}, **node}


def sort_node(node: FieldSet) -> FieldSet:
    """One level of a set with its keys in order."""
    keys = sorted(node, key=_rank)
    return {key: node[key] for key in keys}


def sort_deep(node: FieldSet) -> FieldSet:
    return {key: sort_deep(child) for key, child in sort_node(node).items()}


def element_key(values: dict[str, Any]) -> str:
    """The step to a list element with these keys."""
    return "k:" + orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()


def value_key(value: Any) -> str:
    """The step to an element of a set."""
    return "v:" + orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def is_valid(node: Any) -> bool:
    """Is this decoded JSON a set that Kubernetes would read?"""
    if not isinstance(node, dict):
        return False
    return all((key == "." or _is_step(key)) and is_valid(child) for key, child in node.items())


def paths(node: FieldSet, prefix: str = "") -> list[str]:
    """All paths of a set as messages print them: `.spec.ports[port=80].name`."""
    out: list[str] = []
    for key, child in node.items():
        if key == ".":
            continue
        path = prefix + step_text(key)
        if is_member(child):
            out.append(path)
        out += paths(child, path)
    return out


def step_text(key: str) -> str:
    """One step as messages print it."""
    kind, text = key[:2], key[2:]
    if kind == "f:":
        return "." + text
    if kind == "k:":
        pairs = sorted(orjson.loads(text).items())
        return "[" + ",".join(f"{name}={orjson.dumps(value).decode()}" for name, value in pairs) + "]"
    return f"[={text}]" if kind == "v:" else f"[{text}]"


def _union(a: FieldSet, b: FieldSet) -> FieldSet:
    if not b:
        return with_member(a)
    if not a:
        return with_member(b)
    out: FieldSet | None = None
    grown = False
    for key, right in b.items():
        left = a.get(key)
        node = right if left is None else _union(left, right)
        if node is not left:
            out = dict(a) if out is None else out
            out[key] = node
            grown = grown or left is None
    if out is None:
        return a
    return sort_node(out) if grown else out


def _difference(a: FieldSet, b: FieldSet) -> FieldSet | None:
    if not a:
        return None if is_member(b) else a
    if not b:
        return {key: child for key, child in a.items() if key != "."} if "." in a else a
    out: FieldSet | None = None
    for key, right in b.items():
        left = a.get(key)
        if left is None:
            continue
        node = _difference(left, right)
        if node is not left:
            out = dict(a) if out is None else out
            if node is None:
                del out[key]
            else:
                out[key] = node
    if out is None:
        return a
    if len(out) == 1 and "." in out:
        return {}
    return out or None


def _intersection(a: FieldSet, b: FieldSet) -> FieldSet | None:
    if not a or not b:
        return {} if is_member(a) and is_member(b) else None
    out: FieldSet = {}
    for key, left in a.items():
        right = b.get(key)
        if right is not None and (node := _intersection(left, right)) is not None:
            out[key] = node
    if len(out) == 1 and "." in out:
        return {}
    return out or None


def _is_step(key: str) -> bool:
    kind, text = key[:2], key[2:]
    if kind == "f:":
        return True
    if kind == "i:":
        return text.lstrip("-").isdecimal()
    if kind not in ("k:", "v:"):
        return False
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return kind == "v:" or isinstance(value, dict)


@lru_cache(maxsize=8192)
def _rank(key: str) -> tuple[int, Any]:
    """Fields, then elements by key, by value, by index; `.` before all."""
    kind, text = key[:2], key[2:]
    if kind == "f:":
        return 1, text.encode()
    if kind == "k:":
        return 2, [(name, value_rank(value)) for name, value in sorted(orjson.loads(text).items())]
    if kind == "v:":
        return 3, value_rank(orjson.loads(text))
    return (4, int(text)) if kind == "i:" else (0, "")


def value_rank(value: Any) -> tuple[int, Any]:
    """Order of JSON values: numbers, strings, booleans, lists, objects, null."""
    if isinstance(value, bool):
        return 3, value
    if isinstance(value, int | float):
        return 1, value
    if isinstance(value, str):
        return 2, value.encode()
    if isinstance(value, list):
        return 4, [value_rank(v) for v in value]
    if isinstance(value, dict):
        return 5, [(name, value_rank(v)) for name, v in sorted(value.items())]
    return 6, 0
