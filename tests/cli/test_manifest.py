"""Manifests that readers of tutorials paste, and what they are told."""

from __future__ import annotations

import pytest

from navarch.cli.errors import ApiError, CliError, report
from navarch.cli.manifest import Manifest, Text, refused, trees
from navarch.cli.manifest_advice import advice_on_fields
from navarch.cli.resources import Resource


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "a:\n  b: 1\n c: 2\n",
            "yaml: line 2: did not find expected key",
            "line 3 col 2: indented by 1; the lines above stand at 0 or 2",
        ),
        ("a:\n  - b: 1\n    c: 2\n   d: 3\n", "did not find expected", "line 4 col 4: indented by 3"),
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


PASTED = "apiVersion: v1\nkind: Pod\nmetadata:\n\u00a0 name: web\n# \u00a0 no indentation\n"


def test_no_break_spaces_that_became_part_of_a_name_are_pointed_at() -> None:
    (tree,) = trees(Text("pod.yaml", PASTED.encode()))
    assert tree["\u00a0 name"] == "web"
    item = Manifest(
        tree,
        "pod.yaml",
        Resource("pods", "pod", "Pod", "", "v1", True, (), (), (), (), True),
        "default",
        advice_on_fields(PASTED.encode()),
    )
    error = ApiError({"reason": "BadRequest", "message": 'unknown field "\u00a0 name"'}).during("creating", "pod.yaml")
    assert report(refused(item, error)).split("\n")[1:] == [
        "hint: line 4 col 1: no-break space U+00A0 used as indentation; replace it with a blank"
    ]


def test_sound_indentation_gives_no_advice() -> None:
    assert advice_on_fields("a:\n  b: x\u00a0y\n".encode()) == ""
