"""x-kubernetes-validations: the CEL rules of a custom resource's schema.

Called by structural.py once a value fits the rest of its schema. Rules about a change (those that read
`oldSelf`) run only where there is an old value; unchanged values are not judged again.

Source: KEP-2876; texts of apiextensions `schema/cel/validation.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from navarch.base.field import FieldError, duplicate, forbidden_field, invalid_value, required
from navarch.schema.cel import CelError, evaluate
from navarch.schema.types import Tree

_OLD: Final = re.compile(r"\boldSelf\b")
#: How rules name fields that are no identifiers. Source: Kubernetes' escaping of CEL property names.
_ESCAPES: Final = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_RESERVED: Final = frozenset(
    {
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let"),
        *("loop", "namespace", "null", "package", "return", "true", "var", "void", "while"),
    }
)
_MISSING: Final = object()


def check_rules(schema: Tree, value: Any, old: Any = _MISSING, path: str = "") -> Iterator[FieldError]:
    """The errors of all rules, outermost first. `old` is what stood there before an update."""
    if value is None:
        return
    if old is _MISSING or old != value:
        for rule in schema.get("x-kubernetes-validations") or ():
            if error := _judge(rule, schema, value, old, path):
                yield error
    if isinstance(value, dict):
        yield from _members(schema, value, old, path)
    elif isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        before = _by_key(schema, old)
        for index, item in enumerate(value):
            yield from check_rules(items, item, before.get(_key(schema, item), _MISSING), f"{path}[{index}]")


def _members(schema: Tree, value: Tree, old: Any, path: str) -> Iterator[FieldError]:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    for key, item in value.items():
        below = properties.get(key) or (additional if isinstance(additional, dict) else None)
        if below is not None:
            before = old.get(key, _MISSING) if isinstance(old, dict) else _MISSING
            where = f"{path}.{key}" if key in properties else f"{path}[{key}]"
            yield from check_rules(below, item, before, where.lstrip("."))


def _judge(rule: Tree, schema: Tree, value: Any, old: Any, path: str) -> FieldError | None:
    expression: str = rule["rule"]
    data: dict[str, Any] = {"self": _escaped(value) if "__" in expression else value}
    if _OLD.search(expression):
        if rule.get("optionalOldSelf"):
            expression = _OLD.sub("optional.none()" if old is _MISSING else "optional.of(oldSelf)", expression)
        elif old is _MISSING:
            return None
        if old is not _MISSING:
            data["oldSelf"] = _escaped(old) if "__" in expression else old
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


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {_escape(key): _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value


def _escape(name: str) -> str:
    if name in _RESERVED:
        return f"__{name}__"
    for found, written in _ESCAPES.items():
        name = name.replace(found, written)
    return name


def _by_key(schema: Tree, old: Any) -> dict[str, Any]:
    """The old elements that new ones correspond to: only lists of type map have such."""
    if not isinstance(old, list) or schema.get("x-kubernetes-list-type") != "map":
        return {}
    return {_key(schema, item): item for item in old}


def _key(schema: Tree, item: Any) -> str:
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    return repr([item.get(key) for key in keys]) if isinstance(item, dict) else ""
