"""Rules that could cost too much are refused before there is an object."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.api.validation.cel_cost import DEFINITION_BUDGET, RULE_BUDGET, rule_cost
from navarch.api.validation.definition_schema import schema_errors

Tree = dict[str, Any]

TEXT = {"type": "string"}
SHORT = {"type": "string", "maxLength": 10}
ADVICE = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are "
    "declared)"
)


def items(of: Tree, most: int | None = None) -> Tree:
    return {"type": "array", "items": of} | ({} if most is None else {"maxItems": most})


@pytest.mark.parametrize(
    ("expression", "schema", "low", "high"),
    [
        ("self > 1", {"type": "integer"}, 1, 3),
        ("self == oldSelf", TEXT, 300_000, 320_000),
        ("self == oldSelf", SHORT, 2, 4),
        ("self.startsWith('abc')", TEXT, 1, 4),
        ("self.contains('abc')", TEXT, 300_000, 320_000),
        ("self.all(x, x.startsWith('a'))", items(SHORT, 10), 20, 60),
        ("self.all(x, self.exists(y, x == y))", items(SHORT, 100), 60_000, 80_000),
        ("self.all(x, self.exists(y, x == y))", items(SHORT), 10**11, 10**13),
        ("self.all(k, self[k] > 1)", {"type": "object", "additionalProperties": {"type": "integer"}}, 10**6, 10**7),
        ("self.filter(x, x > 1).map(x, x + 1).sum() > 1", items({"type": "integer"}, 10), 300, 360),
        ("cel.bind(x, self.size(), x > 1 && x < 5)", items(TEXT, 10), 2, 10),
        ("self.transformList(i, v, v + i).size() > 1 ? true : false", items({"type": "integer"}, 10), 150, 160),
        ("no syntax (", TEXT, 0, 0),
        # What cel-go says of these.
        ("has(self.a.b)", {"type": "object"}, 3, 3),
        ("self.all(x, true)", items(TEXT, 100), 302, 302),
        ("self.all(x, x.all(y, true))", items(items(TEXT, 10), 50), 1752, 1752),
        ("[1, 2, 3].all(x, true)", TEXT, 20, 20),
        ("self.matches('[0-9]')", {"type": "string", "maxLength": 500}, 103, 103),
    ],
)
def test_costs_are_of_the_right_size(expression: str, schema: Tree, low: float, high: float) -> None:
    assert low <= rule_cost(expression, schema) <= high


def errors(schema: Tree) -> list[str]:
    return [str(error) for error in schema_errors({"type": "object", "properties": schema}, "s")]


def test_a_dear_rule_is_refused_with_the_factor() -> None:
    nested = {**items(SHORT), "x-kubernetes-validations": [{"rule": "self.all(x, self.exists(y, x == y))"}]}
    where = "s.properties[l].x-kubernetes-validations[0].rule"
    shared = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
    total = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
    assert errors({"l": nested}) == [
        f"{where}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x {ADVICE}",
        f"{where}: Forbidden: {shared}",
        f"s: Forbidden: {total} exceeds budget by factor of more than 100x {ADVICE}",
    ]
    assert errors({"l": {**nested, "maxItems": 100}}) == []


def test_a_rule_counts_as_often_as_its_place_occurs() -> None:
    item = {**TEXT, "x-kubernetes-validations": [{"rule": "self == self"}]}
    assert errors({"s": item}) == []
    assert errors({"l": items(item, 20)}) == []
    (only,) = errors({"l": items(item, 100)})
    assert "estimated rule cost exceeds budget by factor of 3.1x" in only


def test_the_words_of_a_message_have_a_budget_too() -> None:
    rule = {"rule": "true", "messageExpression": "self.map(x, self.map(y, x + y).size()).size() > 1 ? 'a' : 'b'"}
    (only,) = errors({"l": {**items(TEXT), "x-kubernetes-validations": [rule]}})
    assert only.startswith("s.properties[l].x-kubernetes-validations[0].messageExpression: Forbidden: estimated mess")


def test_budgets() -> None:
    assert DEFINITION_BUDGET == 10 * RULE_BUDGET
