"""Objects as the server's own Go structures print: every field, under its Go name, in Go's order.

A few messages show a structure that way, or the difference of two. The shapes stand in
`go_shapes.py`; this file reads them and never judges an object.

Worked example:
    shown("Taint", {"key": "a", "effect": "NoExecute"})
    -> {"Key": "a", "Value": "", "Effect": "NoExecute", "TimeAdded": None}

Source: kubernetes internal API types (`pkg/apis/*/types.go`), `field.Error`, apimachinery `diff`.
"""

from __future__ import annotations

import difflib
import json
import re
from functools import cache
from typing import Any, Final, NamedTuple

from navarch.api.validation.go_shapes import SHAPES
from navarch.schema.types import Tree

_TOKEN: Final = re.compile(
    r"(?P<embed>>?)(?P<name>\w*)(@(?P<json>[\w$-]+))?((?P<how>[:*|?]|\[\]|\{\})(?P<shape>\w+)|=(?P<zero>\S+))?"
)
_HOST_FLAGS: Final = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")
_CAPITALS: Final = re.compile("^[A-Z]+(?=[A-Z][a-z]|$)|^[A-Z]")


class _GoField(NamedTuple):
    """A field: the shape of a struct is held by value (`:`), by pointer (`*`), in a list (`[]`) or map (`{}`),
    or is one of the unions of OpenAPI: one or a list of them (`|`), one or a boolean (`?`)."""

    name: str
    json_name: str
    how: str = ""
    shape: str = ""
    zero: Any = None


def shown(shape: str, tree: Tree | None) -> Tree | None:
    """The structure of that shape; None stays None."""
    if tree is None:
        return None
    if shape == "PodSpec":
        tree = _with_host_flags(tree)
    out: Tree = {}
    for field in _fields(shape):
        if field.how == ">":
            out |= shown(field.shape, tree) or {}
        elif field.how == "h":
            out |= _metadata(tree.get("metadata") or {})
        else:
            out[field.name] = _value(field, tree.get(field.json_name))
    return out


def difference(shape: str, old: Tree, new: Tree) -> str:
    """A unified diff of two structures, with an empty first line, as it stands behind a message."""
    before, after = (json.dumps(shown(shape, tree), indent=1).splitlines() for tree in (old, new))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
    return "\n" + "\n".join(lines) + "\n"


def _value(field: _GoField, value: Any) -> Any:
    if field.how == "[]":
        return None if value is None else [shown(field.shape, item or {}) for item in value]
    if field.how == "{}":
        return None if value is None else {name: shown(field.shape, item or {}) for name, item in value.items()}
    if field.how in ("|", "?"):
        return None if value is None else _union(field, value)
    if field.how == ":":
        return shown(field.shape, value or {})
    if field.how == "*":
        return shown(field.shape, value)
    return field.zero if value is None else value


def _union(field: _GoField, value: Any) -> Tree:
    if field.how == "?":
        return {"Allows": value is not False, "Schema": shown(field.shape, value if isinstance(value, dict) else None)}
    several = [shown(field.shape, item) for item in value] if isinstance(value, list) else None
    return {"Schema": shown(field.shape, value if isinstance(value, dict) else None), "JSONSchemas": several}


def _metadata(metadata: Tree) -> Tree:
    """The metadata of a template: Go embeds it, and it keeps its wire names."""
    return {key: metadata[key] for key in ("name", "labels", "annotations", "finalizers") if metadata.get(key)}


def _with_host_flags(spec: Tree) -> Tree:
    """Go keeps the namespaces that a pod shares in its security context."""
    flags = {key: spec[key] for key in _HOST_FLAGS if key in spec}
    return {**spec, "securityContext": {**(spec.get("securityContext") or {}), **flags}}


@cache
def _fields(shape: str) -> tuple[_GoField, ...]:
    return tuple(_field(token) for token in SHAPES[shape].split())


def _field(token: str) -> _GoField:
    if token == "ObjectMeta":
        return _GoField("", "", "h")
    found = _TOKEN.fullmatch(token)
    assert found is not None, token
    name = found["name"]
    if found["embed"]:
        return _GoField("", "", ">", name)
    zero = json.loads(found["zero"]) if found["zero"] else None
    return _GoField(name, found["json"] or _json_name(name), found["how"] or "", found["shape"] or "", zero)


def _json_name(name: str) -> str:
    """`FSType` is `fsType`, `IQN` is `iqn`, `NodeID` is `nodeID`."""
    return _CAPITALS.sub(lambda found: found[0].lower(), name, count=1)
