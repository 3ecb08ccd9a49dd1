"""Manifests that readers of tutorials paste, and what they are told."""

from __future__ import annotations

import pytest

from navarch.cli.errors import CliError
from navarch.cli.manifest import Text, trees


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a:\n  b: 1\n c: 2\n", "yaml: line 2: did not find expected key", ""),
        ("a:\n\tb: 1\n", "found character that cannot start any token", "line 2 col 1: tab"),
        ("apiVersion: v1 kind: Pod metadata: x", "mapping values are not allowed in this context", "one line"),
    ],
)
def test_refusals_say_where_and_what_to_do(text: str, message: str, hint: str) -> None:
    with pytest.raises(CliError) as caught:
        list(trees(Text("bad.yaml", text.encode())))
    assert caught.value.message.startswith("error parsing bad.yaml: error converting YAML to JSON: yaml: ")
    assert message in caught.value.message
    assert hint in caught.value.message


def test_documents_and_json() -> None:
    assert list(trees(Text("x", b"a: 1\n---\n---\nb: 2\n"))) == [{"a": 1}, {"b": 2}]
    assert list(trees(Text("x", b'{"a": 1}'))) == [{"a": 1}]
