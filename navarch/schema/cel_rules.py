"""x-kubernetes-validations: the CEL rules of a custom resource's schema.

Called by structural.py once a value fits the rest of its schema. Rules about a change (those that read
`oldSelf`) run only where there is an old value. Other rules that unchanged values break are tolerated; so are those
below an unchanged list whose elements have no keys. All rules of one object share one budget; when it is spent, or one
rule costs too much, no further rule runs.

Source: KEP-2876; texts of apiextensions `schema/cel/validation.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from navarch.base.field import FieldError, ToleratedError, duplicate, forbidden_field, invalid_value, quoted, required
from navarch.schema.cel import CallLimitError, CelError, OutOfBudgetError, evaluate
from navarch.schema.cel_meter import Budget
from navarch.schema.cel_typed import escape, typed
from navarch.schema.types import Tree

_OLD: Final = re.compile(r"\boldSelf\b")
_MISSING: Final = object()
_NO_FURTHER: Final = "no further validation rules will be run"
#: Longer texts of a messageExpression are not used (bytes).
_MAX_MESSAGE: Final = 5 << 10


class _Pair(NamedTuple):
    """A value as it is, and as rules see it."""

    plain: Any
    typed: Any


_NONE: Final = _Pair(_MISSING, _MISSING)


class _StopError(Exception):
    """No further rule may run; why is the last error."""

    def __init__(self, error: FieldError) -> None:
        super().__init__()
        self.error = error


def check_rules(schema: Tree, value: Any, old: Any = _MISSING) -> Iterator[FieldError]:
    """The errors of all rules, outermost first. `old` is what stood there before an update."""
    before = _NONE if old is _MISSING else _Pair(old, typed(schema, old))
    try:
        yield from _check(schema, _Pair(value, typed(schema, value)), before, "", Budget())
    except _StopError as stop:
        yield stop.error


def _check(
    schema: Tree, value: _Pair, old: _Pair, path: str, budget: Budget, settled: bool = False
) -> Iterator[FieldError]:
    """`settled`: nothing has changed in what this is a part of. Raises: _StopError."""
    if value.plain is None:
        return
    if old.plain is not _MISSING:
        settled = bool(old.plain == value.plain)
    for rule in schema.get("x-kubernetes-validations") or ():
        if error := _judge(rule, schema, value.typed, old.typed, path, budget, settled=settled):
            yield error
    if isinstance(value.plain, dict):
        yield from _members(schema, value, old, path, budget, settled)
    elif isinstance(value.plain, list) and isinstance(items := schema.get("items"), dict):
        before = _by_key(schema, old)
        for index, pair in enumerate(map(_Pair, value.plain, value.typed)):
            known = before.get(_key(schema, pair.plain), _NONE)
            yield from _check(items, pair, known, f"{path}[{index}]", budget, settled)


def _members(schema: Tree, value: _Pair, old: _Pair, path: str, budget: Budget, settled: bool) -> Iterator[FieldError]:
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
        yield from _check(below, _Pair(item, value.typed[name]), before, where.lstrip("."), budget, settled)


def _judge(
    rule: Tree, schema: Tree, value: Any, old: Any, path: str, budget: Budget, *, settled: bool
) -> FieldError | None:
    """The error of a rule that does not hold. Raises: _StopError."""
    expression: str = rule["rule"]
    data: dict[str, Any] = {"self": value}
    if _OLD.search(expression):
        if rule.get("optionalOldSelf"):
            expression = _OLD.sub("optional.none()" if old is _MISSING else "optional.of(oldSelf)", expression)
        elif old is _MISSING:
            return None
        if old is not _MISSING:
            data["oldSelf"] = old
    type_ = schema.get("type", "object")
    try:
        if evaluate(expression, data, budget=budget) is True:
            return None
    except CelError as error:
        fault = invalid_value(path, type_, _failed(error, rule))
        if isinstance(error, CallLimitError | OutOfBudgetError):
            raise _StopError(fault) from None
        return fault
    where = _where(path, rule.get("fieldPath", ""))
    tolerated = settled and not _OLD.search(rule["rule"])
    try:
        message = _message(rule, data, budget)
    except OutOfBudgetError:
        text = "messageExpression evaluation failed due to running out of cost budget"
        raise _StopError(invalid_value(where, type_, f"{text}, {_NO_FURTHER}")) from None
    except CallLimitError:
        text = f"{_NO_FURTHER} due to call cost exceeds limit for messageExpression"
        shown = quoted(rule["messageExpression"])
        raise _StopError(invalid_value(where, type_, f"{text}: {shown}")) from None
    found = _reasoned(rule.get("reason") or "FieldValueInvalid", where, type_, message)
    return ToleratedError(found.reason, found.path, found.detail, found.value) if tolerated else found


def _reasoned(reason: str, where: str, type_: str, message: str) -> FieldError:
    if reason == "FieldValueForbidden":
        return forbidden_field(where, message)
    if reason == "FieldValueRequired":
        return required(where, message)
    if reason == "FieldValueDuplicate":
        return duplicate(where, type_)
    return invalid_value(where, type_, message)


def _failed(error: CelError, rule: Tree) -> str:
    """Why a rule has no result."""
    shown = (rule.get("message") or rule["rule"]).strip()
    if isinstance(error, OutOfBudgetError):
        return str(error)
    if isinstance(error, CallLimitError):
        return f"'{error}': {_NO_FURTHER} due to call cost exceeds limit for rule: {shown}"
    if str(error).startswith("no such overload"):
        text = "call arguments did not match a supported operator, function or macro signature for rule"
        return f"'{error}': {text}: {shown}"
    return f"{error} evaluating rule: {shown}"


def _message(rule: Tree, data: Mapping[str, Any], budget: Budget) -> str:
    """Raises: CallLimitError, OutOfBudgetError."""
    if expression := rule.get("messageExpression"):
        try:
            text = evaluate(expression, data, budget=budget)
        except (CallLimitError, OutOfBudgetError):
            raise
        except CelError:
            text = ""
        text = text.strip() if isinstance(text, str) else ""
        if text and "\n" not in text and len(text.encode()) <= _MAX_MESSAGE:
            return text
    return (rule.get("message") or f"failed rule: {rule['rule']}").strip()


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
