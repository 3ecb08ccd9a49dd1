from __future__ import annotations

from typing import Any

import pytest

from navarch.base.field import ToleratedError
from navarch.schema import structural
from navarch.schema.cel import CelError, evaluate
from navarch.schema.cel_rules import check_rules

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "n": {"type": "integer"},
                "s": {"type": "string"},
                "imm": {
                    "type": "string",
                    "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "imm is immutable"}],
                },
                "a-b": {"type": "integer"},
                "l": {
                    "type": "array",
                    "items": {"type": "object", "x-kubernetes-validations": [{"rule": "self.k > 0"}]},
                },
            },
            "x-kubernetes-validations": [
                {
                    "rule": "!has(self.s) || self.n > 1",
                    "message": "n must exceed 1 with s",
                    "reason": "FieldValueForbidden",
                    "fieldPath": ".n",
                },
                {
                    "rule": "!has(self.a__dash__b) || self.a__dash__b == 1",
                    "messageExpression": "'not ' + string(self.n)",
                },
            ],
        }
    },
}
NODE = structural.compile_crd(SCHEMA, "Gamma")


def errors(spec: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    before = None if old is None else {"spec": old}
    found = structural.validate(NODE, {"spec": spec}, before)
    return [str(e) for e in found if not isinstance(e, ToleratedError)]


def test_rules_judge_new_values() -> None:
    assert errors({"n": 2, "s": "x"}) == []
    assert errors({"n": 1, "s": "x"}) == ["spec.n: Forbidden: n must exceed 1 with s"]
    assert errors({"n": 1, "a-b": 2}) == ['spec: Invalid value: "object": not 1']
    assert errors({"l": [{"k": 1}, {"k": 0}]}) == ['spec.l[1]: Invalid value: "object": failed rule: self.k > 0']


def test_rules_about_changes_need_an_old_value() -> None:
    assert errors({"imm": "a"}) == []
    assert errors({"imm": "a"}, {}) == []
    assert errors({"imm": "b"}, {"imm": "a"}) == ['spec.imm: Invalid value: "string": imm is immutable']


def test_a_rule_may_want_the_old_value_only_if_there_is_one() -> None:
    rule = {"rule": "!oldSelf.hasValue() || oldSelf.value() <= self", "optionalOldSelf": True}
    node = structural.compile_crd(
        {"type": "object", "properties": {"n": {"type": "integer", "x-kubernetes-validations": [rule]}}}, "Gamma"
    )
    assert structural.validate(node, {"n": 1}) == []
    assert structural.validate(node, {"n": 2}, {"n": 1}) == []
    assert len(structural.validate(node, {"n": 0}, {"n": 1})) == 1


def test_unchanged_values_are_tolerated() -> None:
    assert errors({"n": 1, "s": "x"}, {"n": 1, "s": "x"}) == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[1, 2].sum() == 3", True),
        ("isQuantity('1Gi') && !isQuantity('x')", True),
        ("isIP('10.0.0.1') && isCIDR('10.0.0.0/8')", True),
        ("'a1b22'.findAll('[0-9]+')", ["1", "22"]),
        ("x.?y.orValue(3)", 3),
        ("'a,b'.split(',')", ["a", "b"]),
        ("[3, 1].isSorted()", False),
    ],
)
def test_libraries(expression: str, expected: Any) -> None:
    assert evaluate(expression, {"x": {}}) == expected


def test_what_fails_says_why() -> None:
    with pytest.raises(CelError, match="compilation failed"):
        evaluate("x +", {"x": 1})
    with pytest.raises(CelError, match="missing"):
        evaluate("x.missing == 1", {"x": {}})


TYPED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ratio": {"type": "number"},
        "when": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "wait": {"type": "string", "format": "duration"},
        "raw": {"type": "string", "format": "byte"},
        "namespace": {"type": "string"},
        "by": {"type": "object", "additionalProperties": {"type": "number"}},
        "list": {"type": "array", "items": {"type": "string", "format": "date-time"}},
    },
}


@pytest.mark.parametrize(
    "rule",
    [
        "self.ratio / 2.0 == 1.5",
        "self.when > timestamp('2020-01-01T00:00:00Z') && self.when.getMilliseconds() == 250",
        "self.day.getFullYear() == 2024",
        "self.wait == duration('90s') && self.wait < duration('2m')",
        "string(self.raw) == 'abc'",
        "self.__namespace__ == 'n'",
        "self.by['a-b'] / 2.0 == 0.5",
        "self.list.all(x, x < self.when)",
        "!has(self.missing)",
    ],
)
def test_values_have_the_types_of_their_schema(rule: str) -> None:
    value = {
        "ratio": 3,
        "when": "2024-05-01T10:00:00.25Z",
        "day": "2024-05-01",
        "wait": "1m30s",
        "raw": "YWJj",
        "namespace": "n",
        "by": {"a-b": 1},
        "list": ["2023-05-01T10:00:00Z"],
    }
    schema = {**TYPED, "x-kubernetes-validations": [{"rule": rule}]}
    assert [str(error) for error in check_rules(schema, value)] == []


def test_old_values_are_typed_too() -> None:
    rule = {"rule": "self.when >= oldSelf.when && self.ratio > oldSelf.ratio"}
    schema = {**TYPED, "x-kubernetes-validations": [rule]}
    old = {"ratio": 1, "when": "2024-05-01T10:00:00Z"}
    assert list(check_rules(schema, {"ratio": 2, "when": "2024-05-01T11:00:00+00:00"}, old)) == []
    assert list(check_rules(schema, {"ratio": 2, "when": "2024-05-01T09:00:00Z"}, old))


def test_what_an_update_did_not_break_is_a_warning() -> None:
    atomic = {
        "type": "array",
        "items": {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0", "message": "too small"}]},
    }
    grows = {"type": "integer", "x-kubernetes-validations": [{"rule": "self > oldSelf", "message": "must grow"}]}
    schema = {"type": "object", "properties": {"l": atomic, "n": grows, "m": {"type": "string"}}}
    node = structural.compile_crd(schema, "Gamma")

    def found(new: dict[str, Any], old: dict[str, Any]) -> list[tuple[str, bool]]:
        errors = structural.validate(node, new, old)
        return [(str(error), isinstance(error, ToleratedError)) for error in errors]

    text = 'l[0]: Invalid value: "integer": too small'
    assert found({"l": [0, 1], "m": "b"}, {"l": [0, 1], "m": "a"}) == [(text, True)]
    # Elements of such a list correspond to none of before once the list has changed.
    assert found({"l": [0, 2]}, {"l": [0, 1]}) == [(text, False)]
    # Rules about the change hold for values that did not change too.
    assert found({"n": 1, "m": "b"}, {"n": 1, "m": "a"}) == [('n: Invalid value: "integer": must grow', False)]
