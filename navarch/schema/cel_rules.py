"""x-kubernetes-validations: the CEL rules of a custom resource's schema.

Called by structural.py once a value fits the rest of its schema. Rules about a change (those that read
`oldSelf`) run only where there is an old value; unchanged values are not judged again.

Source: KEP-2876; texts of apiextensions `schema/cel/validation.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from navarch.base.field import FieldError, duplicate, forbidden_field, invalid_value, required
from navarch.schema.cel import CelError, evaluate
from navarch.schema.cel_typed import escape, typed
from navarch.schema.types import Tree

_OLD: Final = re.compile(r"\boldSelf\b")
_MISSING: Final = object()


class _Pair(NamedTuple):
    """A value as it is, and as rules see it."""

    plain: Any
    typed: Any


_NONE: Final = _Pair(_MISSING, _MISSING)


def check_rules(schema: Tree, value: Any, old: Any = _MISSING) -> Iterator[FieldError]:
    """The errors of all rules, outermost first. `old` is what stood there before an update."""
    before = _NONE if old is _MISSING else _Pair(old, typed(schema, old))
    yield from _check(schema, _Pair(value, typed(schema, value)), before, "")


def _check(schema: Tree, value: _Pair, old: _Pair, path: str) -> Iterator[FieldError]:
    if value.plain is None:
        return
    if old.plain is _MISSING or old.plain != value.plain:
        for rule in schema.get("x-kubernetes-validations") or ():
            if error := _judge(rule, schema, value.typed, old.typed, path):
                yield error
    if isinstance(value.plain, dict):
        yield from _members(schema, value, old, path)
    elif isinstance(value.plain, list) and isinstance(items := schema.get("items"), dict):
        before = _by_key(schema, old)
        for index, pair in enumerate(map(_Pair, value.plain, value.typed)):
            yield from _check(items, pair, before.get(_key(schema, pair.plain), _NONE), f"{path}[{index}]")


def _members(schema: Tree, value: _Pair, old: _Pair, path: str) -> Iterator[FieldError]:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    for key, item in value.plain.items():
        below = properties.get(key) or (additional if isinstance(additional, dict) else None)
        if below is None:
            continue
        name = escape(key) if key in properties else key
        known = isinstance(old.plain, dict) and key in old.plain
        before = _Pair(old.plain[key], old.typed[name]) if known else _NONE
        where = f"{path}.{key}" if key in properties else f"{path}[{key}]"
        yield from _check(below, _Pair(item, value.typed[name]), before, where.lstrip("."))


def _judge(rule: Tree, schema: Tree, value: Any, old: Any, path: str) -> FieldError | None:
    expression: str = rule["rule"]
    data: dict[str, Any] = {"self": value}
    if _OLD.search(expression):
        if rule.get("optionalOldSelf"):
            expression = _OLD.sub("optional.none()" if old is _MISSING else "optional.of(oldSelf)", expression)
        elif old is _MISSING:
            return None
        if old is not _MISSING:
            data["oldSelf"] = old
    where = _where(path, rule.get("fieldPath", ""))
    type_ = schema.get("type", "object")
    try:
        if evaluate(expression, data) is True:
            return None
    except CelError as error:
        return invalid_value(where, type_, f"rule evaluation error: {error}")
    message = _message(rule, data)
    reason = rule.get("reason") or "FieldValueInvalid"
    if reason == "FieldValueForbidden":
        return forbidden_field(where, message)
    if reason == "FieldValueRequired":
        return required(where, message)
    if reason == "FieldValueDuplicate":
        return duplicate(where, type_)
    return invalid_value(where, type_, message)


def _message(rule: Tree, data: Mapping[str, Any]) -> str:
    if expression := rule.get("messageExpression"):
        try:
            text = evaluate(expression, data)
        except CelError:
            text = ""
        if isinstance(text, str) and text.strip() and "\n" not in text:
            return text
    return rule.get("message") or f"failed rule: {rule['rule']}"


def _where(path: str, field_path: str) -> str:
    return (path + field_path).lstrip(".")


def _by_key(schema: Tree, old: _Pair) -> dict[str, _Pair]:
    """The old elements that new ones correspond to: only lists of type map have such."""
    if not isinstance(old.plain, list) or schema.get("x-kubernetes-list-type") != "map":
        return {}
    return {_key(schema, pair.plain): pair for pair in map(_Pair, old.plain, old.typed)}


def _key(schema: Tree, item: Any) -> str:
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    return repr([item.get(key) for key in keys]) if isinstance(item, dict) else ""
