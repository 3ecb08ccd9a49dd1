"""The form in which Go prints an object: what a decode into typed structs and an encode would give.

`normalize` drops nulls, unknown fields and empty values that Go omits, adds the zero values that Go
always prints (`resources: {}`, `rules: null`), writes quantities and times canonically, and brings
struct fields into Go's order and map keys into byte order. Equal objects therefore have equal bytes.

Each Struct is compiled to one closure. It keeps a plan for every set of keys it has met, in key
order: which fields to visit, in Go's order, and how. A walk is then a few dict look-ups per field. Anything that
does not fit a plan raises `Anomaly`; `diagnose.py` then finds out what exactly is wrong.

A Go server keeps the empty lists and maps of a request in memory until the object is stored: faults are
told of `[]` and not of null, and a writer owns a list that is always printed when he states it empty.
`keeping` names the presences (`types.Field`) whose empty lists and maps stay; by default none does. Most
objects hold none, and all forms are one: `PLAIN` finds that out, and raises `Empties` where it is not so.

Called by decode.py for request bodies, and by whoever merged a tree. Only for built-in types: custom
resources keep what they are given (structural.py).
"""

from __future__ import annotations

import binascii
from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from navarch.base import quantity
from navarch.schema import gotime
from navarch.schema.types import Field, List, Map, Node, Scalar, Struct, Tree

#: value -> canonical value.
Canon = Callable[[Any], Any]

#: Longer texts are not kept: a client chooses them.
_KEPT_LENGTH: Final = 64

#: A struct meets few sets of keys in practice; a client that sends ever new ones must not fill memory.
_MAX_PLANS: Final = 1024


class Anomaly(Exception):
    """A value that the fast path does not handle: a wrong type, a bad number, an unknown field."""


#: The forms: as stored, as a writer's fields are told, as a request was made.
STORED: Final[frozenset[str]] = frozenset()
STATED: Final = frozenset({"always"})
ASKED: Final = frozenset({"always", "omit"})
PLAIN: Final = frozenset({"none are met"})


class Empties(Exception):
    """An empty list or map, which the form `PLAIN` does not have."""


def canon(node: Node, keeping: frozenset[str] = STORED) -> Canon:
    """The compiled function of a node. Raises `Anomaly` from the function, never here."""
    if isinstance(node, Struct):
        if (compiled := _STRUCTS.get((node, keeping))) is None:
            compiled = _STRUCTS[node, keeping] = _struct(node, keeping)
        return compiled
    if isinstance(node, Map):
        return _map(node, keeping)
    if isinstance(node, List):
        return _list(node, keeping)
    return _SCALARS[node.name]


def canon_beside(node: Struct, value: Any, known: Tree, keeping: frozenset[str] = STORED) -> Tree:
    """`canon(node, keeping)(value)` for an object that shares parts with `known`, which is in stored form:
    whatever root field, or field of the metadata, is the very one of `known`, is taken as it is. All else
    comes out in objects of its own, so that who completes it changes nothing of `known`."""
    if type(value) is not dict:
        raise Anomaly
    fields = node.fields
    done: Tree = {}
    rest: Tree = {}
    for name, item in value.items():
        kind = type(item)
        if (kind is dict or kind is list) and name in fields:
            before = known.get(name)
            if before is item:
                done[name] = item
                continue
            inner = fields[name].node
            if name == "metadata" and before and isinstance(inner, Struct):
                done[name] = canon_beside(inner, item, before, keeping)
                continue
        rest[name] = item
    if not done:
        whole: Tree = canon(node, keeping)(value)
        return whole
    done = {**canon(node, keeping)(rest), **done}
    return {name: done[name] for name in fields if name in done}


_STRUCTS: dict[tuple[Struct, frozenset[str]], Canon] = {}


def _struct(struct: Struct, keeping: frozenset[str]) -> Canon:
    plans: dict[tuple[str, ...], list[tuple[str, type, bool, Canon, Canon | None]]] = {}

    def run(value: Any) -> Tree:
        if type(value) is not dict:
            raise Anomaly
        keys = tuple(value)
        plan = plans.get(keys)
        if plan is None:
            plan = _plan(struct, keys, keeping)
            if len(plans) < _MAX_PLANS:
                plans[keys] = plan
        out: Tree = {}
        for key, leaf, keep, function, zero in plan:
            item = value.get(key)
            if type(item) is leaf:
                if item or keep:
                    out[key] = item
            elif item is not None:
                item = function(item)
                if item or keep:
                    out[key] = item
            elif zero is not None:
                out[key] = zero(None)
        return out

    return run


def _plan(
    struct: Struct, keys: tuple[str, ...], keeping: frozenset[str]
) -> list[tuple[str, type, bool, Canon, Canon | None]]:
    """(key, Python type that needs no further look, keep empty values, function, zero value)."""
    given = set(keys)
    if not given <= struct.fields.keys():
        raise Anomaly
    return [
        (name, _leaf(f.node), f.presence != "omit" or _stays(f, keeping), _field(f, keeping), _absent(f))
        for name, f in struct.fields.items()
        if name in given or f.presence in ("always", "null")
    ]


