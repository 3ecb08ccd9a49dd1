"""Request bodies in Kubernetes' protobuf form, which Go clients send by default: bytes to a tree.

A body is the magic `k8s\\0` and a `runtime.Unknown` message, which names kind and version and holds the
object's own message. Field numbers are facts of the types (`Field.number`, `Field.inline`); types with
a JSON form of their own (Quantity, Time, IntOrString, RawExtension) have a message form of their own too.
What is decoded is JSON-like and not yet in normal form: Go writes the zero value of every field that is
no pointer, and `decode.normalize` drops those like it does for JSON.

Source: apimachinery `runtime/serializer/protobuf`; the generated.proto files for the special messages.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from navarch.base.times import format_duration, format_micro, format_time
from navarch.schema.canon import canon
from navarch.schema.types import Field, List, Map, Node, Scalar, Struct, Tree

MAGIC = b"k8s\x00"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

#: The type whose fields may hold a schema or something else, and what else; each has a message of its own.
SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
SCHEMA_OR = {
    "items": "schemas",
    "additionalItems": "boolean",
    "additionalProperties": "boolean",
    "dependencies": "strings",
}

#: (type, field) of objects that have no fields.
EMPTY_MESSAGES = frozenset(
    {("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresources", "status")}
)

#: Nesting deeper than this is refused, as Go's decoder does with recursive types.
MAX_DEPTH = 100

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class ProtobufError(ValueError):
    """Bytes that are no such message; the text says what is wrong."""


def decode(raw: bytes, node: Struct) -> Tree:
    """The tree of a whole body, kind and apiVersion included. Raises: ProtobufError."""
    if not raw.startswith(MAGIC):
        raise ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    type_meta, message = b"", b""
    for number, value in _fields(raw, len(MAGIC), len(raw)):
        if number == 1:
            type_meta = _bytes(value)
        elif number == 2:
            message = _bytes(value)
    named = {number: _bytes(value).decode() for number, value in _fields(type_meta, 0, len(type_meta))}
    head = {"kind": named.get(2, ""), "apiVersion": named.get(1, "")}
    tree: Tree = {name: value for name, value in head.items() if value}
    tree.update(_message(node)(message, 0))
    return tree


# --- the wire


def _fields(raw: bytes, position: int, end: int) -> Iterator[tuple[int, Any]]:
    """(field number, value) in order; a value is an int or the bytes of a string, message or fixed number."""
    try:
        while position < end:
            key, position = _varint(raw, position)
            number, wire = key >> 3, key & 7
            if wire == _VARINT:
                value, position = _varint(raw, position)
                yield number, value
                continue
            if wire == _BYTES:
                size, position = _varint(raw, position)
            elif wire in (_FIXED64, _FIXED32):
                size = 8 if wire == _FIXED64 else 4
            else:
                raise ProtobufError(f"proto: illegal wireType {wire}")
            if position + size > end:
                raise ProtobufError("unexpected EOF")
            yield number, raw[position : position + size]
            position += size
    except IndexError:
        raise ProtobufError("unexpected EOF") from None


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = raw[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7
        if shift > 63:
            raise ProtobufError("proto: integer overflow")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _integer(value: Any) -> int:
    if not isinstance(value, int):
        raise ProtobufError("proto: wrong wireType = 2 for a number")
    return _signed(value)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise ProtobufError("proto: wrong wireType = 0 for a field with a length")
    return value


# --- messages, compiled once per type

#: (message bytes, depth) -> tree
_Decode = Callable[[bytes, int], Any]
#: Takes one value of a field into the object that is being built.
_Take = Callable[[Tree, Any, int], None]

_compiled: dict[Struct, _Decode] = {}


def _message(node: Struct) -> _Decode:
    found = _compiled.get(node)
    if found is None:
        takes: dict[int, _Take] = {}

        def decode_message(raw: bytes, depth: int) -> Tree:
            if depth > MAX_DEPTH:
                raise ProtobufError("proto: the message is nested too deeply")
            tree: Tree = {}
            for number, value in _fields(raw, 0, len(raw)):
                take = takes.get(number)
                if take is not None:
                    take(tree, value, depth + 1)
            return tree

        # Known before its fields are compiled: types may contain themselves.
        found = _compiled[node] = decode_message
        _compile(node, node.fields, 0, takes)
    return found


def _compile(node: Struct, fields: dict[str, Field], level: int, takes: dict[int, _Take]) -> None:
    """Fill the table of one message: its own fields, and the embedded structs at this level."""
    embedded: dict[int, dict[str, Field]] = {}
    for name, field in fields.items():
        if len(field.inline) > level:
            number = field.inline[level][1]
            if number:
                embedded.setdefault(number, {})[name] = field
        elif field.number:
            takes[field.number] = _take(name, field.node, _special(node, name))
    for number, inner in embedded.items():
        takes[number] = _take_embedded(node, inner, level + 1)


def _take_embedded(node: Struct, fields: dict[str, Field], level: int) -> _Take:
    """An embedded struct: its message's fields belong to the object around it."""
    takes: dict[int, _Take] = {}
    _compile(node, fields, level, takes)

    def take(tree: Tree, value: Any, depth: int) -> None:
        raw = _bytes(value)
        for number, inner in _fields(raw, 0, len(raw)):
            if (inner_take := takes.get(number)) is not None:
                inner_take(tree, inner, depth)

    return take


