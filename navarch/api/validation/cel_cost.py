"""What the CEL rules of a CustomResourceDefinition may cost at most, judged before any object exists.

A rule's cost is that of its expression on the largest value that the schema allows, times how often the
place may occur in one object. What has no maxItems, maxProperties or maxLength is as large as a request.

Worked example: `self.all(x, x.startsWith('a'))` on a list of at most 10 texts costs 10 times some five
units; without maxItems a million times as much, which one rule may just have, but not with a second loop.

Costs are those of cel-go where they matter, strings and loops, and never more: no rule is refused that
Kubernetes takes.

Source: cel-go `checker/cost.go`; apiextensions `schema/cel/compilation.go`; apiserver `common/schemas.go`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from navarch.api.validation.rules import Errors
from navarch.base.field import forbidden_field
from navarch.schema.cel_parse import CelSyntaxError, Expr, parse
from navarch.schema.types import Tree

RULE_BUDGET: Final = 10_000_000
DEFINITION_BUDGET: Final = 100_000_000
_MAX_REQUEST: Final = 3 << 20
#: Units per byte of a text that is looked through.
_TEXT: Final = 0.1
_REGEX: Final = 0.25
_LIST_LITERAL, _MAP_LITERAL = 10, 30
_RULES: Final = "x-kubernetes-validations"
_ADVICE: Final = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are "
    "declared)"
)
_LOOPS: Final = ("all", "exists", "exists_one", "existsOne", "map", "filter", "transformList", "transformMap")
_WHOLE_LIST: Final = ("sum", "min", "max", "isSorted", "indexOf", "lastIndexOf")
_WHOLE_TEXT: Final = ("lowerAscii", "upperAscii", "split", "trim", "replace", "substring", "reverse")
_PATTERNS: Final = ("matches", "find", "findAll")
_FORMAT_LENGTHS: Final = {"date": 10, "date-time": 35, "duration": 32}


@dataclass(frozen=True, slots=True)
class Sized:
    """What is known of a value: its schema, and how many elements or bytes it has at most."""

    schema: Tree
    size: float = 1


_UNKNOWN: Final = Sized({})


class Budget:
    """Adds up the rules of one schema, and says what exceeds the limits."""

    def __init__(self) -> None:
        self._total = 0.0
        self._rules: list[tuple[float, str]] = []

    def rule_errors(self, node: Tree, path: str, occurrences: float) -> Errors:
        """The rules at one place, which may occur so often in an object."""
        errors: Errors = []
        for index, rule in enumerate(node.get(_RULES) or ()):
            where = f"{path}.{_RULES}[{index}]"
            if rule.get("rule"):
                cost = rule_cost(rule["rule"], node) * occurrences
                self._total += cost
                self._rules.append((cost, f"{where}.rule"))
                if cost > RULE_BUDGET:
                    errors.append(forbidden_field(f"{where}.rule", _exceeds("estimated rule cost", cost, RULE_BUDGET)))
            if rule.get("messageExpression"):
                cost = rule_cost(rule["messageExpression"], node)
                if cost > RULE_BUDGET:
                    text = _exceeds("estimated messageExpression cost", cost, RULE_BUDGET)
                    errors.append(forbidden_field(f"{where}.messageExpression", text))
        return errors

    def total_errors(self, path: str) -> Errors:
        """What follows for the schema as a whole."""
        if self._total <= DEFINITION_BUDGET:
            return []
        dear = [where for cost, where in sorted(self._rules, reverse=True)[:4] if cost > DEFINITION_BUDGET / 4]
        shared = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
        name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        total = forbidden_field(path, _exceeds(name, self._total, DEFINITION_BUDGET))
        return [*(forbidden_field(where, shared) for where in dear), total]


def occurrences_below(schema: Tree, path: str, times: float = 1) -> Iterator[tuple[str, float]]:
    """(path, how often at most) of every place in a schema, as `definition_schema` names places."""
    yield path, times
    rest = schema.get("additionalProperties")
    inside = times
    if rest not in (None, False):
        inside = _times(times, schema.get("maxProperties"), rest if isinstance(rest, dict) else {})
    for name, child in (schema.get("properties") or {}).items():
        yield from occurrences_below(child if isinstance(child, dict) else {}, f"{path}.properties[{name}]", inside)
    if isinstance(rest, dict):
        yield from occurrences_below(rest, f"{path}.additionalProperties", inside)
    if isinstance(items := schema.get("items"), dict):
        yield from occurrences_below(items, f"{path}.items", _times(times, schema.get("maxItems"), items))


def rule_cost(expression: str, schema: Tree) -> float:
    """The most that an expression over `self` and `oldSelf` may cost; 0 for one that does not parse."""
    try:
        tree = parse(expression)
    except CelSyntaxError:
        return 0
    own = sized(schema)
    return _cost(tree, {"self": own, "oldSelf": own})[0]


def sized(schema: Tree) -> Sized:
    """The largest value that a schema allows."""
    kind = schema.get("type")
    if kind == "string":
        return Sized(schema, _text_length(schema))
    if kind == "array":
        items = schema.get("items") or {}
        return Sized(schema, _bounded(schema.get("maxItems"), (_MAX_REQUEST - 2) / (_least(items) + 1)))
    if isinstance(rest := schema.get("additionalProperties"), dict):
        return Sized(schema, _bounded(schema.get("maxProperties"), (_MAX_REQUEST - 2) / (_least(rest) + 6)))
    return Sized(schema)


def _bounded(limit: Any, otherwise: float) -> float:
    return float(limit) if isinstance(limit, int | float) else math.floor(otherwise)


def _times(times: float, limit: Any, inner: Tree) -> float:
    """Unbounded places occur as often as fits into a request, however deep they are."""
    if isinstance(limit, int | float):
        return times * limit
    return max(times, _MAX_REQUEST / (_least(inner) + 1))


def _text_length(schema: Tree) -> float:
    if (limit := schema.get("maxLength")) is not None:
        return float(limit)
    if texts := [text for text in schema.get("enum") or () if isinstance(text, str)]:
        return max(map(len, texts))
    return _FORMAT_LENGTHS.get(schema.get("format", ""), _MAX_REQUEST - 2)


def _least(schema: Tree) -> int:
    """The fewest bytes that a value takes in JSON."""
    if schema.get("type") in ("integer", "number"):
        return 1
    if schema.get("type") == "boolean":
        return 4
    properties = schema.get("properties") or {}
    wanted = [name for name in schema.get("required") or () if "default" not in (properties.get(name) or {})]
    return 2 + sum(len(name) + 4 + _least(properties.get(name) or {}) for name in wanted)


# --- expressions

_Names = dict[str, Sized]


def _cost(node: Expr, names: _Names) -> tuple[float, Sized]:
    """What an expression costs at most, and what it gives."""
    match node.kind:
        case "literal":
            return 0, Sized({"type": "string"} if node.text == "string" else {}, max(0, node.end - node.start - 2))
        case "name":
            return 1, names.get(node.text, _UNKNOWN)
        case "select":
            cost, base = _cost(node.parts[0], names)
            return cost + 1, sized((base.schema.get("properties") or {}).get(node.text) or {})
        case "index":
            cost = sum(_cost(part, names)[0] for part in node.parts)
            base = _cost(node.parts[0], names)[1]
            return cost + 1, sized(_element(base.schema))
        case "method":
            return _method(node, names)
        case "binary":
            return _binary(node, names)
        case "ternary":
            (condition, _), (first, found), (second, other) = (_cost(part, names) for part in node.parts)
            return condition + max(first, second), found if found.schema else other
    cost = sum(_cost(part, names)[0] for part in node.parts)
    literal = {"list": _LIST_LITERAL, "map": _MAP_LITERAL}
    if node.kind == "list":
        return cost + _LIST_LITERAL, Sized({"type": "array"}, len(node.parts))
    return cost + literal.get(node.kind, 1), _UNKNOWN


def _element(schema: Tree) -> Tree:
    items = schema.get("items")
    if isinstance(items, dict):
        return items
    rest = schema.get("additionalProperties")
    return rest if isinstance(rest, dict) else {}


def _binary(node: Expr, names: _Names) -> tuple[float, Sized]:
    (left, first), (right, second) = (_cost(part, names) for part in node.parts)
    cost = left + right
    if node.text in ("&&", "||"):
        return cost, _UNKNOWN
    texts = [each for each in (first, second) if each.schema.get("type") == "string"]
    if node.text == "in":
        return cost + (second.size if second.schema.get("type") == "array" else 1), _UNKNOWN
    if node.text == "+" and len(texts) == 2:
        size = first.size + second.size
        return cost + size * _TEXT, Sized({"type": "string"}, size)
    if texts and node.text != "+":
        return cost + max(1, min(each.size for each in texts) * _TEXT), _UNKNOWN
    if first.schema.get("type") == second.schema.get("type") == "array" and node.text in ("==", "!="):
        return cost + min(first.size, second.size), _UNKNOWN
    return cost + 1, _UNKNOWN


def _method(node: Expr, names: _Names) -> tuple[float, Sized]:
    base_node, *arguments = node.parts
    cost, base = _cost(base_node, names)
    if node.text == "bind" and len(arguments) == 3:
        bound, value = _cost(arguments[1], names)
        body, found = _cost(arguments[2], {**names, arguments[0].text: value})
        return bound + body, found
    if node.text in _LOOPS and arguments and arguments[0].kind == "name":
        return _loop(node.text, cost, base, arguments, names)
    judged = [_cost(argument, names) for argument in arguments]
    cost += sum(each for each, _ in judged)
    size = judged[0][1].size if judged else 1
    if node.text in _PATTERNS:
        cost += max(1, (base.size + 1) * _TEXT) * max(1, size * _REGEX)
    elif node.text == "contains":
        cost += max(1, base.size * _TEXT) * max(1, size * _TEXT)
    elif node.text in ("startsWith", "endsWith"):
        cost += max(1, size * _TEXT)
    elif node.text in _WHOLE_TEXT:
        cost += max(1, base.size * _TEXT)
        return cost, Sized({"type": "string"} if node.text != "split" else {"type": "array"}, base.size)
    else:
        cost += base.size if node.text in _WHOLE_LIST else 1
    return cost, _UNKNOWN


def _loop(macro: str, cost: float, base: Sized, arguments: list[Expr], names: _Names) -> tuple[float, Sized]:
    is_map = base.schema.get("type") != "array"
    bound = [argument.text for argument in arguments if argument.kind == "name"][: max(1, len(arguments) - 1)]
    key, element = Sized({"type": "string"} if is_map else {}), sized(_element(base.schema))
    inner = {**names}
    if len(bound) == 1:
        inner[bound[0]] = key if is_map else element
    else:
        inner |= {bound[0]: key, bound[1]: element}
    results = [_cost(argument, inner) for argument in arguments[len(bound) :]]
    cost += base.size * (sum(each for each, _ in results) + 1)
    if macro == "filter":
        return cost, base
    if macro in ("map", "transformList") and results:
        return cost, Sized({"type": "array", "items": results[-1][1].schema}, base.size)
    return cost, _UNKNOWN


def _exceeds(what: str, cost: float, budget: int) -> str:
    factor = cost / budget
    shown = "more than 100x" if factor > 100 else f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return f"{what} exceeds budget by factor of {shown} {_ADVICE}"
