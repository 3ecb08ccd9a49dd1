import json
from urllib.parse import parse_qs, urlsplit

import pytest

from navarch.base.selector import (
    EVERYTHING,
    NOTHING,
    SelectorError,
    format_label_selector,
    from_label_selector,
    from_labels,
    parse_fields,
    parse_labels,
)
from tests.recordings import DIRECTORY as CORPUS


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("", ""),
        ("b=1,a==2", "a==2,b=1"),
        ("e in (y,x),c!=d,!f,g,h notin (z)", "c!=d,e in (x,y),!f,g,h notin (z)"),
        ("n>1,m<2", "m<2,n>1"),
        ("  set = l ", "set=l"),
        ("n in ()", "n in ()"),
        ("n=", "n="),
        ("in in (in,notin)", "in in (in,notin)"),
        ("x in (,a)", "x in (,a)"),
    ],
)
def test_printed_form(text: str, printed: str) -> None:
    assert str(parse_labels(text)) == printed


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("a=1", {"a": "1"}, True),
        ("a=1", {}, False),
        ("a!=1", {}, True),
        ("a in (1,2)", {"a": "2"}, True),
        ("a notin (1,2)", {}, True),
        ("a notin (1,2)", {"a": "1"}, False),
        ("a", {"a": ""}, True),
        ("!a", {"a": ""}, False),
        ("a>1", {"a": "2"}, True),
        ("a>1", {"a": "x"}, False),
        ("a<1", {}, False),
        ("a=1,b", {"a": "1"}, False),
    ],
)
def test_matching(text: str, labels: dict[str, str], matches: bool) -> None:
    assert parse_labels(text).matches(labels) is matches


def test_pairs_are_known_for_equalities_alone() -> None:
    assert parse_labels("b in (2),a=1").pairs == (("a", "1"), ("b", "2"))
    assert parse_labels("a=1,b").pairs is None
    assert from_labels({"a": "1"}).pairs == (("a", "1"),)


def test_label_selectors_of_objects() -> None:
    assert from_label_selector(None) is NOTHING
    assert not from_label_selector(None).matches({})
    assert from_label_selector({}) is EVERYTHING
    tree = {
        "matchLabels": {"b": "2"},
        "matchExpressions": [
            {"key": "a", "operator": "In", "values": ["y", "x"]},
            {"key": "c", "operator": "DoesNotExist"},
        ],
    }
    assert format_label_selector(tree) == "a in (x,y),b=2,!c"
    assert format_label_selector({}) == "<none>"
    with pytest.raises(SelectorError, match='"Like" is not a valid label selector operator'):
        from_label_selector({"matchExpressions": [{"key": "a", "operator": "Like"}]})


def test_field_selectors() -> None:
    selector = parse_fields(r"metadata.name=a\,b\=c\\,status.phase!=Failed")
    values = {"metadata.name": "a,b=c\\", "status.phase": "Running"}
    assert selector.matches(lambda path: values.get(path, ""))
    assert selector.exact("metadata.name") == "a,b=c\\"
    assert selector.exact("status.phase") is None
    assert str(selector) == r"metadata.name=a\,b\=c\\,status.phase!=Failed"
    assert parse_fields("=").requirements == ()


def test_faults_as_recorded() -> None:
    """Every refused selector of the recorded lists gives the recorded message."""
    path = CORPUS / "lists.jsonl"
    if not path.exists():
        pytest.skip(f"no corpus at {CORPUS}")
    checked = 0
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if record["response"]["status"] != 400:
            continue
        query = parse_qs(urlsplit(record["request"]["path"]).query, keep_blank_values=True)
        message = record["response"]["body"]["message"]
        if "is not a known field selector" in message or "resource version" in message:
            continue
        for key, parser in (("labelSelector", parse_labels), ("fieldSelector", parse_fields)):
            if key in query and "none" not in query[key]:
                with pytest.raises(SelectorError) as caught:
                    parser(query[key][0])
                assert str(caught.value) == message
                checked += 1
    assert checked > 10
