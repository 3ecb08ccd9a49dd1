"""Structural schemas: each place has a type, and what stands below allOf and its likes only restricts values.

Source: apiextensions-apiserver `pkg/apiserver/schema` (`validation.go`, `complete.go`, `convert.go`); KEP-1979.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from navarch.api.validation.rules import Errors
from navarch.base.field import forbidden_field, invalid_value, required
from navarch.schema.go_regexp import compile_pattern
from navarch.schema.types import Tree

PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
EMBEDDED: Final = "x-kubernetes-embedded-resource"
INT_OR_STRING: Final = "x-kubernetes-int-or-string"
LIST_TYPE: Final = "x-kubernetes-list-type"
MAP_KEYS: Final = "x-kubernetes-list-map-keys"
MAP_TYPE: Final = "x-kubernetes-map-type"
RULES: Final = "x-kubernetes-validations"

#: What no structural schema may say.
_UNSUPPORTED: Final = {
    "id": "id",
    "$schema": "schema",
    "$ref": "$ref",
    "patternProperties": "patternProperties",
    "dependencies": "dependencies",
    "additionalItems": "additionalItems",
    "definitions": "definitions",
}
#: What a schema below allOf and its likes may not say, and what it must be instead; by name.
_NOT_NESTED: Final = {
    "additionalProperties": "undefined",
    "default": "undefined",
    "description": "empty",
    "externalDocs": "undefined",
    "nullable": "false",
    "title": "empty",
    "type": "empty",
    PRESERVE: "false",
    EMBEDDED: "false",
    INT_OR_STRING: "false",
    MAP_KEYS: "empty",
    LIST_TYPE: "undefined",
    MAP_TYPE: "undefined",
    RULES: "empty",
}
#: How generators write a value that is a number or a text: the one alternative that may name types.
_NUMBER_OR_TEXT: Final = [{"type": "integer"}, {"type": "string"}]
_NOTHING: Final[tuple[Any, ...]] = (None, "", False, [], {})

_ROOT: Final = "at the root"
_ITEM: Final = "for specified array items"
_FIELD: Final = "for specified object fields"


def structural_errors(schema: Tree, path: str) -> Errors:
    """All errors of a root schema that `unsupported` finds nothing in, sorted by their text."""
    return sorted(_errors(schema, _ROOT, path) + _incomplete(schema, schema, path, path), key=str)


def unsupported(schema: Tree) -> str:
    """Why a schema cannot be structural at all; empty if it can."""
    for name, word in _UNSUPPORTED.items():
        if schema.get(name) not in _NOTHING:
            return f"OpenAPIV3Schema '{word}' is not supported"
    if schema.get(PRESERVE) is False:
        return f"internal error: '{PRESERVE}' must be true or undefined"
    if isinstance(schema.get("items"), list):
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    below = [child for _, child, _ in children(schema, "")] + [nested for _, nested in alternatives(schema, "")]
    return next((why for child in below if (why := unsupported(child))), "")


def children(schema: Tree, path: str) -> Iterator[tuple[str, Tree, str]]:
    """Path and schema of everything below, and what it is to its parent."""
    for name, child in (schema.get("properties") or {}).items():
        yield f"{path}.properties[{name}]", child if isinstance(child, dict) else {}, _FIELD
    if isinstance(rest := schema.get("additionalProperties"), dict):
        yield f"{path}.additionalProperties", rest, _FIELD
    if isinstance(items := schema.get("items"), dict):
        yield f"{path}.items", items, _ITEM


def alternatives(schema: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    """Path and schema of what stands below not, allOf, anyOf and oneOf."""
    if isinstance(nested := schema.get("not"), dict):
        yield f"{path}.not", nested
    for key in ("allOf", "anyOf", "oneOf"):
        for index, nested in enumerate(schema.get(key) or ()):
            yield f"{path}.{key}[{index}]", nested or {}


def _errors(schema: Tree, place: str, path: str) -> Errors:
    errors: Errors = []
    for where, child, place_of in children(schema, path):
        errors += _errors(child, place_of, where)
    if schema.get("type") == "array" and not isinstance(schema.get("items"), dict):
        errors.append(required(f"{path}.items", "must be specified"))
    return errors + _type_errors(schema, place, path) + _extension_errors(schema, place, path) + _values(schema, path)


def _type_errors(schema: Tree, place: str, path: str) -> Errors:
    kind = schema.get("type") or ""
    if schema.get(EMBEDDED) and kind != "object":
        text = f"must be object if {EMBEDDED} is true"
        return [invalid_value(f"{path}.type", kind, text) if kind else required(f"{path}.type", text)]
    if not kind:
        free = schema.get(INT_OR_STRING) or schema.get(PRESERVE)
        return [] if free else [required(f"{path}.type", f"must not be empty {place}")]
    if place == _ROOT and kind != "object":
        return [invalid_value(f"{path}.type", kind, "must be object at the root")]
    return []


def _extension_errors(schema: Tree, place: str, path: str) -> Errors:
    errors: Errors = []
    embedded, preserve = schema.get(EMBEDDED), schema.get(PRESERVE)
    for extension in (PRESERVE, EMBEDDED):
        if schema.get(INT_OR_STRING) and schema.get(extension):
            text = f"must be false if {INT_OR_STRING} is true"
            errors.append(invalid_value(f"{path}.{extension}", True, text))
    if schema.get("additionalProperties") is not None:
        where = f"{path}.additionalProperties"
        if place == _ROOT:
            errors.append(forbidden_field(where, "must not be used at the root"))
        if embedded:
            errors.append(forbidden_field(where, f"must not be used if {EMBEDDED} is set"))
    properties = schema.get("properties") or {}
    if embedded and not preserve and not properties:
        text = f"must not be empty if {EMBEDDED} is true without {PRESERVE}"
        errors.append(required(f"{path}.properties", text))
    if place == _ROOT or embedded:
        wanted = {"kind": "string", "apiVersion": "string", "metadata": "object"}
        errors += [
            invalid_value(f"{path}.properties[{name}].type", given, f"must be {kind}")
            for name, kind in wanted.items()
            if name in properties and (given := (properties[name] or {}).get("type") or "") != kind
        ]
    if place == _ROOT and _restricts(properties.get("metadata") or {}):
        text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        errors.append(forbidden_field(f"{path}.properties[metadata]", text))
    return errors


def _restricts(metadata: Tree) -> bool:
    """Whether a schema of the root's metadata says more than what its names are."""
    said = {key for key, value in metadata.items() if value not in _NOTHING}
    said -= {"type", "default", "externalDocs", "example"}
    if (metadata.get("properties") or {}).keys() <= {"name", "generateName"}:
        said.discard("properties")
    return bool(said)


