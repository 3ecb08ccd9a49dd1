"""The OpenAPI schema in a CustomResourceDefinition: structural, with defaults that fit, and known extensions.

Source: apiextensions-apiserver `pkg/apiserver/schema` (structural invariants, defaults) and
`pkg/apis/apiextensions/validation`; KEP-1979 for structural schemas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from navarch.api.validation.cel_check import UNKNOWN, name_of, schema_type, type_of
from navarch.api.validation.cel_cost import Budget, occurrences_below
from navarch.api.validation.go_form import shown
from navarch.api.validation.rules import Errors
from navarch.base.field import FieldError, forbidden_field, invalid_value, not_supported, required
from navarch.schema.rules import check, compile_rules
from navarch.schema.types import Tree

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_LIST_TYPES: Final = ("atomic", "set", "map")
_MAP_TYPES: Final = ("atomic", "granular")
_REASONS: Final = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_LIST_TYPE: Final = "x-kubernetes-list-type"
_MAP_KEYS: Final = "x-kubernetes-list-map-keys"
_MAP_TYPE: Final = "x-kubernetes-map-type"
_RULES: Final = "x-kubernetes-validations"
#: What a schema below allOf and its likes may not say, and what it must be instead; by name.
_NOT_NESTED: Final = {
    "additionalProperties": "undefined",
    "default": "undefined",
    "description": "empty",
    "nullable": "false",
    "title": "empty",
    "type": "empty",
    _PRESERVE: "false",
    "x-kubernetes-embedded-resource": "false",
    _INT_OR_STRING: "false",
    _MAP_KEYS: "empty",
    _LIST_TYPE: "undefined",
    _MAP_TYPE: "undefined",
}
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
    _PRESERVE: "XPreserveUnknownFields",
    _RULES: "XValidations",
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
_PATH_STEP: Final = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\['([^']+)'\]")


def schema_errors(schema: Tree, path: str, *, with_status: bool = False) -> Errors:
    """All errors of a root schema. Defaults are looked at only if the schema is structural.
    `with_status`: objects have a status subresource."""
    errors: Errors = []
    if with_status and any(value and name not in _AT_ROOT for name, value in schema.items()):
        errors.append(invalid_value(path, shown("JSONSchema", schema), _ROOT_TEXT))
    faults = _structural_errors(schema, path, "at the root") + _nested_errors(schema, path)
    if schema.get("nullable"):
        faults.append(forbidden_field(f"{path}.nullable", "nullable cannot be true at the root"))
    errors += faults
    if not faults:
        errors += _default_errors(schema, path)
    budget, times = Budget(), dict(occurrences_below(schema, path))
    for where, node in _walk(schema, path):
        errors += _node_errors(node, where)
        errors += budget.rule_errors(node, where, times[where])
    return errors + budget.total_errors(path)


def _nested_errors(schema: Tree, path: str) -> Errors:
    """What stands below allOf, anyOf, oneOf and not restricts values and says nothing else of them."""
    errors: Errors = []
    for where, node in _walk(schema, path):
        for place, nested in _alternatives(node, where):
            errors += _alternative_errors(nested, place)
    return errors


def _alternatives(node: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    for key in ("allOf", "anyOf", "oneOf"):
        for index, nested in enumerate(node.get(key) or ()):
            yield f"{path}.{key}[{index}]", nested or {}
    if isinstance(nested := node.get("not"), dict):
        yield f"{path}.not", nested


def _alternative_errors(nested: Tree, path: str) -> Errors:
    errors = [
        forbidden_field(f"{path}.{key}", f"must be {wanted} to be structural")
        for key, wanted in _NOT_NESTED.items()
        if nested.get(key) not in (None, "", False, [])
    ]
    for where, child, _ in _children(nested, path):
        errors += _alternative_errors(child, where)
    for where, child in _alternatives(nested, path):
        errors += _alternative_errors(child, where)
    return errors


def ends_at(schema: Tree, path: str) -> Tree | None:
    """The schema of the field at a path such as `.spec.size`; None if there is none."""
    position = 0
    while position < len(path):
        step = _PATH_STEP.match(path, position)
        if step is None:
            return None
        properties = schema.get("properties") or {}
        if (found := properties.get(step[1] or step[2])) is None:
            return None
        schema, position = found, step.end()
    return schema


def unknown_formats(schema: Tree) -> Iterator[str]:
    """The formats of texts that Kubernetes does not know."""
    for _, node in _walk(schema, ""):
        given = node.get("format") or ""
        if node.get("type") == "string" and given and given.replace("-", "") not in _FORMATS:
            yield given


def _children(schema: Tree, path: str) -> Iterator[tuple[str, Tree, str]]:
    """Path and schema of everything below, and what it is to its parent."""
    for name, child in (schema.get("properties") or {}).items():
        yield f"{path}.properties[{name}]", child if isinstance(child, dict) else {}, "for specified object fields"
    if isinstance(rest := schema.get("additionalProperties"), dict):
        yield f"{path}.additionalProperties", rest, "for specified object fields"
    if isinstance(items := schema.get("items"), dict):
        yield f"{path}.items", items, "for specified array items"


def _walk(schema: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    yield path, schema
    for where, child, _ in _children(schema, path):
        yield from _walk(child, where)


def _structural_errors(schema: Tree, path: str, place: str) -> Errors:
    """Every place has a type, the root is an object."""
    errors: Errors = []
    for where, child, place_of in _children(schema, path):
        errors += _structural_errors(child, where, place_of)
    kind, root = schema.get("type", ""), place == "at the root"
    if not kind and not (schema.get(_INT_OR_STRING) or schema.get(_PRESERVE)):
        errors.append(required(f"{path}.type", f"must not be empty {place}"))
    elif root and kind not in ("", "object"):
        errors.append(invalid_value(f"{path}.type", kind, "must be object at the root"))
    return errors


def _default_errors(schema: Tree, path: str) -> Errors:
    errors: Errors = []
    for where, node in _walk(schema, path):
        if node.get("default") is None:
            continue
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


def _node_errors(node: Tree, path: str) -> Errors:
    errors: Errors = []
    kind = node.get("type", "")
    if node.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden_field(f"{path}.uniqueItems", text))
    if node.get("additionalProperties") not in (None, False) and node.get("properties"):
        text = "additionalProperties and properties are mutual exclusive"
        errors.append(forbidden_field(f"{path}.additionalProperties", text))
    if kind and kind not in _TYPES:
        errors.append(not_supported(f"{path}.type", kind, _TYPES))
    if node.get(_PRESERVE) is False:
        errors.append(invalid_value(f"{path}.{_PRESERVE}", False, "must be true or undefined"))
    if kind == "array" and not isinstance(node.get("items"), dict):
        errors.append(required(f"{path}.items", "must be specified"))
    errors += _list_errors(node, path) + _pattern_errors(node, path)
    for index, rule in enumerate(node.get(_RULES) or ()):
        errors += _rule_errors(rule or {}, node, f"{path}.{_RULES}[{index}]")
    return errors


def _list_errors(node: Tree, path: str) -> Errors:
    errors: Errors = []
    list_type, keys, kind = node.get(_LIST_TYPE), node.get(_MAP_KEYS) or [], node.get("type", "")
    where = f"{path}.{_LIST_TYPE}"
    if list_type is not None and kind != "array":
        if kind:
            text = "must be array if x-kubernetes-list-type is specified"
            errors.append(invalid_value(f"{path}.type", kind, text))
        else:
            errors.append(required(f"{path}.type", "must be array if x-kubernetes-list-type is specified"))
    if list_type is not None and list_type not in _LIST_TYPES:
        errors.append(not_supported(where, list_type, _LIST_TYPES))
    if keys and list_type != "map":
        text = "must be map if x-kubernetes-list-map-keys is non-empty"
        errors.append(required(where, text) if list_type is None else invalid_value(where, list_type, text))
    if list_type == "map":
        errors += _map_key_errors(node, keys, path)
    map_type = node.get(_MAP_TYPE)
    if map_type is not None and map_type not in _MAP_TYPES:
        errors.append(not_supported(f"{path}.{_MAP_TYPE}", map_type, _MAP_TYPES))
    return errors


def _map_key_errors(node: Tree, keys: list[str], path: str) -> Errors:
    where = f"{path}.{_MAP_KEYS}"
    if not keys:
        return [required(where, "must not be empty if x-kubernetes-list-type is map")]
    errors: Errors = []
    repeated = len(keys) - len(set(keys))
    errors += [invalid_value(where, keys, "must not contain duplicate entries")] * repeated
    items = node.get("items")
    if not isinstance(items, dict):
        shown = {"Schema": None, "JSONSchemas": None}
        text = "must only have a single schema if x-kubernetes-list-type is map"
        return [*errors, invalid_value(f"{path}.items", shown, text)]
    properties = items.get("properties") or {}
    if items.get("type") != "object":
        text = "must be object if parent array's x-kubernetes-list-type is map"
        return [*errors, invalid_value(f"{path}.items.type", items.get("type", ""), text)]
    if not set(keys) <= properties.keys():
        errors.append(invalid_value(where, keys, "entries must all be names of item properties"))
    return errors


def _pattern_errors(node: Tree, path: str) -> Errors:
    pattern: Any = node.get("pattern")
    if not pattern:
        return []
    try:
        re.compile(pattern)
    except re.error:
        why = f"missing closing ): `{pattern}`" if pattern.count("(") > pattern.count(")") else f"`{pattern}`"
        text = f"must be a valid regular expression, but isn't: error parsing regexp: {why}"
        return [invalid_value(f"{path}.pattern", pattern, text)]
    return []


def _rule_errors(rule: Tree, node: Tree, path: str) -> Errors:
    errors: Errors = []
    field = rule.get("fieldPath") or ""
    lost = bool(field) and ends_at(node, field) is None
    if not (rule.get("rule") or "").strip():
        errors.append(required(f"{path}.rule", "rule is not specified"))
    elif not lost:
        errors += _expression_errors(rule, node, f"{path}.rule")
    message = rule.get("message") or ""
    if message and not message.strip():
        errors.append(invalid_value(f"{path}.message", message, "message must be non-empty if specified"))
    elif "\n" in message.strip():
        errors.append(invalid_value(f"{path}.message", message, "message must not contain line breaks"))
    reason = rule.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(not_supported(f"{path}.reason", reason, _REASONS))
    if lost:
        errors.append(invalid_value(f"{path}.fieldPath", field, "must be a valid path"))
    return errors


def _expression_errors(rule: Tree, node: Tree, path: str) -> Errors:
    """A rule about the value here and, on updates, the one that was."""
    own = schema_type(node)
    found, why = type_of(rule["rule"], {"self": own, "oldSelf": own})
    if not why and name_of(found) not in ("bool", UNKNOWN):
        why = "cel expression must evaluate to a bool"
    return [invalid_value(path, shown("ValidationRule", rule), why)] if why else []
