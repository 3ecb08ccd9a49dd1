"""What exactly is wrong with a body: Go's own texts for wrong types, unknown and duplicate fields.

The slow twin of canon.py, walked only after the fast path found that something is odd. `Literal`
and `Pairs` keep what a plain parse loses: the digits of a number and repeated keys.

Source: encoding/json `UnmarshalTypeError` (outer struct, path without indices, Go type) and
sigs.k8s.io/json strict errors (path with indices, at most 100, in the order of the text).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from navarch.base import quantity
from navarch.schema import gotime
from navarch.schema.types import Field, List, Map, Node, Scalar, Struct

_MAX_STRICT: Final = 100
_GO_SCALARS: Final = {"boolean": "bool", "number": "float64", "bytes": "[]uint8"}
#: Scalars that no code of their own decodes.
_PLAIN: Final = frozenset({"string", "boolean", "int32", "int64", "number"})
_LIMITS: Final = {"int32": 2**31, "int64": 2**63}


class Literal(str):
    """A number as it was written."""


class Pairs(list[tuple[str, Any]]):
    """An object with its repeated keys."""


class Problems:
    """The first type error ("" if none) and all strict errors of a value. `conversion_error` is how the first one
    reads where no text was decoded, but a tree converted: after a strategic merge."""

    def __init__(self, node: Node, value: Any) -> None:
        self.type_error = ""
        self.conversion_error = ""
        self.strict: list[str] = []
        self._visit(node, value, go_type(node), "", "", ())

    def _visit(self, node: Node, value: Any, wanted: str, path: str, owner: str, fields: tuple[str, ...]) -> None:
        """`path` is the strict path, `owner` and `fields` the struct and the names that Go reports."""
        if value is None:
            return
        if isinstance(node, Scalar):
            error = _scalar_error(node.name, value, wanted, owner, fields)
            self._save(error, _conversion_error(value, wanted) if node.name in _PLAIN else error)
        elif isinstance(node, List):
            if not _is_array(value):
                self._save(_mismatch(_shape(value), wanted, owner, fields), _conversion_error(value, wanted))
                return
            item_type = wanted[2:] if wanted.startswith("[]") else go_type(node.item)
            for index, item in enumerate(value):
                self._visit(node.item, item, item_type, f"{path}[{index}]", owner, fields)
        elif not isinstance(value, Pairs | dict):
            self._save(_mismatch(_shape(value), wanted, owner, fields), _conversion_error(value, wanted))
        elif isinstance(node, Map):
            value_type = wanted.removeprefix("map[string]") if wanted.startswith("map[") else go_type(node.value)
            for key, item in self._members(value, path):
                self._visit(node.value, item, value_type, _join(path, key), owner, fields)
        else:
            self._struct(node, value, path, fields)

    def _struct(self, node: Struct, value: Any, path: str, fields: tuple[str, ...]) -> None:
        name = node.name.rsplit(".", 1)[-1]
        for key, item in self._members(value, path, node.fields):
            field = node.fields.get(key)
            if field is None:
                self._strict("unknown", _join(path, key))
                continue
            steps = tuple(step for step, _ in field.inline)
            wanted = field.go_type or go_type(field.node)
            self._visit(field.node, item, wanted, _join(path, key), name, (*fields, *steps, key))

    def _members(self, value: Any, path: str, known: dict[str, Field] | None = None) -> Iterable[tuple[str, Any]]:
        """The members in order, noting the repeated ones. Unknown fields may repeat."""
        seen: set[str] = set()
        for key, item in value if isinstance(value, Pairs) else value.items():
            if key in seen and (known is None or key in known):
                self._strict("duplicate", _join(path, key))
            seen.add(key)
            yield key, item

    def _strict(self, what: str, path: str) -> None:
        text = f'{what} field "{path}"'
        if text not in self.strict and len(self.strict) < _MAX_STRICT:
            self.strict.append(text)

    def _save(self, error: str, conversion_error: str) -> None:
        if error and not self.type_error:
            self.type_error, self.conversion_error = error, conversion_error


def loads(text: str | bytes) -> Any:
    """JSON that is known to be well-formed, with `Pairs` for objects and `Literal` for numbers."""
    return json.loads(text, object_pairs_hook=Pairs, parse_int=Literal, parse_float=Literal)


def repeated_keys(value: Any, path: str = "") -> list[str]:
    """The strict errors of repeated keys anywhere in a value, whatever its type."""
    found: list[str] = []
    if isinstance(value, Pairs):
        seen: set[str] = set()
        for key, item in value:
            if key in seen:
                found.append(f'duplicate field "{_join(path, key)}"')
            seen.add(key)
            found += repeated_keys(item, _join(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += repeated_keys(item, f"{path}[{index}]")
    return list(dict.fromkeys(found))


def go_type(node: Node) -> str:
    """The Go type of a node as reflection prints it."""
    if isinstance(node, Struct):
        return ".".join(node.name.split(".")[-2:])
    if isinstance(node, List):
        return "[]" + go_type(node.item)
    if isinstance(node, Map):
        return "map[string]" + go_type(node.value)
    return _GO_SCALARS.get(node.name, node.name)


def _scalar_error(name: str, value: Any, wanted: str, owner: str, fields: tuple[str, ...]) -> str:
    shape = _shape(value)
    if name in ("string", "boolean"):
        return "" if shape == ("string" if name == "string" else "bool") else _mismatch(shape, wanted, owner, fields)
    if name in _LIMITS:
        if shape != "number":
            return _mismatch(shape, wanted, owner, fields)
        return "" if _fits(value, name) else _mismatch(f"number {_digits(value)}", wanted, owner, fields)
    if name == "number":
        return "" if shape == "number" else _mismatch(shape, wanted, owner, fields)
    if name == "bytes":
        return base64_error(value) if shape == "string" else _mismatch(shape, wanted, owner, fields)
    if name in ("time", "micro-time", "duration"):
        if shape != "string":
            return _mismatch(shape, "string", owner, fields)
        return "" if name == "duration" else gotime.error(value, micro=name == "micro-time")
    if name == "int-or-string":
        if shape == "string" or (shape == "number" and _fits(value, "int32")):
            return ""
        return _mismatch(f"number {_digits(value)}" if shape == "number" else shape, "int32", owner, fields)
    return _quantity_error(value, shape) if name == "quantity" else ""


def _digits(value: Any) -> str:
    """A number as Go's JSON has it: YAML makes floats of large integers, which print all their digits."""
    whole = type(value) is float and value.is_integer() and abs(value) < 1e21
    return str(int(value) if whole else value)


