"""Custom resource types: a CustomResourceDefinition's schema as nodes, and what is done along them.

The order on every request and on every read from storage: `prune`, `drop_nulls`, `fill_defaults`;
then `validate` on writes. Custom resources keep empty values and the order of fields that they were
given: unlike built-in types they never pass through Go structs. Only their metadata does.

Worked example:
    >>> node = compile_crd({"type": "object", "properties": {"spec": {
    ...     "type": "object", "properties": {"n": {"type": "integer", "default": 1, "maximum": 9}}}}}, "Gamma")
    >>> tree = {"spec": {"m": 2}}
    >>> prune(node, tree)
    ['spec.m']
    >>> fill_defaults(node, tree); tree
    {'spec': {'n': 1}}

Source: apiextensions structural schemas (KEP 95).
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from navarch.base.field import FieldError
from navarch.schema import facts, types
from navarch.schema.cel_rules import check_rules
from navarch.schema.rules import MISSING, Rules, check, check_lists, compile_rules
from navarch.schema.types import Field, List, Map, Node, Scalar, Struct, Tree

_OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_INTEGERS: Final = {"int32": "int32", "int64": "int64"}


def compile_crd(schema: Tree, name: str) -> Struct:
    """The type of a whole custom resource. An empty schema keeps everything."""
    node = _struct(schema, name)
    if not schema:
        node.preserve_unknown = True
    _add_object_fields(node)
    node.rules = compile_rules(schema)
    return node


def prune(node: Node, value: Any, path: str = "") -> list[str]:
    """Drop the fields that the schema does not have, in place, and answer their paths."""
    dropped: list[str] = []
    _prune(node, value, path, dropped)
    return dropped


def drop_nulls(node: Node, value: Any) -> None:
    """Drop nulls where the schema allows none: a default, if there is one, comes up in their place."""
    if isinstance(value, list):
        inner = node.item if isinstance(node, List) else types.ANY
        for item in value:
            drop_nulls(inner, item)
    elif isinstance(value, dict):
        for key in list(value):
            field = node.fields.get(key) if isinstance(node, Struct) else None
            if value[key] is None and field is not None and not field.nullable:
                del value[key]
            elif field is not None:
                drop_nulls(field.node, value[key])
            elif isinstance(node, Map):
                drop_nulls(node.value, value[key])


def fill_defaults(node: Node, value: Any) -> None:
    """Set absent fields to their defaults, in place, also inside of defaults."""
    if isinstance(node, Struct) and isinstance(value, dict):
        for name, field in node.fields.items():
            if name not in value and field.default is not None:
                value[name] = deepcopy(field.default)
            if name in value:
                fill_defaults(field.node, value[name])
    elif isinstance(node, Map) and isinstance(value, dict):
        for item in value.values():
            fill_defaults(node.value, item)
    elif isinstance(node, List) and isinstance(value, list):
        for item in value:
            fill_defaults(node.item, item)


def validate(node: Struct, tree: Tree, old: Tree | None = None) -> list[FieldError]:
    """All errors of a custom resource against its schema; with `old` unchanged parts are not judged."""
    rules: Rules = node.rules
    errors = list(check(rules, tree, "", MISSING if old is None else old)) or list(check_lists(rules, tree))
    if errors or not rules.cel:
        return errors
    return list(check_rules(rules.cel, tree) if old is None else check_rules(rules.cel, tree, old))


def _prune(node: Node, value: Any, path: str, dropped: list[str]) -> None:
    if isinstance(value, list):
        if isinstance(node, List):
            for index, item in enumerate(value):
                _prune(node.item, item, f"{path}[{index}]", dropped)
        return
    if not isinstance(value, dict):
        return
    for key in list(value):
        below = f"{path}.{key}" if path else key
        if isinstance(node, Map):
            _prune(node.value, value[key], below, dropped)
        elif isinstance(node, Struct):
            field = node.fields.get(key)
            if field is not None:
                _prune(field.node, value[key], below, dropped)
            elif not node.preserve_unknown:
                del value[key]
                dropped.append(below)


def node_of(schema: Tree, name: str) -> Node:
    """The type of a part of a custom resource; `name` is for messages."""
    if schema.get("x-kubernetes-int-or-string"):
        return types.INT_OR_STRING
    kind = schema.get("type", "")
    if kind == "object":
        additional = schema.get("additionalProperties")
        if additional is not None and not schema.get("properties"):
            inner = node_of(additional, name) if isinstance(additional, dict) else types.ANY
            return Map(inner, atomic=schema.get("x-kubernetes-map-type") == "atomic")
        return _struct(schema, name)
    if kind == "array":
        keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        list_type = schema.get("x-kubernetes-list-type", "atomic")
        return List(node_of(schema.get("items") or {}, name), list_type, keys)
    if kind == "integer":
        return Scalar(_INTEGERS.get(schema.get("format", ""), "int64"))
    return {"string": types.STRING, "number": types.NUMBER, "boolean": types.BOOLEAN}.get(kind, types.ANY)


def _struct(schema: Tree, name: str) -> Struct:
    wanted = schema.get("required") or ()
    node = Struct(
        name,
        {
            key: Field(
                node_of(sub, f"{name}.{key}"),
                required=key in wanted,
                default=sub.get("default"),
                nullable=sub.get("nullable", False),
                presence="keep",
            )
            for key, sub in (schema.get("properties") or {}).items()
        },
        atomic=schema.get("x-kubernetes-map-type") == "atomic",
        preserve_unknown=schema.get("x-kubernetes-preserve-unknown-fields", False),
        embedded=schema.get("x-kubernetes-embedded-resource", False),
    )
    if node.embedded:
        _add_object_fields(node)
    return node


def _add_object_fields(node: Struct) -> None:
    """What every API object has, whatever its schema says."""
    node.fields = {
        "apiVersion": Field(types.STRING),
        "kind": Field(types.STRING),
        **node.fields,
        "metadata": Field(facts.load().type(_OBJECT_META)),
    }