def _stays(field: Field, keeping: frozenset[str]) -> bool:
    """Does the field keep an empty list or map?"""
    return field.presence in keeping and isinstance(field.node, List | Map)


def _absent(field: Field) -> Canon | None:
    """What is printed where nothing was given, None for nothing."""
    if field.presence == "null":
        return lambda _: None
    return zero_of(field.node) if field.presence == "always" else None


class _Never:
    """No value has this type."""


def _leaf(node: Node) -> type:
    if isinstance(node, Scalar):
        return {"string": str, "boolean": bool}.get(node.name, _Never)
    return _Never


def _field(field: Field, keeping: frozenset[str]) -> Canon:
    inner = canon(field.node, keeping)
    if keeping is PLAIN and isinstance(field.node, List | Map):
        return _refusing(inner)
    if field.presence == "always" and isinstance(field.node, List | Map) and not _stays(field, keeping):
        return lambda value: inner(value) or None  # protobuf, Go's storage form, has no empty lists
    return inner


def _refusing(inner: Canon) -> Canon:
    def run(value: Any) -> Any:
        if not value:
            raise Empties
        return inner(value)

    return run


def zero_of(node: Node) -> Canon:
    """Go's zero value of a field that is printed even when it was not given."""
    if isinstance(node, Struct):
        inner = canon(node)
        return lambda _: inner({})
    if isinstance(node, Scalar) and node.name in _ZEROS:
        zero = _ZEROS[node.name]
        return lambda _: zero
    return lambda _: None


_ZEROS: Final[dict[str, Any]] = {
    "string": "",
    "boolean": False,
    "int32": 0,
    "int64": 0,
    "number": 0,
    "quantity": "0",
    "int-or-string": 0,
    "duration": "0s",
}


def _map(node: Map, keeping: frozenset[str]) -> Canon:
    plain = _leaf(node.value)
    inner = canon(node.value, keeping)
    zero = zero_of(node.value)
    if isinstance(node.value, Scalar) and node.value.name == "bytes":
        zero = _string_zero

    def run(value: Any) -> Tree:
        if type(value) is not dict:
            raise Anomaly
        out = dict(value)
        for key, item in value.items():
            if type(item) is not plain:
                out[key] = zero(None) if item is None else inner(item)
        keys = sorted(out)
        if len(keys) > 1 and keys != list(out):
            return {key: out[key] for key in keys}
        return out

    return run


def _list(node: List, keeping: frozenset[str]) -> Canon:
    plain = _leaf(node.item)
    inner = canon(node.item, keeping)
    zero = zero_of(node.item)

    def run(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Anomaly
        return [
            item if type(item) is plain else zero(None) if item is None else inner(item)  # a null is a zero value
            for item in value
        ]

    return run


def _string_zero(_: Any) -> str:
    return ""


def _refuse(_: Any) -> Any:
    raise Anomaly


def _int32(value: Any) -> int:
    if type(value) is int and -(2**31) <= value < 2**31:
        return value
    raise Anomaly


def _int64(value: Any) -> int:
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    raise Anomaly


def _number(value: Any) -> int | float:
    if type(value) is int:
        return value
    if type(value) is float:
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    raise Anomaly


def _int_or_string(value: Any) -> int | str:
    return value if type(value) is str else _int32(value)


def _quantity(value: Any) -> str:
    if type(value) is int or type(value) is float:
        value = str(value)
    if type(value) is not str:
        raise Anomaly
    return _known_quantity(value) if len(value) <= _KEPT_LENGTH else _quantity_text(value)


def _quantity_text(text: str) -> str:
    try:
        return quantity.canonical(text.strip())
    except quantity.QuantityError:
        raise Anomaly from None


_known_quantity: Final = lru_cache(4096)(_quantity_text)


def _time(value: Any) -> str:
    return _moment(value, False)


def _micro_time(value: Any) -> str:
    return _moment(value, True)


def _moment(value: Any, micro: bool) -> str:
    if type(value) is not str:
        raise Anomaly
    return (_known_time if len(value) <= _KEPT_LENGTH else _time_text)(value, micro)


def _time_text(text: str, micro: bool) -> str:
    if gotime.is_printed(text, micro=micro):
        return text
    if gotime.error(text, micro=micro):
        raise Anomaly
    return gotime.canonical(text, micro=micro)


_known_time: Final = lru_cache(4096)(_time_text)


def _bytes(value: Any) -> str:
    if type(value) is not str:
        raise Anomaly
    try:
        data = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        try:
            data = binascii.a2b_base64(value.replace("\n", "").replace("\r", ""), strict_mode=True)
        except ValueError:
            raise Anomaly from None
        return b64encode(data).decode()
    return value


def _any(value: Any) -> Any:
    return value


_SCALARS: Final[dict[str, Canon]] = {
    "string": _refuse,
    "boolean": _refuse,
    "int32": _int32,
    "int64": _int64,
    "number": _number,
    "quantity": _quantity,
    "int-or-string": _int_or_string,
    "time": _time,
    "micro-time": _micro_time,
    "duration": _int_or_string,
    "bytes": _bytes,
    "any": _any,
}
