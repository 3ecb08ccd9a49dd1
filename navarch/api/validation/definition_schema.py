"""The OpenAPI schema in a CustomResourceDefinition: structural, with defaults that fit, and known extensions.

Source: apiextensions-apiserver `pkg/apis/apiextensions/validation` (order of checks, texts), and
`pkg/apiserver/schema/defaulting` for defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Final

from navarch.api.validation.cel_check import UNKNOWN, schema_type
from navarch.api.validation.cel_cost import Budget, occurrences_below
from navarch.api.validation.definition_rules import expression_errors, rule_errors
from navarch.api.validation.definition_structure import (
    EMBEDDED,
    LIST_TYPE,
    MAP_KEYS,
    MAP_TYPE,
    PRESERVE,
    RULES,
    alternatives,
    children,
    structural_errors,
    unsupported,
)
from navarch.api.validation.go_form import shown
from navarch.api.validation.rules import Errors
from navarch.base.field import FieldError, forbidden_field, invalid_value, not_supported, required
from navarch.schema.rules import check, compile_rules
from navarch.schema.structural import node_of, prune
from navarch.schema.types import Tree

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_LIST_TYPES: Final = ("atomic", "set", "map")
_MAP_TYPES: Final = ("atomic", "granular")
_OF_METADATA: Final = ("metadata", "kind", "apiVersion")
#: What the root of a schema may say where the status has an endpoint of its own, in Go's order.
_AT_ROOT: Final = {
    "description": "Description",
    "type": "Type",
    "format": "Format",
    "title": "Title",
    "maximum": "Maximum",
    "exclusiveMaximum": "ExclusiveMaximum",
    "minimum": "Minimum",
    "exclusiveMinimum": "ExclusiveMinimum",
    "maxLength": "MaxLength",
    "minLength": "MinLength",
    "pattern": "Pattern",
    "maxItems": "MaxItems",
    "minItems": "MinItems",
    "uniqueItems": "UniqueItems",
    "multipleOf": "MultipleOf",
    "required": "Required",
    "items": "Items",
    "properties": "Properties",
    "externalDocs": "ExternalDocs",
    "example": "Example",
    PRESERVE: "XPreserveUnknownFields",
    RULES: "XValidations",
}
_ROOT_TEXT: Final = (
    f"only [{' '.join(_AT_ROOT.values())}] fields are allowed at the root of the schema if the status subresource "
    "is enabled"
)
_FORMATS: Final = frozenset(
    (
        *(
            "bsonobjectid",
            "byte",
            "cidr",
            "creditcard",
            "date",
            "datetime",
            "duration",
            "email",
            "hexcolor",
            "hostname",
        ),
        *("ipv4", "ipv6", "isbn", "isbn10", "isbn13", "k8slongname", "k8sshortname", "mac", "password", "rgbcolor"),
        *("ssn", "uri", "uuid", "uuid3", "uuid4", "uuid5"),
    )
)


@dataclass(frozen=True, slots=True)
class _Place:
    """What holds at a place of a schema and below it."""

    root: bool = False
    #: Rules are looked at. Below allOf and its likes, and in schemas that are not structural, they are not.
    rules: bool = True
    in_metadata: bool = False
    #: Why there can be no default; empty if there can.
    no_default: str = ""
    #: The highest list above whose items cannot be told apart between two versions of an object.
    uncorrelated: str = ""


class _Checker:
    """The checks of one schema, those of its parts before its own."""

    def __init__(self, times: Mapping[str, float]) -> None:
        self.budget = Budget()
        self._times = times

    def errors(self, node: Tree, path: str, place: _Place) -> tuple[Errors, Errors]:
        """Those of the schema, and those of its rules: rules are compiled where the schema is right."""
        errors, of_rules = _keyword_errors(node, path, place), []
        for where, child, below in _below(node, path, place):
            found, found_rules = self.errors(child, where, below)
            errors += found
            of_rules += found_rules
        errors += _extension_errors(node, path)
        for index, rule in enumerate(node.get(RULES) or ()):
            errors += rule_errors(rule or {}, node, f"{path}.{RULES}[{index}]")
        if place.rules and not errors:
            of_rules += self.budget.rule_errors(node, path, self._times.get(path, 1))
            own = schema_type(node) if node.get(RULES) else UNKNOWN
            for index, rule in enumerate(node.get(RULES) or ()):
                of_rules += expression_errors(rule, own, f"{path}.{RULES}[{index}]", place.uncorrelated)
        return errors, of_rules


def schema_errors(schema: Tree, path: str, *, with_status: bool = False) -> Errors:
    """All errors of a root schema. Defaults are looked at only if the schema is structural, rules only if the
    defaults are right. `with_status`: objects have a status subresource."""
    errors = _beside_status_errors(schema, path) if with_status else []
    if schema.get("nullable"):
        errors.append(forbidden_field(f"{path}.nullable", "nullable cannot be true at the root"))
    why = unsupported(schema)
    faults = [] if why else structural_errors(schema, path) or _default_errors(schema, path)
    checker = _Checker(dict(occurrences_below(schema, path)))
    found, found_rules = checker.errors(schema, path, _Place(root=True, rules=not why and not faults))
    errors += faults + found + found_rules
    if why and not errors:
        errors.append(invalid_value(path, "", why))
    return errors + checker.budget.total_errors(path)


def _beside_status_errors(schema: Tree, path: str) -> Errors:
    kind = schema.get("type")
    if any(value and name not in _AT_ROOT for name, value in schema.items()):
        return [invalid_value(path, shown("JSONSchema", schema), _ROOT_TEXT)]
    if kind and kind != "object":
        text = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        return [invalid_value(f"{path}.type", kind, text)]
    return []


def unknown_formats(schema: Tree) -> Iterator[str]:
    """The formats of texts that Kubernetes does not know."""
    for _, node in _walk(schema, ""):
        given = node.get("format") or ""
        if node.get("type") == "string" and given and given.replace("-", "") not in _FORMATS:
            yield given


def _walk(schema: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    yield path, schema
    for where, child, _ in children(schema, path):
        yield from _walk(child, where)


def _below(node: Tree, path: str, place: _Place) -> Iterator[tuple[str, Tree, _Place]]:
    """Everything below, what only has meaning elsewhere included."""
    below = replace(place, root=False)
    if isinstance(rest := node.get("additionalProperties"), dict):
        reason = "inside additionalProperties applying to object metadata" if place.in_metadata else place.no_default
        yield f"{path}.additionalProperties", rest, replace(below, no_default=reason)
    for name, child in (node.get("properties") or {}).items():
        inside = below
        if name in _OF_METADATA and (place.root or node.get(EMBEDDED)):
            reason = f"in top-level {name}" if place.root else place.no_default
            inside = replace(below, in_metadata=True, no_default=reason)
        yield f"{path}.properties[{name}]", child if isinstance(child, dict) else {}, inside
    without_rules = replace(below, rules=False)
    for where, nested in alternatives(node, path):
        yield where, nested, without_rules
    for key in ("definitions", "dependencies"):
        for name, child in (node.get(key) or {}).items():
            if isinstance(child, dict):
                yield f"{path}.{key}[{name}]", child, without_rules
    items = node.get("items")
    unordered = "" if node.get(LIST_TYPE) == "map" else path
    inside = replace(below, uncorrelated=place.uncorrelated or unordered)
    if isinstance(items, dict):
        yield f"{path}.items", items, inside
    elif isinstance(items, list):
        for index, child in enumerate(items):
            yield f"{path}.items[{index}]", child or {}, inside


def _default_errors(schema: Tree, path: str) -> Errors:
    errors: Errors = []
    for where, node in _walk(schema, path):
        if node.get("default") is None:
            continue
        if prune(node_of(node, ""), deepcopy(node["default"])):
            errors.append(invalid_value(f"{where}.default", node["default"], "must not have unknown fields"))
        whole = node.get("type") == "integer"
        for key, word in (("maximum", "Maximum"), ("minimum", "Minimum")):
            if whole and isinstance(node.get(key), float):
                errors.append(invalid_value(f"{where}.default", "", f"{word} boundary {_NO_INTEGER}"))
        for error in check(compile_rules(node), node["default"], ""):
            place = f"{where}.default" + (f".{error.path}" if error.path else "")
            errors.append(FieldError(error.reason, place, error.detail, error.value))
        if whole and isinstance(node["default"], float):
            errors.append(invalid_value(f"{where}.default", "", f"Checked {_NO_INTEGER}"))
    return errors


_NO_INTEGER: Final = "value must be of type integer (default format) in "


def _keyword_errors(node: Tree, path: str, place: _Place) -> Errors:
    errors: Errors = []
    kind = node.get("type", "")
    if kind and kind not in _TYPES:
        errors.append(not_supported(f"{path}.type", kind, _TYPES))
    if node.get("default") is not None and place.no_default:
        errors.append(forbidden_field(f"{path}.default", f"must not be set {place.no_default}"))
    for key in ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"):
        if node.get(key) not in (None, "", {}) or (key == "$ref" and key in node):
            errors.append(forbidden_field(f"{path}.{key}", f"{key} is not supported"))
    if kind == "null":
        errors.append(forbidden_field(f"{path}.type", "type cannot be set to null, use nullable as an alternative"))
    if isinstance(node.get("items"), list):
        errors.append(forbidden_field(f"{path}.items", "items must be a schema object and not an array"))
    if place.in_metadata and node.get(EMBEDDED):
        errors.append(forbidden_field(f"{path}.{EMBEDDED}", "must not be used inside of resource meta"))
    if node.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden_field(f"{path}.uniqueItems", text))
    if node.get("additionalProperties") not in (None, True) and node.get("properties"):
        text = "additionalProperties and properties are mutual exclusive"
        errors.append(forbidden_field(f"{path}.additionalProperties", text))
    return errors


def _extension_errors(node: Tree, path: str) -> Errors:
    errors: Errors = []
    if node.get(PRESERVE) is False:
        errors.append(invalid_value(f"{path}.{PRESERVE}", False, "must be true or undefined"))
    map_type, kind = node.get(MAP_TYPE), node.get("type", "")
    if map_type is not None and kind != "object":
        errors.append(_wants_type("object", kind, path, MAP_TYPE))
    if map_type is not None and map_type not in _MAP_TYPES:
        errors.append(not_supported(f"{path}.{MAP_TYPE}", map_type, _MAP_TYPES))
    return errors + _list_errors(node, path)


def _wants_type(wanted: str, kind: str, path: str, extension: str) -> FieldError:
    text = f"must be {wanted} if {extension} is specified"
    return invalid_value(f"{path}.type", kind, text) if kind else required(f"{path}.type", text)


def _list_errors(node: Tree, path: str) -> Errors:
    errors: Errors = []
    list_type, keys, kind = node.get(LIST_TYPE), node.get(MAP_KEYS) or [], node.get("type", "")
    where, items = f"{path}.{LIST_TYPE}", node.get("items")
    if list_type is not None and kind != "array":
        errors.append(_wants_type("array", kind, path, LIST_TYPE))
    elif list_type == "set" and isinstance(items, dict):
        errors += _set_item_errors(items, f"{path}.items")
    if list_type is not None and list_type not in _LIST_TYPES:
        errors.append(not_supported(where, list_type, _LIST_TYPES))
    if keys and list_type != "map":
        text = "must be map if x-kubernetes-list-map-keys is non-empty"
        errors.append(required(where, text) if list_type is None else invalid_value(where, list_type, text))
    if list_type == "map":
        errors += _map_item_errors(node, keys, path)
    if list_type in ("set", "map") and isinstance(items, dict):
        errors += _identity_errors(items, keys, list_type, f"{path}.items")
    return errors


def _set_item_errors(items: Tree, path: str) -> Errors:
    """Items that are compared must be whole."""
    text = "must be atomic as item of a list with x-kubernetes-list-type=set"
    kind, list_type = items.get("type"), items.get(LIST_TYPE)
    if kind == "array" and list_type not in (None, "atomic"):
        return [invalid_value(f"{path}.{LIST_TYPE}", list_type, text)]
    if kind == "object" and items.get(MAP_TYPE) != "atomic":
        return [invalid_value(f"{path}.{MAP_TYPE}", list_type, text)]
    return []


def _map_item_errors(node: Tree, keys: list[str], path: str) -> Errors:
    """Items that are told apart by keys have these keys."""
    where, items = f"{path}.{MAP_KEYS}", node.get("items")
    if not keys:
        return [required(where, "must not be empty if x-kubernetes-list-type is map")]
    if not isinstance(items, dict):
        if items is None:
            return [required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map")]
        several = [shown("JSONSchema", each) for each in items] if isinstance(items, list) else None
        text = "must only have a single schema if x-kubernetes-list-type is map"
        return [invalid_value(f"{path}.items", {"Schema": None, "JSONSchemas": several}, text)]
    if items.get("type") != "object":
        text = "must be object if parent array's x-kubernetes-list-type is map"
        return [invalid_value(f"{path}.items.type", items.get("type", ""), text)]
    errors: Errors = []
    properties = items.get("properties") or {}
    for index, key in enumerate(keys):
        if key not in properties:
            errors.append(invalid_value(where, keys, "entries must all be names of item properties"))
        elif (properties[key] or {}).get("type") in ("array", "object"):
            text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            errors.append(invalid_value(f"{path}.items.properties[{key}].type", "object", text))
        if key in keys[:index]:
            errors.append(invalid_value(where, keys, "must not contain duplicate entries"))
    return errors


def _identity_errors(items: Tree, keys: list[str], list_type: str, path: str) -> Errors:
    """What tells items apart is always there."""
    errors: Errors = []
    if items.get("nullable"):
        errors.append(forbidden_field(f"{path}.nullable", f"cannot be nullable when {LIST_TYPE} is {list_type}"))
    properties, wanted = items.get("properties") or {}, items.get("required") or ()
    for key in keys if list_type == "map" else ():
        if key not in properties:
            continue
        where, field = f"{path}.properties[{key}]", properties[key] or {}
        if key not in wanted and field.get("default") is None:
            text = f"this property is in {MAP_KEYS}, so it must have a default or be a required property"
            errors.append(required(f"{where}.default", text))
        if field.get("nullable"):
            text = f"this property is in {MAP_KEYS}, so it cannot be nullable"
            errors.append(forbidden_field(f"{where}.nullable", text))
    return errors
