"""What compiles, what does not, and in which words."""

from __future__ import annotations

import pytest

from navarch.api.validation.cel_check import DYN, UNKNOWN, Type, schema_type, type_of

_NAMES: dict[str, Type] = {"object": UNKNOWN, "self": {"n": "int", "inner": {"s": "string"}}}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("1", "int"),
        ("-5", "int"),
        ("1.5 + 2.5", "double"),
        ("'a' + \"b\"", "string"),
        ("self.n > 1 && !has(self.inner)", "bool"),
        ("self.inner.s", "string"),
        ("object.spec.replicas", UNKNOWN),
        ("object.spec.containers.all(c, c.image.startsWith('x'))", "bool"),
        ("object.items.map(i, v, i + v)", UNKNOWN),
        ("cel.bind(x, object.spec, x.y == 1)", UNKNOWN),
        ("object.?spec.orValue({'a': [1, 2,]})", UNKNOWN),
        ("Object{spec: Object.spec{replicas: 1}}", UNKNOWN),
        ("object.a ? 1 : 2 // why", UNKNOWN),
        ("null", "null_type"),
    ],
)
def test_types(expression: str, found: str) -> None:
    assert type_of(expression, _NAMES) == (found, "")


@pytest.mark.parametrize(
    ("expression", "line"),
    [
        ("object.", "ERROR: <input>:1:8: Syntax error: no viable alternative at input '.'"),
        ("a!", "ERROR: <input>:1:2: Syntax error: extraneous input '!' expecting <EOF>"),
        ("Object{a", "ERROR: <input>:1:9: Syntax error: mismatched input '<EOF>' expecting ':'"),
        ("self.nope == 1", "ERROR: <input>:1:5: undefined field 'nope'"),
        ("true &&\n other", "ERROR: <input>:2:2: undeclared reference to 'other' (in container '')"),
    ],
)
def test_faults_name_their_place(expression: str, line: str) -> None:
    found, why = type_of(expression, _NAMES)
    assert found == DYN
    assert line in why


def test_the_place_is_marked_below_the_line() -> None:
    assert type_of("1 + x", {})[1].endswith("\n | 1 + x\n | ....^")


def test_a_schema_that_says_nothing_refuses_nothing() -> None:
    free = schema_type({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    assert type_of("self.whatever.deep == 1", {"self": free}) == ("bool", "")
