"""Validation of custom resources: OpenAPI v3 constraints in the API server's words.

`compile_rules` turns a schema into a tree of `Rules` once; `check` walks a value along it and
collects every error. On updates a value that did not change is not checked again (ratcheting), so
that tightening a schema does not lock objects out of unrelated changes.

Called by structural.py only.

Source: kube-openapi's validator (order of checks, messages) and apiextensions' mapping to field
errors. Go walks properties in random order; here they come as declared.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from navarch.base.field import FieldError, duplicate, invalid_value, not_supported, required, show, too_long, too_many
from navarch.schema import formats
from navarch.schema.go_regexp import Pattern, compile_pattern
from navarch.schema.types import Tree

#: What is not there, where None would be a JSON null.
MISSING: Final = object()


@dataclass(slots=True, eq=False)
class Rules:
    """The constraints of one place. Absent ones are None or empty."""

    type: str
    nullable: bool
    format: str
    enum: tuple[Any, ...]
    pattern: Pattern | None
    pattern_text: str
    bounds: Tree
    required: tuple[str, ...]
    properties: dict[str, Rules]
    additional: Rules | None
    items: Rules | None
    all_of: tuple[Rules, ...]
    any_of: tuple[Rules, ...]
    one_of: tuple[Rules, ...]
    not_: Rules | None
    list_type: str
    list_keys: tuple[str, ...]
    embedded: bool
    #: The whole schema, where CEL rules are in it.
    cel: Tree


_BOUNDS: Final = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "uniqueItems",
)


def compile_rules(schema: Tree) -> Rules:
    """The rules of an OpenAPI v3 schema as a CustomResourceDefinition holds it."""

    def several(key: str) -> tuple[Rules, ...]:
        return tuple(compile_rules(s) for s in schema.get(key) or ())

    def one(key: str) -> Rules | None:
        sub = schema.get(key)
        return compile_rules(sub) if isinstance(sub, dict) else None

    pattern = schema.get("pattern", "")
    return Rules(
        type=schema.get("type", ""),
        nullable=schema.get("nullable", False),
        format=schema.get("format", ""),
        enum=tuple(schema.get("enum") or ()),
        pattern=compile_pattern(pattern) if pattern else None,
        pattern_text=pattern,
        bounds={k: schema[k] for k in _BOUNDS if schema.get(k) is not None},
        required=tuple(schema.get("required") or ()),
        properties={k: compile_rules(s) for k, s in (schema.get("properties") or {}).items()},
        additional=one("additionalProperties"),
        items=one("items"),
        all_of=several("allOf"),
        any_of=several("anyOf"),
        one_of=several("oneOf"),
        not_=one("not"),
        list_type=schema.get("x-kubernetes-list-type", ""),
        list_keys=tuple(schema.get("x-kubernetes-list-map-keys") or ()),
        embedded=schema.get("x-kubernetes-embedded-resource", False),
        cel=schema if _has_cel(schema) else {},
    )


def _has_cel(schema: Tree) -> bool:
    if "x-kubernetes-validations" in schema:
        return True
    below = [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return any(isinstance(sub, dict) and _has_cel(sub) for sub in below)


def check(rules: Rules, value: Any, path: str = "", old: Any = MISSING) -> Iterator[FieldError]:
    """All errors of a value; `old` is what stood there before an update."""
    if old is not MISSING and old == value and type(old) is type(value):
        return
    if value is None:
        if rules.type and not rules.nullable:
            yield _wrong_type(path, rules.type, "null")
        if rules.enum and None not in rules.enum:
            yield _not_in_enum(rules, path, value)
        return
    yield from _check_type(rules, value, path)
    yield from _check_combined(rules, value, path)
    if isinstance(value, str):
        yield from _check_string(rules, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _check_number(rules, value, path)
    elif isinstance(value, list):
        yield from _check_list(rules, value, path, old)
    if rules.enum and not any(_equal(value, allowed) for allowed in rules.enum):
        yield _not_in_enum(rules, path, value)
    if isinstance(value, dict):
        yield from _check_object(rules, value, path, old)


def _check_type(rules: Rules, value: Any, path: str) -> Iterator[FieldError]:
    found = _type_of(value)
    wanted = rules.type
    if not wanted or found == wanted or (found == "integer" and wanted == "number"):
        return
    if found == "number" and wanted == "integer" and float(value).is_integer():
        return
    yield _wrong_type(path, wanted, found)


def _check_combined(rules: Rules, value: Any, path: str) -> Iterator[FieldError]:
    if rules.any_of:
        outcomes = [list(check(r, value, path)) for r in rules.any_of]
        if all(outcomes):
            yield _composite(f'"{path}" must validate at least one schema (anyOf)')
            yield from min(outcomes, key=len)
    if rules.one_of:
        outcomes = [list(check(r, value, path)) for r in rules.one_of]
        valid = sum(not errors for errors in outcomes)
        if valid != 1:
            found = f"Found {valid} valid alternatives" if valid else "Found none valid"
            yield _composite(f'"{path}" must validate one and only one schema (oneOf). {found}')
            if not valid:
                yield from min(outcomes, key=len)
    if rules.all_of:
        outcomes = [list(check(r, value, path)) for r in rules.all_of]
        for errors in outcomes:
            yield from errors
        if any(outcomes):
            none = ". None validated" if all(outcomes) else ""
            yield _composite(f'"{path}" must validate all the schemas (allOf){none}')
    if rules.not_ is not None and not any(True for _ in check(rules.not_, value, path)):
        yield _composite(f'"{path}" must not validate the schema (not)')


def _check_string(rules: Rules, value: str, path: str) -> Iterator[FieldError]:
    bounds = rules.bounds
    if len(value) > bounds.get("maxLength", len(value)):
        yield too_long(path, bounds["maxLength"])
    if len(value) < bounds.get("minLength", 0):
        yield _broken(path, value, f"should be at least {bounds['minLength']} chars long")
    if rules.pattern is not None and not rules.pattern.search(value):
        yield _broken(path, value, f"should match '{rules.pattern_text}'")
    if rules.format and rules.type == "string" and not formats.matches(rules.format, value):
        text = f"{path} in body must be of type {rules.format}: {show(value)}"
        yield FieldError("FieldValueTypeInvalid", path, text, value)


def _check_number(rules: Rules, value: int | float, path: str) -> Iterator[FieldError]:
    bounds = rules.bounds
    if (factor := bounds.get("multipleOf")) and value % factor:
        yield _broken(path, value, f"should be a multiple of {_number(factor)}")
    if (most := bounds.get("maximum")) is not None:
        if bounds.get("exclusiveMaximum") and value >= most:
            yield _broken(path, value, f"should be less than {_number(most)}")
        elif value > most:
            yield _broken(path, value, f"should be less than or equal to {_number(most)}")
    if (least := bounds.get("minimum")) is not None:
        if bounds.get("exclusiveMinimum") and value <= least:
            yield _broken(path, value, f"should be greater than {_number(least)}")
        elif value < least:
            yield _broken(path, value, f"should be greater than or equal to {_number(least)}")


def _check_list(rules: Rules, value: list[Any], path: str, old: Any) -> Iterator[FieldError]:
    if rules.items is not None:
        before = _by_key(rules, old)
        for index, item in enumerate(value):
            yield from check(rules.items, item, f"{path}[{index}]", before.get(_key(rules, item), MISSING))
    bounds = rules.bounds
    if len(value) < bounds.get("minItems", 0):
        yield _broken(path, len(value), f"should have at least {bounds['minItems']} items")
    if len(value) > bounds.get("maxItems", len(value)):
        yield too_many(path, len(value), bounds["maxItems"])
    if bounds.get("uniqueItems") and any(item in value[:i] for i, item in enumerate(value)):
        yield _broken(path, "", "shouldn't contain duplicates")


def _check_object(rules: Rules, value: Tree, path: str, old: Any) -> Iterator[FieldError]:
    before = old if isinstance(old, dict) else {}
    bounds = rules.bounds
    if len(value) < bounds.get("minProperties", 0):
        yield _broken(path, len(value), f"should have at least {bounds['minProperties']} properties")
    if len(value) > bounds.get("maxProperties", len(value)):
        yield too_many(path, len(value), bounds["maxProperties"])
    if rules.additional is not None:
        for key, item in value.items():
            if key not in rules.properties:
                yield from check(rules.additional, item, _child(path, key), before.get(key, MISSING))
    for key, sub in rules.properties.items():
        if key in value:
            yield from check(sub, value[key], _child(path, key), before.get(key, MISSING))
    for key in rules.required:
        if key not in value:
            yield required(_child(path, key))
    if rules.embedded:
        for key in ("apiVersion", "kind"):
            if not value.get(key):
                yield required(_child(path, key), "must not be empty")


def check_lists(rules: Rules, value: Any, path: str = "") -> Iterator[FieldError]:
    """Repeated elements of sets and maps. Runs after `check`: types are right by then."""
    if isinstance(value, dict):
        for key, item in value.items():
            sub = rules.properties.get(key, rules.additional)
            if sub is not None:
                yield from check_lists(sub, item, _child(path, key))
    elif isinstance(value, list) and rules.items is not None:
        if rules.list_type in ("set", "map"):
            seen: set[Hashable] = set()
            for index, item in enumerate(value):
                key = item if rules.list_type == "set" else _keys_of(rules, item)
                mark = _mark(key)
                if mark in seen:
                    yield duplicate(f"{path}[{index}]", key)
                seen.add(mark)
        for index, item in enumerate(value):
            yield from check_lists(rules.items, item, f"{path}[{index}]")


def _mark(value: Any) -> Hashable:
    """What only equal values have. Text, because the buffers behind short documents are long."""
    if isinstance(value, dict | list):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return type(value), value


def _by_key(rules: Rules, old: Any) -> dict[str, Any]:
    """The elements of the old list that new ones correspond to: only maps have such."""
    return {_key(rules, item): item for item in old} if isinstance(old, list) and rules.list_type == "map" else {}


def _key(rules: Rules, item: Any) -> str:
    return show(_keys_of(rules, item)) if rules.list_type == "map" else ""


def _keys_of(rules: Rules, item: Any) -> Tree:
    members = item if isinstance(item, dict) else {}
    return {key: members[key] for key in rules.list_keys if key in members}


def _not_in_enum(rules: Rules, path: str, value: Any) -> FieldError:
    return not_supported(path, value, [v if isinstance(v, str) else show(v) for v in rules.enum])


def _wrong_type(path: str, wanted: str, found: str) -> FieldError:
    return FieldError("FieldValueTypeInvalid", path, f'{path} in body must be of type {wanted}: "{found}"', found)


def _broken(path: str, value: Any, what: str) -> FieldError:
    return invalid_value(path, value, f"{path} in body {what}")


def _composite(text: str) -> FieldError:
    """Go has no path at hand for these and prints its nil."""
    return invalid_value("<nil>", "", text)


def _equal(value: Any, allowed: Any) -> bool:
    return bool(value == allowed) and isinstance(value, bool) == isinstance(allowed, bool)


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    for python, name in ((str, "string"), (int, "integer"), (float, "number"), (list, "array")):
        if isinstance(value, python):
            return name
    return "object"


def _number(value: int | float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _child(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
