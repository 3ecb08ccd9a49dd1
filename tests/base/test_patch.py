import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.base.errors import StatusError
from navarch.base.patch import (
    PatchError,
    apply_json_patch,
    apply_merge_patch,
    diff_merge_patch,
    json_patch,
    merge_patch,
    same,
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)


@pytest.mark.parametrize(
    ("tree", "operations", "result"),
    [
        ({}, [{"op": "add", "path": "/a", "value": 1}], {"a": 1}),
        ({"a": [1]}, [{"op": "add", "path": "/a/0", "value": 0}], {"a": [0, 1]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
        ({"a": [1, 2]}, [{"op": "replace", "path": "/a/-1", "value": 3}], {"a": [1, 3]}),
        ({"a": {"b/c": 1}}, [{"op": "remove", "path": "/a/b~1c"}], {"a": {}}),
        ({"a": 1}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": 1, "b": 1}),
        ({"a": 1}, [{"op": "move", "from": "/a", "path": "/b"}], {"b": 1}),
        ({"a": 1}, [{"op": "test", "path": "/a", "value": 1}, {"op": "test", "path": "/b", "value": None}], {"a": 1}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {}}], {}),
    ],
)
def test_operations(tree: Any, operations: list[dict[str, Any]], result: Any) -> None:
    before = copy.deepcopy(tree)
    assert apply_json_patch(tree, operations) == result
    assert tree == before


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ({"op": "test", "path": "/k", "value": "no"}, "testing value /k failed: test failed"),
        ({"op": "test", "path": "/one", "value": True}, "testing value /one failed: test failed"),
        (
            {"op": "remove", "path": "/nope"},
            "remove operation does not apply: doc is missing key: /nope: missing value",
        ),
        (
            {"op": "replace", "path": "/no/x", "value": 1},
            "replace operation does not apply: doc is missing path: /no/x: missing value",
        ),
        (
            {"op": "add", "path": "/no/x", "value": 1},
            "add operation does not apply: doc is missing path: /no/x: missing value",
        ),
        ({"op": "remove", "path": "/l/5"}, "Unable to access invalid index: 5: invalid index referenced"),
        ({"op": "bogus", "path": "/x"}, "Unexpected kind: bogus"),
    ],
)
def test_operations_that_do_not_apply(operation: dict[str, Any], text: str) -> None:
    with pytest.raises(PatchError) as caught:
        apply_json_patch({"k": "v", "l": [1], "one": 1}, [operation])
    assert str(caught.value) == text


def test_bodies_as_the_server_refuses_them() -> None:
    with pytest.raises(StatusError) as caught:
        json_patch({}, {"op": "add"})
    assert (caught.value.code, caught.value.message) == (
        400,
        "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    )
    with pytest.raises(StatusError) as caught:
        json_patch({}, [{"op": "remove", "path": "/x"}])
    assert caught.value.to_dict() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the server rejected our request due to an error in our request",
        "reason": "Invalid",
        "details": {},
        "code": 422,
    }
    with pytest.raises(StatusError, match="Invalid JSON Patch"):
        merge_patch({}, None)
    with pytest.raises(StatusError, match=r"cannot unmarshal array into Go value of type map\[string\]interface \{\}"):
        merge_patch({}, [])


def test_merge_prunes_nulls_in_what_it_adds() -> None:
    assert apply_merge_patch({}, {"a": {"b": None, "c": 1}}) == {"a": {"c": 1}}
    assert apply_merge_patch({"a": [1]}, {"a": {"b": 1}}) == {"a": {"b": 1}}


@given(OBJECTS, OBJECTS)
def test_a_diff_brings_the_new_tree(old: Any, new: Any) -> None:
    before = copy.deepcopy(old)
    assert same(apply_merge_patch(old, diff_merge_patch(old, new)), new)
    assert same(old, before)


@given(OBJECTS, OBJECTS)
def test_merging_twice_is_merging_once(tree: Any, patch: Any) -> None:
    once = apply_merge_patch(tree, patch)
    assert same(apply_merge_patch(once, patch), once)