def _take(name: str, node: Node, special: _Decode | None = None) -> _Take:
    if isinstance(node, Map):
        return _take_entry(name, special or _value(node.value))
    if isinstance(node, List):
        return _take_item(name, node)
    value_of = special or _value(node)

    def take(tree: Tree, value: Any, depth: int) -> None:
        tree[name] = value_of(value, depth)

    return take


def _take_item(name: str, node: List) -> _Take:
    value_of = _value(node.item)
    packed = isinstance(node.item, Scalar) and node.item.name in ("int32", "int64")

    def take(tree: Tree, value: Any, depth: int) -> None:
        items = tree.setdefault(name, [])
        if packed and isinstance(value, bytes):
            position = 0
            while position < len(value):
                number, position = _varint(value, position)
                items.append(_signed(number))
        else:
            items.append(value_of(value, depth))

    return take


def _take_entry(name: str, value_of: _Decode) -> _Take:
    """A map is repeated messages of key (1) and value (2)."""

    def take(tree: Tree, value: Any, depth: int) -> None:
        raw = _bytes(value)
        key, item = "", None
        for number, part in _fields(raw, 0, len(raw)):
            if number == 1:
                key = _bytes(part).decode()
            elif number == 2:
                item = part
        tree.setdefault(name, {})[key] = value_of(b"" if item is None else item, depth)

    return take


def _value(node: Node) -> _Decode:
    if isinstance(node, Scalar):
        return _SCALARS[node.name]
    if isinstance(node, List):
        # A named slice type, as the values of `extra` in UserInfo: a message of items (1).
        take = _take_item("items", node)

        def items(value: bytes, depth: int) -> Any:
            holder: Tree = {"items": []}
            for number, part in _fields(value, 0, len(value)):
                if number == 1:
                    take(holder, part, depth)
            return holder["items"]

        return items
    if isinstance(node, Map):
        raise ProtobufError("a map of maps has no protobuf form")
    return lambda value, depth: _message(node)(_bytes(value), depth)


# --- types with a form of their own


def _double(value: Any, _depth: int) -> float:
    raw = _bytes(value)
    if len(raw) != 8:
        raise ProtobufError("proto: wrong wireType for a number")
    number: float = struct.unpack("<d", raw)[0]
    return number


def _parts(value: Any) -> dict[int, Any]:
    raw = _bytes(value)
    return dict(_fields(raw, 0, len(raw)))


def _quantity(value: Any, _depth: int) -> str:
    return _bytes(_parts(value).get(1, b"0")).decode()


def _int_or_string(value: Any, _depth: int) -> int | str:
    parts = _parts(value)
    if parts.get(1, 0) == 1:
        return _bytes(parts.get(3, b"")).decode()
    return _integer(parts.get(2, 0))


def _moment(show: Callable[[float], str]) -> _Decode:
    def moment(value: Any, _depth: int) -> str | None:
        parts = _parts(value)
        if not parts:
            return None
        try:
            return show(_integer(parts.get(1, 0)) + _integer(parts.get(2, 0)) / 1e9)
        except (OverflowError, ValueError):
            raise ProtobufError("proto: a time outside of the calendar") from None

    return moment


def _duration(value: Any, _depth: int) -> str:
    return format_duration(_integer(_parts(value).get(1, 0)) / 1e9)


def _raw_json(value: Any, _depth: int) -> Any:
    raw = _bytes(_parts(value).get(1, b""))
    return orjson.loads(raw) if raw else None


def _special(owner: Struct, name: str) -> _Decode | None:
    """How a field is read whose type has several JSON forms, None for all others."""
    if (owner.name, name) in EMPTY_MESSAGES:
        return lambda value, depth: {}
    either = SCHEMA_OR.get(name) if owner.name == SCHEMA else None
    if either is None:
        return None
    schema_number = 2 if either == "boolean" else 1

    def schema(value: Any, depth: int) -> Tree:
        # To the walk over the object this is JSON of any form: nobody else drops its zeros.
        inner: Tree = canon(owner)(_message(owner)(_bytes(value), depth))
        return inner

    def schema_or(value: Any, depth: int) -> Any:
        raw = _bytes(value)
        others: Any = []
        for number, part in _fields(raw, 0, len(raw)):
            if number == schema_number:
                return schema(part, depth)
            if either == "boolean":
                others = bool(part)
            else:
                others.append(_bytes(part).decode() if either == "strings" else schema(part, depth))
        return bool(others) if either == "boolean" else others

    return schema_or


_SCALARS: dict[str, _Decode] = {
    "string": lambda value, _: _bytes(value).decode(),
    "int32": lambda value, _: _integer(value),
    "int64": lambda value, _: _integer(value),
    "number": _double,
    "boolean": lambda value, _: bool(value),
    "bytes": lambda value, _: base64.b64encode(_bytes(value)).decode(),
    "quantity": _quantity,
    "int-or-string": _int_or_string,
    "time": _moment(format_time),
    "micro-time": _moment(format_micro),
    "duration": _duration,
    "any": _raw_json,
}
