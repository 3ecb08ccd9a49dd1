"""YAML with Go's scalar rules."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.base import yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("yes", True),
        ("off", False),
        ("y", True),
        ("truE", "truE"),
        ("1", 1),
        ("-1", -1),
        ("+7", 7),
        ("010", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("08", 8),
        ("1.50", 1.5),
        ("3.0", 3),
        ("1e3", 1000),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("100m", "100m"),
        ("-", "-"),
        ("18446744073709551615", 18446744073709551615),
        ("99999999999999999999", 1e20),
        ("-9223372036854775809", -9223372036854775808),
        ("1e20", 1e20),
        ("9" * 5000, "9" * 5000),
        ("0x" + "f" * 17, "0x" + "f" * 17),
    ],
)
def test_plain_scalars(text: str, value: Any) -> None:
    assert yaml.plain(text) == value
    assert type(yaml.plain(text)) is type(value)


def test_quoted_and_tagged_scalars_keep_their_type() -> None:
    text = "a: '1'\nb: \"yes\"\nc: !!str 1\nd: !!int '7'\ne: |\n  on\nf: !!binary aGk=\n"
    assert yaml.load(text) == {"a": "1", "b": "yes", "c": "1", "d": 7, "e": "on\n", "f": "hi"}


def test_keys_become_strings() -> None:
    assert yaml.load("1: a\ntrue: b\n2.5: c\n") == {"1": "a", "true": "b", "2.5": "c"}


def test_anchors_and_merges() -> None:
    text = "base: &b {x: 1, y2: 2}\nuse:\n  <<: *b\n  x: 3\nsame: *b\n"
    assert yaml.load(text)["use"] == {"x": 3, "y2": 2}
    assert yaml.load(text)["same"] == {"x": 1, "y2": 2}


def test_repeated_keys_are_reported_and_the_last_wins() -> None:
    tree, repeated = yaml.load_strict('data:\n  a: "1"\n  a: "2"\n')
    assert tree == {"data": {"a": "2"}}
    assert repeated == ['line 3: key "a" already set in map']


def test_repeated_keys_are_shown_as_they_were_read() -> None:
    assert yaml.load_strict("y: 1\ny: 2\n7: a\n7: b\n")[1] == [
        "line 2: key true already set in map",
        "line 4: key 7 already set in map",
    ]


def test_line_numbers_are_those_of_go() -> None:
    for text, message in (
        ("a: [", "yaml: line 1: did not find expected node content"),
        ("a: b: c", "yaml: mapping values are not allowed in this context"),
        ("a:\n\t- x", "yaml: line 2: found character that cannot start any token"),
    ):
        with pytest.raises(yaml.YamlError) as error:
            yaml.load(text)
        assert str(error.value) == message


def test_all_documents() -> None:
    assert list(yaml.load_all("a: 1\n---\n---\nb: 2\n")) == [{"a": 1}, None, {"b": 2}]


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\t- x", "? [a]\n: 1\n", "a: !!int x"])
def test_what_is_not_yaml(text: str) -> None:
    with pytest.raises(yaml.YamlError, match=r"^yaml: "):
        yaml.load(text)
