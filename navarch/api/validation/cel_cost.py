"""What the CEL rules of a CustomResourceDefinition may cost at most, judged before any object exists.

A rule's cost is that of its expression on the largest value that the schema allows, times how often the
place may occur in one object. What has no maxItems, maxProperties or maxLength is as large as a request.

Worked example: `self.all(x, x.startsWith('a'))` on a list of at most 10 texts costs 10 times some five
units; without maxItems a million times as much, which one rule may just have, but not with a second loop.

Costs are those of cel-go where they matter, strings and loops (`schema/cel_cost.py`).

Source: apiextensions `schema/cel/compilation.go`; apiserver `common/schemas.go`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from navarch.api.validation.rules import Errors
from navarch.base.field import forbidden_field
from navarch.schema.cel_cost import UNKNOWN, Extent, cost_of
from navarch.schema.cel_parse import CelSyntaxError, parse
from navarch.schema.types import Tree

RULE_BUDGET: Final = 10_000_000
DEFINITION_BUDGET: Final = 100_000_000
_MAX_REQUEST: Final = 3 << 20
_RULES: Final = "x-kubernetes-validations"
_ADVICE: Final = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are "
    "declared)"
)
_FORMAT_LENGTHS: Final = {"date": 10, "date-time": 35, "duration": 32}


@dataclass(frozen=True, slots=True)
class Sized:
    """The largest value that a schema allows."""

    schema: Tree
    size: float = 1

    @property
    def kind(self) -> str:
        return str(self.schema.get("type", ""))

    def field(self, name: str) -> Extent:
        return sized((self.schema.get("properties") or {}).get(name) or {})

    def element(self) -> Extent:
        items, rest = self.schema.get("items"), self.schema.get("additionalProperties")
        found = items if isinstance(items, dict) else rest
        return sized(found) if isinstance(found, dict) else UNKNOWN


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
    return cost_of(tree, {"self": own, "oldSelf": own})


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


def _exceeds(what: str, cost: float, budget: int) -> str:
    factor = cost / budget
    shown = "more than 100x" if factor > 100 else f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return f"{what} exceeds budget by factor of {shown} {_ADVICE}"