def _mismatch(what: str, wanted: str, owner: str, fields: tuple[str, ...]) -> str:
    if not fields:
        return f"json: cannot unmarshal {what} into Go value of type {wanted}"
    return f"json: cannot unmarshal {what} into Go struct field {owner}.{'.'.join(fields)} of type {wanted}"


def _conversion_error(value: Any, wanted: str) -> str:
    """Source: apimachinery `runtime/converter.go`, from unstructured values to structs."""
    if wanted.startswith("map["):
        return f"cannot restore map from {_converted(value)[0]}"
    if wanted.startswith("[]"):
        return f"cannot restore slice from {_converted(value)[0]}"
    if "." in wanted:
        return f"cannot restore struct from: {_converted(value)[0]}"
    return f"cannot convert {_converted(value)[1]} to {wanted}"


def _converted(value: Any) -> tuple[str, str]:
    """The kind and the type that Go's reflection names for an unstructured value."""
    if isinstance(value, bool):
        return "bool", "bool"
    if isinstance(value, int | float):
        name = "int64" if isinstance(value, int) else "float64"
        return name, name
    if isinstance(value, str):
        return "string", "string"
    return ("slice", "[]interface {}") if _is_array(value) else ("map", "map[string]interface {}")


def _quantity_error(value: Any, shape: str) -> str:
    if shape not in ("string", "number"):
        return quantity.WRONG_FORMAT
    try:
        quantity.parse(str(value).strip())
    except quantity.QuantityError as error:
        return str(error)
    return ""


def _fits(value: Any, name: str) -> bool:
    try:
        number = int(str(value))
    except ValueError:
        return False
    return -_LIMITS[name] <= number < _LIMITS[name]


def base64_error(text: str) -> str:
    """Go names the offset of the first bad byte, or of the group that the text leaves unfinished."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    group: list[int] = []
    for at, char in enumerate(text):
        if char in "\r\n":
            continue
        if char == "=" and len(group) >= 2:
            rest = text[at + 1 :].replace("\r", "").replace("\n", "")
            if rest == ("=" if len(group) == 2 else ""):
                return ""
            unpaired = len(group) == 2 and rest and rest[0] != "="
            bad = at if unpaired else at + 2 if len(group) == 2 and rest else at + 1
            return f"illegal base64 data at input byte {bad}"
        if char not in alphabet:
            return f"illegal base64 data at input byte {at}"
        group = [at] if len(group) == 4 else [*group, at]
    return f"illegal base64 data at input byte {len(text) - len(group)}" if len(group) % 4 else ""


def _shape(value: Any) -> str:
    """What Go calls a JSON value."""
    if isinstance(value, Literal):
        return "number"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if _is_array(value) else "object"


def _is_array(value: Any) -> bool:
    return isinstance(value, list) and not isinstance(value, Pairs)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
