from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.schema.field_set import difference, intersection, is_valid, paths, sort_deep, union

Paths = frozenset[tuple[str, ...]]
STEPS = st.sampled_from(["f:a", "f:b", 'k:{"n":1}', "v:1", "i:0"])
PATHS: st.SearchStrategy[Paths] = st.frozensets(st.lists(STEPS, min_size=1, max_size=3).map(tuple), max_size=6)


def encode(wanted: Paths) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path in wanted:
        node = root
        for step in path:
            node = node.setdefault(step, {})
        node["."] = {}
    return {key: normal(child) for key, child in root.items()}


def normal(node: dict[str, Any]) -> dict[str, Any]:
    return {} if set(node) == {"."} else {key: normal(child) if key != "." else {} for key, child in node.items()}


def decode(node: dict[str, Any], prefix: tuple[str, ...] = ()) -> Paths:
    out = set()
    for key, child in node.items():
        if key != ".":
            out |= ({(*prefix, key)} if not child or "." in child else set()) | decode(child, (*prefix, key))
    return frozenset(out)


@given(PATHS, PATHS)
def test_algebra_is_that_of_sets_of_paths(a: Paths, b: Paths) -> None:
    left, right = encode(a), encode(b)
    assert decode(left) == a
    assert decode(union(left, right)) == a | b
    assert decode(difference(left, right)) == a - b
    assert decode(intersection(left, right)) == a & b


@given(PATHS, PATHS)
def test_results_are_in_normal_form_and_inputs_unharmed(a: Paths, b: Paths) -> None:
    left, right = sort_deep(encode(a)), sort_deep(encode(b))
    for operation, wanted in ((union, a | b), (difference, a - b), (intersection, a & b)):
        result = operation(left, right)
        assert result == encode(wanted)
        assert list(result) == list(sort_deep(result))
    assert (left, right) == (encode(a), encode(b))


@given(PATHS, PATHS, PATHS)
def test_a_writer_may_keep_what_it_is_about_to_get(own: Paths, changed: Paths, removed: Paths) -> None:
    a, b, c = encode(own), encode(changed), encode(removed)
    assert union(difference(a, c), b) == union(difference(difference(a, b), c), b)


def test_nothing_changed_is_the_same_object() -> None:
    a = {"f:a": {".": {}, "f:b": {}}}
    assert union(a, {"f:a": {"f:b": {}}}) is a
    assert difference(a, {"f:c": {}}) is a


def test_printed_paths() -> None:
    node = {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}}}, "f:set": {'v:"x"': {}}}}
    assert paths(node) == [
        '.spec.ports[port=80,protocol="TCP"]',
        '.spec.ports[port=80,protocol="TCP"].name',
        '.spec.set[="x"]',
    ]


def test_numbers_sort_as_numbers() -> None:
    node = {'k:{"port":80}': {}, 'k:{"port":443}': {}, 'k:{"port":8}': {}, "f:b": {}, ".": {}, "f:a": {}}
    assert list(sort_deep(node)) == [".", "f:a", "f:b", 'k:{"port":8}', 'k:{"port":80}', 'k:{"port":443}']


@pytest.mark.parametrize(
    "node", [[], "x", {"data": {}}, {"f:a": None}, {"k:x": {}}, {"k:1": {}}, {"i:x": {}}, {"": {}}]
)
def test_what_kubernetes_would_not_read(node: Any) -> None:
    assert not is_valid(node)
