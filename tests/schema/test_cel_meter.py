"""What expressions cost on real values, and where they are stopped."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from navarch.base.field import FieldError
from navarch.schema.cel import CallLimitError, CelError, OutOfBudgetError, evaluate
from navarch.schema.cel_meter import CALL_LIMIT, OBJECT_BUDGET, Budget
from navarch.schema.cel_pieces import split
from navarch.schema.cel_rules import check_rules

NUMBERS = list(range(2000))
PAIRS = "self.all(x, self.all(y, x <= y || x > y))"


def spent(expression: str, value: Any) -> float:
    budget = Budget()
    evaluate(expression, {"self": value}, budget=budget)
    return OBJECT_BUDGET - budget.remaining


@pytest.mark.parametrize(
    ("expression", "value", "cost"),
    [
        ("self.all(x, true)", [], 2),
        ("self.all(x, true)", [0] * 100, 302),
        ("self.matches('[0-9]')", "x" * 500, 103),
        ("self.n > 1", {"n": 2}, 4),
    ],
)
def test_costs_are_those_of_cel_go(expression: str, value: Any, cost: float) -> None:
    assert abs(spent(expression, value) - cost) <= 1


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (PAIRS, NUMBERS),
        ("sets.contains(self, self)", NUMBERS),
        ("self.matches('^(a|b|c|d)*x{1,9}$')", "a" * 3_000_000),
        ("lists.range(1000000).all(x, x >= 0)", 0),
        ("cel.bind(a, self + self, cel.bind(b, a + a, (b + b + b + b).size() > 1))", "a" * 3_000_000),
        ("self.map(x, self.map(y, self.map(z, x + y + z))).size() > 0", NUMBERS),
    ],
)
def test_what_costs_too_much_is_stopped(expression: str, value: Any) -> None:
    budget = Budget()
    with pytest.raises(CallLimitError):
        evaluate(expression, {"self": value}, budget=budget)
    assert budget.remaining == OBJECT_BUDGET - CALL_LIMIT


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("self.all(x, x < 50000)", 50_000),
        ("self.exists(x, x == 49999)", 50_000),
        ("self.exists_one(x, x == 30000)", 50_000),
        ("self.map(x, x + 1)[20000] == 20001", 30_000),
        ("self.filter(x, x % 2 == 0).size() == 15000", 30_000),
        ("self.all(i, x, i == x)", 20_000),
        ("cel.bind(m, self[7], self.exists(x, x == m))", 50_000),
        (PAIRS, 300),
        ("self.size() > 3 && self.all(x, x >= 0) && self.exists(x, x > 3)", 30_000),
    ],
)
def test_long_loops_run_in_pieces(expression: str, value: int) -> None:
    assert evaluate(expression, {"self": list(range(value))}, budget=Budget()) is True


def test_maps_run_in_pieces() -> None:
    value = {f"k{index}": index for index in range(20_000)}
    assert evaluate("self.all(k, self[k] >= 0)", {"self": value}, budget=Budget()) is True


def test_an_error_counts_only_if_nothing_decides() -> None:
    value = [{}, *({"n": 1} for _ in range(20_000))]
    assert evaluate("self.exists(x, x.n == 1)", {"self": value}, budget=Budget()) is True
    with pytest.raises(CelError, match="no such key: n"):
        evaluate("self.all(x, x.n == 1)", {"self": value}, budget=Budget())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=30))
def test_pieces_make_what_the_whole_makes(value: list[int]) -> None:
    long = value * 1000
    for macro in ("all", "exists", "exists_one"):
        whole = {"all": all, "exists": any, "exists_one": lambda each: sum(each) == 1}[macro](x > 4 for x in long)
        assert evaluate(f"self.{macro}(x, x > 4)", {"self": long}, budget=Budget()) is whole


def test_expressions_share_a_budget() -> None:
    budget = Budget(500_000)
    evaluate(PAIRS, {"self": NUMBERS[:200]}, budget=budget)
    with pytest.raises(OutOfBudgetError):
        evaluate(PAIRS, {"self": NUMBERS[:200]}, budget=budget)
    with pytest.raises(OutOfBudgetError):
        evaluate("self > 1", {"self": 2}, budget=budget)


def test_loops_become_calls_with_what_is_bound() -> None:
    found = split("cel.bind(m, 3, l.all(x, l.exists(y, y > x + m)))")
    assert found.text == 'cel.bind(m, 3, navarch.pieces(0, l, {"m": m}))'
    assert [loop.text for loop in found.loops] == ["navarch_items.all(x, l.exists(y, y > x + m))"]


def rules(value: list[Any], *expressions: str, **more: str) -> list[FieldError]:
    schema = {
        "type": "array",
        "items": {"type": "integer"},
        "x-kubernetes-validations": [{"rule": expression, **more} for expression in expressions],
    }
    return list(check_rules({"type": "object", "properties": {"l": schema}}, {"l": value}))


def test_rules_end_with_the_one_that_costs_too_much() -> None:
    (error,) = rules(NUMBERS, PAIRS, "self.size() == 0")
    assert str(error) == (
        "l: Invalid value: \"array\": 'operation cancelled: actual cost limit exceeded': no further validation rules "
        f"will be run due to call cost exceeds limit for rule: {PAIRS}"
    )


def test_rules_end_when_their_budget_is_spent() -> None:
    errors = rules(NUMBERS[:300], *[f"{PAIRS} && {n} > 0" for n in range(14)], "self.size() == 0")
    text = "validation failed due to running out of cost budget, no further validation rules will be run"
    assert str(errors[-1]) == f'l: Invalid value: "array": {text}'
    assert len(errors) == 2  # the first rule does not hold, the last does not run


def test_a_message_that_costs_too_much_ends_the_rules() -> None:
    (error,) = rules(NUMBERS, "false", "false", messageExpression=f"{PAIRS} ? 'a' : 'b'")
    text = "no further validation rules will be run due to call cost exceeds limit for messageExpression"
    assert str(error) == f"l: Invalid value: \"array\": {text}: \"{PAIRS} ? 'a' : 'b'\""


def test_a_rule_that_fails_says_for_which_values() -> None:
    (error,) = rules([1], "self[3] == 1", message="third")
    assert str(error) == 'l: Invalid value: "array": index out of bounds: 3 evaluating rule: third'


def test_distinct_elements_of_long_lists() -> None:
    value = [{"n": number % 7} for number in range(50_000)]
    assert evaluate("self.distinct().size() == 7", {"self": value}, budget=Budget()) is True
    assert evaluate("[1, 1.0, true, 'a', [1], [1], {'k': 1}, {'k': 1}].distinct().size()", {}) == 5