def _values(schema: Tree, path: str) -> Errors:
    errors: Errors = []
    for where, nested in alternatives(schema, path):
        if not _is_number_or_text(schema, where.removeprefix(path)):
            errors += _nested_errors(nested, where, _is_first_number_or_text(schema, where.removeprefix(path)))
    return errors + _pattern_errors(schema, path)


def _is_number_or_text(schema: Tree, place: str) -> bool:
    return place.startswith(".anyOf") and schema.get("anyOf") == _NUMBER_OR_TEXT


def _is_first_number_or_text(schema: Tree, place: str) -> bool:
    return place == ".allOf[0]" and (schema["allOf"][0] or {}).get("anyOf") == _NUMBER_OR_TEXT


def _nested_errors(nested: Tree, path: str, number_or_text: bool = False) -> Errors:
    """`number_or_text`: its anyOf is the one that may name types."""
    errors = [
        forbidden_field(f"{path}.{key}", f"must be {wanted} to be structural")
        for key, wanted in _NOT_NESTED.items()
        if (nested.get(key) is not None if wanted == "undefined" else nested.get(key) not in _NOTHING)
    ]
    if "metadata" in (nested.get("properties") or {}):
        errors.append(forbidden_field(f"{path}.properties[metadata]", "must not be specified in a nested context"))
    for where, child, _ in children(nested, path):
        if where != f"{path}.additionalProperties":
            errors += _nested_errors(child, where)
    for where, child in alternatives(nested, path):
        if not (number_or_text and where.startswith(f"{path}.anyOf")):
            errors += _nested_errors(child, where)
    return errors + _pattern_errors(nested, path)


def _pattern_errors(schema: Tree, path: str) -> Errors:
    pattern: Any = schema.get("pattern")
    if not pattern:
        return []
    try:
        compile_pattern(pattern)
    except ValueError as error:
        text = f"must be a valid regular expression, but isn't: {error}"
        return [invalid_value(f"{path}.pattern", pattern, text)]
    return []


def _incomplete(values: Tree, schema: Tree, path: str, values_path: str) -> Errors:
    """What alternatives speak of without its being specified outside of them. `values`, at `values_path`, speaks
    of the place that `schema` specifies at `path`."""
    errors: Errors = []
    for where, nested in alternatives(values, values_path):
        errors += _incomplete_below(nested, schema, path, where)
    return errors


def _incomplete_below(nested: Tree, schema: Tree, path: str, nested_path: str) -> Errors:
    errors = _incomplete(nested, schema, path, nested_path)
    if isinstance(items := nested.get("items"), dict):
        where = f"{nested_path}.items"
        if isinstance(specified := schema.get("items"), dict):
            errors += _incomplete_below(items, specified, f"{path}.items", where)
        else:
            errors.append(required(f"{path}.items", f"because it is defined in {where}"))
    specified_fields = schema.get("properties") or {}
    for name, child in (nested.get("properties") or {}).items():
        where, place = f"{nested_path}.properties[{name}]", f"{path}.properties[{name}]"
        if name in specified_fields:
            errors += _incomplete_below(child or {}, specified_fields[name] or {}, place, where)
        else:
            errors.append(required(place, f"because it is defined in {where}"))
    return errors
