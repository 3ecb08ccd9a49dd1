"""Google's protobuf library as the other side of our messages: descriptors made from the facts of the types.

`message_class(node)` is a real message class, with the field numbers and the types that generated.proto
files would declare. `tree_of(message, node)` and `fill(message, node, tree)` go between the two worlds.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from navarch.base import times
from navarch.schema.protobuf import EMPTY_MESSAGES, SCHEMA, SCHEMA_OR
from navarch.schema.types import Field, List, Map, Node, Scalar, Struct, Tree

Proto = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": Proto.TYPE_STRING,
    "int32": Proto.TYPE_INT32,
    "int64": Proto.TYPE_INT64,
    "number": Proto.TYPE_DOUBLE,
    "boolean": Proto.TYPE_BOOL,
    "bytes": Proto.TYPE_BYTES,
}
#: Messages of the types that are leaves in JSON: (field, number, type).
_LEAVES: dict[str, list[tuple[str, int, Any]]] = {
    "quantity": [("string", 1, Proto.TYPE_STRING)],
    "int-or-string": [("type", 1, Proto.TYPE_INT64), ("int", 2, Proto.TYPE_INT32), ("str", 3, Proto.TYPE_STRING)],
    "time": [("seconds", 1, Proto.TYPE_INT64), ("nanos", 2, Proto.TYPE_INT32)],
    "micro-time": [("seconds", 1, Proto.TYPE_INT64), ("nanos", 2, Proto.TYPE_INT32)],
    "duration": [("nanos", 1, Proto.TYPE_INT64)],
    "any": [("raw", 1, Proto.TYPE_BYTES)],
}


class Peer:
    """The messages that a set of types needs, in one descriptor file."""

    def __init__(self, *nodes: Struct) -> None:
        self._file = descriptor_pb2.FileDescriptorProto(name="facts.proto", package="k8s", syntax="proto2")
        self._names: dict[str, str] = {}
        for leaf, fields in _LEAVES.items():
            message = self._file.message_type.add(name=_leaf(leaf))
            for name, number, type_ in fields:
                message.field.add(name=name, number=number, type=type_, label=Proto.LABEL_OPTIONAL)
        extra = self._file.message_type.add(name="Strings")
        extra.field.add(name="items", number=1, type=Proto.TYPE_STRING, label=Proto.LABEL_REPEATED)
        self._file.message_type.add(name="Empty")
        for node in nodes:
            self._declare(node)
        self._pool = descriptor_pool.DescriptorPool()
        self._pool.Add(self._file)

    def message(self, node: Struct) -> Any:
        """A new, empty message of a type."""
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(f"k8s.{self._names[node.name]}"))()

    # --- descriptors

    def _declare(self, node: Struct) -> str:
        name = self._names.get(node.name)
        if name is None:
            name = self._names[node.name] = f"M{len(self._names)}"
            if node.name == SCHEMA:
                self._declare_schema_or(name)
            # By index: adding messages to the file moves the others.
            self._file.message_type.add(name=name)
            index = len(self._file.message_type) - 1
            self._members(index, node, node.fields, 0, name)
        return name

    def _declare_schema_or(self, schema: str) -> None:
        schema_type = f".k8s.{schema}"
        forms: dict[str, list[tuple[str, int, Any, Any, str]]] = {
            "schemas": [
                ("schema", 1, Proto.TYPE_MESSAGE, Proto.LABEL_OPTIONAL, schema_type),
                ("others", 2, Proto.TYPE_MESSAGE, Proto.LABEL_REPEATED, schema_type),
            ],
            "boolean": [
                ("schema", 2, Proto.TYPE_MESSAGE, Proto.LABEL_OPTIONAL, schema_type),
                ("others", 1, Proto.TYPE_BOOL, Proto.LABEL_OPTIONAL, ""),
            ],
            "strings": [
                ("schema", 1, Proto.TYPE_MESSAGE, Proto.LABEL_OPTIONAL, schema_type),
                ("others", 2, Proto.TYPE_STRING, Proto.LABEL_REPEATED, ""),
            ],
        }
        for form, fields in forms.items():
            message = self._file.message_type.add(name=f"Or_{form}")
            for name, number, type_, label, type_name in fields:
                message.field.add(name=name, number=number, type=type_, label=label, type_name=type_name or None)

    def _members(self, index: int, node: Struct, fields: dict[str, Field], level: int, name: str) -> None:
        embedded: dict[int, dict[str, Field]] = {}
        for field_name, field in fields.items():
            if len(field.inline) > level:
                if number := field.inline[level][1]:
                    embedded.setdefault(number, {})[field_name] = field
            elif field.number:
                label, type_, type_name = self._type(node, field_name, field.node, f"{name}_{field.number}")
                self._file.message_type[index].field.add(
                    name=f"f{field.number}", number=field.number, label=label, type=type_, type_name=type_name or None
                )
        for number, members in embedded.items():
            inner = f"{name}_inline{number}"
            self._file.message_type.add(name=inner)
            self._members(len(self._file.message_type) - 1, node, members, level + 1, inner)
            self._file.message_type[index].field.add(
                name=f"f{number}",
                number=number,
                label=Proto.LABEL_OPTIONAL,
                type=Proto.TYPE_MESSAGE,
                type_name=f".k8s.{inner}",
            )

    def _type(self, owner: Struct, name: str, node: Node, unique: str) -> tuple[Any, Any, str]:
        if (owner.name, name) in EMPTY_MESSAGES:
            return Proto.LABEL_OPTIONAL, Proto.TYPE_MESSAGE, ".k8s.Empty"
        special = f".k8s.Or_{SCHEMA_OR[name]}" if owner.name == SCHEMA and name in SCHEMA_OR else ""
        if isinstance(node, Map):
            value = (Proto.TYPE_MESSAGE, special) if special else self._single(node.value)
            entry = self._file.message_type.add(name=f"{unique}_entry")
            entry.field.add(name="key", number=1, type=Proto.TYPE_STRING, label=Proto.LABEL_OPTIONAL)
            entry.field.add(
                name="value", number=2, type=value[0], type_name=value[1] or None, label=Proto.LABEL_OPTIONAL
            )
            return Proto.LABEL_REPEATED, Proto.TYPE_MESSAGE, f".k8s.{unique}_entry"
        if special:
            return Proto.LABEL_OPTIONAL, Proto.TYPE_MESSAGE, special
        if isinstance(node, List):
            return Proto.LABEL_REPEATED, *self._single(node.item)
        return Proto.LABEL_OPTIONAL, *self._single(node)

    def _single(self, node: Node) -> tuple[Any, str]:
        if isinstance(node, Scalar):
            if node.name in _SCALARS:
                return _SCALARS[node.name], ""
            return Proto.TYPE_MESSAGE, f".k8s.{_leaf(node.name)}"
        if isinstance(node, List):
            return Proto.TYPE_MESSAGE, ".k8s.Strings"
        assert isinstance(node, Struct)
        return Proto.TYPE_MESSAGE, f".k8s.{self._declare(node)}"


def _leaf(name: str) -> str:
    return "Leaf_" + name.replace("-", "_")


# --- trees into messages


def fill(message: Any, node: Struct, tree: Tree) -> None:
    """Set the fields of a message from a tree."""
    for name, value in tree.items():
        field = node.fields[name]
        if value is None or not all(number for _, number in field.inline):
            continue
        target = message
        for _, number in field.inline:
            target = getattr(target, f"f{number}")
            target.SetInParent()
        _set(target, f"f{field.number}", node, name, field.node, value)


def _set(target: Any, attribute: str, owner: Struct, name: str, node: Node, value: Any) -> None:
    either = SCHEMA_OR.get(name, "") if owner.name == SCHEMA else ""
    if isinstance(node, Map):
        for key, item in value.items():
            entry = getattr(target, attribute).add(key=key)
            _put(entry, "value", owner, node.value, item, either)
    elif isinstance(node, List):
        for item in value:
            _append(getattr(target, attribute), node.item, item)
    elif (owner.name, name) in EMPTY_MESSAGES:
        getattr(target, attribute).SetInParent()
    else:
        _put(target, attribute, owner, node, value, either)


def _put(target: Any, attribute: str, owner: Struct, node: Node, value: Any, either: str) -> None:
    if either:
        _put_either(getattr(target, attribute), owner, value, either)
    elif isinstance(node, Scalar) and node.name in _SCALARS:
        setattr(target, attribute, base64.b64decode(value) if node.name == "bytes" else value)
    else:
        getattr(target, attribute).SetInParent()
        _fill_message(getattr(target, attribute), node, value)


def _put_either(target: Any, owner: Struct, value: Any, either: str) -> None:
    target.SetInParent()
    if isinstance(value, dict):
        target.schema.SetInParent()
        fill(target.schema, owner, value)
        if either == "boolean":
            target.others = True
    elif either == "boolean":
        target.others = value
    elif either == "strings":
        target.others.extend(value)
    else:
        for item in value:
            fill(target.others.add(), owner, item)


def _append(repeated: Any, node: Node, item: Any) -> None:
    if isinstance(node, Scalar) and node.name in _SCALARS:
        repeated.append(item)
    else:
        _fill_message(repeated.add(), node, item)


def _fill_message(message: Any, node: Node, value: Any) -> None:
    if isinstance(node, Struct):
        fill(message, node, value)
    elif isinstance(node, List):
        message.items.extend(value)
    else:
        assert isinstance(node, Scalar)
        _fill_leaf(message, node.name, value)


def _fill_leaf(message: Any, name: str, value: Any) -> None:
    match name:
        case "quantity":
            message.string = value
        case "int-or-string":
            message.type = int(isinstance(value, str))
            message.int = 0 if isinstance(value, str) else value
            message.str = value if isinstance(value, str) else ""
        case "time" | "micro-time":
            micros = round(times.parse(value) * 10**6)
            message.seconds, message.nanos = micros // 10**6, micros % 10**6 * 1000
        case "duration":
            message.nanos = times.parse_duration_nanos(value)
        case _:
            message.raw = orjson.dumps(value)
