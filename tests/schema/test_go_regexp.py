"""Regular expressions as Go reads them."""

from __future__ import annotations

import pytest

from navarch.schema.go_regexp import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        ("^[[:alnum:]]+$", "a1", "-"),
        (r"^a\z", "a", "a\n"),
        ("^a$", "a", "a\n"),
        (r"^\pL+$", "ab", "a1"),
        (r"^\p{Greek}$", "\u03b1", "a"),
        (r"^\d$", "1", "\u0661"),
        ("a|b", "xbx", "c"),
    ],
)
def test_what_go_matches(pattern: str, right: str, wrong: str) -> None:
    compiled = compile_pattern(pattern)
    assert compiled.search(right) and not compiled.search(wrong)


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("a(b", "missing closing ): `a(b`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        ("a\\", "trailing backslash at end of expression: ``"),
    ],
)
def test_what_go_says_of_a_wrong_one(pattern: str, fault: str) -> None:
    with pytest.raises(ValueError) as raised:
        compile_pattern(pattern)
    assert str(raised.value) == f"error parsing regexp: {fault}"


def test_nested_repetitions_cost_no_more_than_the_text_is_long() -> None:
    assert compile_pattern("^(a+)+$").search("a" * 50_000 + "!") is None
