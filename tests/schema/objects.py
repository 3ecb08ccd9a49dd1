"""Random objects of any built-in type, from its facts: `random_object(rng, node)` is canonical."""

from __future__ import annotations

import base64
from random import Random
from typing import Any

from navarch.base.times import format_micro, format_time
from navarch.schema.decode import normalize
from navarch.schema.protobuf import EMPTY_MESSAGES, SCHEMA, SCHEMA_OR
from navarch.schema.types import Field, List, Map, Node, Scalar, Struct, Tree

_TEXTS = ("", "a", "default", "registry.example.com/app:1", "Grüße, Ωμέγα 漢字 🚢", "x" * 200, 'q"uo\\te\n', "\x00\x7f")
_INTEGERS = (0, 1, -1, 127, 128, 300, 65_536, 2**31 - 1, -(2**31))
_LONG = (*_INTEGERS, 2**40, 2**63 - 1, -(2**63))
_QUANTITIES = ("0", "100m", "1", "2.5", "1Gi", "128974848", "1e3", "12E")
_JSON: tuple[Any, ...] = ({"a": [1, "x", None, {"b": 1.5}]}, "text", 5, True, ["a"], {"z": {}})
_MAX_DEPTH = 7


def random_object(rng: Random, node: Struct, kind: str = "", api_version: str = "") -> Tree:
    """An object in the form in which the server stores it, `kind` and `apiVersion` first."""
    tree = _struct(rng, node, 0)
    if kind:
        tree |= {"kind": kind, "apiVersion": api_version}
    normalize(node, tree)
    return tree


def _struct(rng: Random, node: Struct, depth: int) -> Tree:
    share = 0.75 if depth < 3 else 0.35
    fields = [(name, field) for name, field in node.fields.items() if field.number and _in_message(field)]
    return {
        name: _field(rng, node, name, field, depth)
        for name, field in fields
        if (field.required or rng.random() < share) and (depth < _MAX_DEPTH or _is_leaf(node, name, field))
    }


def _is_leaf(owner: Struct, name: str, field: Field) -> bool:
    return isinstance(field.node, Scalar) and not (owner.name == SCHEMA and name in SCHEMA_OR)


def _in_message(field: Field) -> bool:
    """Whether protobuf knows the field: kind and apiVersion stand in the envelope alone."""
    return all(number for _, number in field.inline)


def _field(rng: Random, owner: Struct, name: str, field: Field, depth: int) -> Any:
    if (owner.name, name) in EMPTY_MESSAGES:
        return {}
    if owner.name == SCHEMA and name in SCHEMA_OR:
        return _schema_or(rng, owner, name, depth)
    return _value(rng, field.node, depth + 1)


def _schema_or(rng: Random, schema: Struct, name: str, depth: int) -> Any:
    def one() -> Any:
        return _struct(rng, schema, _MAX_DEPTH)

    other: Any = {"schemas": [one(), one()], "boolean": rng.random() < 0.5, "strings": ["a", "b"]}[SCHEMA_OR[name]]
    value = one() if rng.random() < 0.5 else other
    # Inside JSON of any form nothing is brought into canonical form: these are.
    trees = [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict)]
    for tree in trees:
        normalize(schema, tree)
    return {"k": value} if SCHEMA_OR[name] == "strings" else value


def _value(rng: Random, node: Node, depth: int) -> Any:
    if isinstance(node, Struct):
        return _struct(rng, node, depth)
    if isinstance(node, List):
        return [_value(rng, node.item, depth + 1) for _ in range(rng.randrange(1, 4))]
    if isinstance(node, Map):
        keys = rng.sample(("b", "a", "app.example.com/name", "ü", "Z"), rng.randrange(1, 4))
        return {key: _value(rng, node.value, depth + 1) for key in keys}
    return _scalar(rng, node.name)


def _scalar(rng: Random, name: str) -> Any:
    match name:
        case "string":
            return rng.choice(_TEXTS)
        case "int32":
            return rng.choice(_INTEGERS)
        case "int64":
            return rng.choice(_LONG)
        case "number":
            return rng.choice((0.5, -1.25, 3, 1e300))
        case "boolean":
            return rng.random() < 0.5
        case "quantity":
            return rng.choice(_QUANTITIES)
        case "int-or-string":
            return rng.choice((*_INTEGERS, "http", "25%", ""))
        case "time":
            return format_time(rng.randrange(-(10**9), 4 * 10**9))
        case "micro-time":
            return format_micro(rng.randrange(4 * 10**9) + rng.randrange(10**6) / 10**6)
        case "duration":
            return rng.choice(("0s", "1h0m0s", "1.5s", "-3ms"))
        case "bytes":
            return base64.b64encode(rng.randbytes(rng.randrange(1, 200))).decode()
        case _:
            return rng.choice(_JSON)
