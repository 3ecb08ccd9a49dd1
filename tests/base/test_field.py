"""Field errors in Go's words: how values are shown, how errors are joined."""

from __future__ import annotations

import pytest

from navarch.base.field import invalid, invalid_value, required, show


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", '"plain"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("a\x01b", '"a\\x01b"'),
        ("\t\n\r\a\b\f\v", '"\\t\\n\\r\\a\\b\\f\\v"'),
        ("ä<&>", '"ä<&>"'),
        ("\u200b", '"\\u200b"'),
        (["<a>"], '["\\u003ca\\u003e"]'),
        (None, "null"),
        (True, "true"),
        ({}, "{}"),
    ],
)
def test_values_as_go_prints_them(value: object, text: str) -> None:
    assert show(value) == text


def test_one_error_stands_alone_and_repeats_are_told_once() -> None:
    one = required("spec.a")
    assert invalid("Pod", "", "p", [one, one]).message == 'Pod "p" is invalid: spec.a: Required value'
    two = invalid("Pod", "", "p", [one, invalid_value("spec.b", 1, "too low")])
    assert two.message.endswith("is invalid: [spec.a: Required value, spec.b: Invalid value: 1: too low]")
    assert [cause.field for cause in invalid("Pod", "", "p", [one, one]).details.causes] == ["spec.a", "spec.a"]
