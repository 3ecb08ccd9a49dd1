"""The version 2 OpenAPI document in its protobuf form, which client-go asks for.

Only what our documents hold is encoded: no examples, no XML, no OAuth. Called by openapi.py once
per change of kinds; a message is a function from the JSON tree to bytes.

Source: field numbers of openapi.v2 in gnostic-models.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from navarch.schema.protobuf_values import varint
from navarch.schema.types import Tree

MEDIA_TYPE: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
#: What clients say for it. It is no valid media type: their own parser refuses an answer that is so called.
ASKED: Final = ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", MEDIA_TYPE)

_METHODS: Final = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}
#: Schema fields by how their values are written.
_SCHEMA_TEXT: Final = {"format": 2, "title": 3, "description": 4, "pattern": 13}
_SCHEMA_NUMBER: Final = {"multipleOf": 6, "maximum": 7, "minimum": 9}
_SCHEMA_FLAG: Final = {"exclusiveMaximum": 8, "exclusiveMinimum": 10, "uniqueItems": 16}
_SCHEMA_COUNT: Final = {
    "maxLength": 11,
    "minLength": 12,
    "maxItems": 14,
    "minItems": 15,
    "maxProperties": 17,
    "minProperties": 18,
}


def encode(document: Tree) -> bytes:
    """The Document message of a version 2 document."""
    security = document["securityDefinitions"]
    definitions = b"".join(_named(1, name, _schema(s)) for name, s in document["definitions"].items())
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    parts = [
        _text(1, document["swagger"]),
        _bytes(2, info),
        _bytes(8, b"".join(_named(2, path, _path(item)) for path, item in document["paths"].items())),
        _bytes(9, definitions),
        *(_bytes(12, _named(1, name, b"")) for name in security),
        _bytes(13, b"".join(_named(1, name, _bytes(2, _api_key(s))) for name, s in security.items())),
    ]
    return b"".join(parts)


def _path(item: Tree) -> bytes:
    out = b"".join(_bytes(number, _operation(item[method])) for method, number in _METHODS.items() if method in item)
    return out + b"".join(_bytes(9, _parameter(p)) for p in item.get("parameters", ()))


def _operation(operation: Tree) -> bytes:
    responses = b"".join(_named(1, code, _bytes(1, _response(r))) for code, r in operation["responses"].items())
    return b"".join(
        [
            _texts(1, operation.get("tags", ())),
            _text(5, operation.get("operationId", "")),
            _texts(6, operation.get("produces", ())),
            _texts(7, operation.get("consumes", ())),
            b"".join(_bytes(8, _parameter(p)) for p in operation.get("parameters", ())),
            _bytes(9, responses),
            _texts(10, operation.get("schemes", ())),
            _extensions(13, operation),
        ]
    )


def _response(response: Tree) -> bytes:
    out = _text(1, response["description"])
    return out + (_bytes(2, _bytes(1, _schema(response["schema"]))) if "schema" in response else b"")


def _parameter(parameter: Tree) -> bytes:
    """A ParametersItem: parameter / body or non-body / query or path."""
    if parameter["in"] == "body":
        body = _text(2, parameter["name"]) + _text(3, "body") + _flag(4, parameter.get("required", False))
        return _bytes(1, _bytes(1, body + _bytes(5, _schema(parameter["schema"]))))
    query = parameter["in"] == "query"
    plain = b"".join(
        [
            _flag(1, parameter.get("required", False)),
            _text(2, parameter["in"]),
            _text(4, parameter["name"]),
            _text(6 if query else 5, parameter["type"]),
            _flag(20 if query else 19, parameter.get("uniqueItems", False)),
        ]
    )
    return _bytes(1, _bytes(2, _bytes(3 if query else 4, plain)))


def _schema(schema: Tree) -> bytes:
    parts = [_text(1, schema["$ref"])] if isinstance(schema.get("$ref"), str) else []
    for numbers, write in _WRITERS:
        parts += [write(number, schema[key]) for key, number in numbers.items() if key in schema]
    if "default" in schema:
        parts.append(_bytes(5, _any(schema["default"])))
    parts.append(_texts(19, schema.get("required", ())))
    parts += [_bytes(20, _any(value)) for value in schema.get("enum", ())]
    additional = schema.get("additionalProperties")
    if additional is not None:
        is_schema = isinstance(additional, dict)
        parts.append(_bytes(21, _bytes(1, _schema(additional)) if is_schema else _flag(2, additional)))
    if "type" in schema:
        parts.append(_bytes(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_bytes(23, _bytes(1, _schema(schema["items"]))))
    if properties := schema.get("properties"):
        parts.append(_bytes(25, b"".join(_named(1, name, _schema(s)) for name, s in properties.items())))
    parts.append(_extensions(31, schema))
    return b"".join(parts)


def _api_key(security: Tree) -> bytes:
    fields = ("type", "name", "in", "description")
    return b"".join(_text(number, security[key]) for number, key in enumerate(fields, 1))


def _extensions(number: int, tree: Tree) -> bytes:
    return b"".join(_named(number, key, _any(value)) for key, value in tree.items() if key.startswith("x-"))


def _any(value: Any) -> bytes:
    """Any value as YAML, of which JSON is a part."""
    return _text(2, orjson.dumps(value).decode())


# --- the wire: a key, then a varint, eight bytes, or a length and bytes


def _named(number: int, name: str, value: bytes) -> bytes:
    return _bytes(number, _text(1, name) + _bytes(2, value))


def _texts(number: int, values: Iterable[str]) -> bytes:
    return b"".join(_text(number, value) for value in values)


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode()) if value else b""


def _bytes(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def _flag(number: int, value: bool) -> bytes:
    return varint(number << 3) + b"\x01" if value else b""


def _count(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def _number(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


_WRITERS: Final[tuple[tuple[dict[str, int], Callable[[int, Any], bytes]], ...]] = (
    (_SCHEMA_TEXT, _text),
    (_SCHEMA_NUMBER, _number),
    (_SCHEMA_FLAG, _flag),
    (_SCHEMA_COUNT, _count),
)
