"""Strategic merge patch: directives and order, alone and against a real server's records."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.base.errors import StatusError
from navarch.schema import facts
from navarch.schema.strategic import merge
from navarch.schema.strategic_diff import diff, three_way
from navarch.schema.types import STRING, Field, List, Map, Struct
from tests.api.corpus import needs_corpus, records

ITEM = Struct("Item", {"name": Field(STRING), "v": Field(STRING), "args": Field(List(STRING))})
SOURCE = Struct("Source", {"name": Field(STRING), "a": Field(STRING), "b": Field(STRING)})
ROOT = Struct(
    "Root",
    {
        "labels": Field(Map(STRING)),
        "finalizers": Field(List(STRING, "set"), patch_strategy="merge"),
        "items": Field(List(ITEM, "map", ("name",)), patch_strategy="merge", patch_merge_key="name"),
        "volumes": Field(List(SOURCE, "map", ("name",)), patch_strategy="merge,retainKeys", patch_merge_key="name"),
        "plain": Field(List(STRING)),
        "strategy": Field(SOURCE, patch_strategy="retainKeys"),
        "whole": Field(SOURCE, patch_strategy="replace"),
    },
)


@pytest.mark.parametrize(
    ("current", "patch", "result"),
    [
        ({"labels": {"a": "1"}}, {"labels": {"b": "2"}}, {"labels": {"a": "1", "b": "2"}}),
        ({"labels": {"a": "1"}}, {"labels": {"a": None}}, {"labels": {}}),
        ({"labels": {"a": "1"}}, {"labels": {"$patch": "replace", "z": "1"}}, {"labels": {"z": "1"}}),
        ({"labels": {"a": "1"}}, {"labels": {"$patch": "delete"}}, {"labels": {}}),
        ({"plain": ["a"]}, {"plain": ["b"]}, {"plain": ["b"]}),
        ({"whole": {"a": "1"}}, {"whole": {"b": "1"}}, {"whole": {"b": "1"}}),
        ({"finalizers": ["a", "b"]}, {"finalizers": ["c"]}, {"finalizers": ["c", "a", "b"]}),
        ({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": ["b"]}),
        (
            {"finalizers": ["c", "b"]},
            {"finalizers": ["d"], "$setElementOrder/finalizers": ["d", "b", "c"]},
            {"finalizers": ["d", "b", "c"]},
        ),
        (
            {"items": [{"name": "a", "v": "1"}, {"name": "b"}]},
            {"items": [{"name": "c"}, {"name": "a", "v": "2"}]},
            {"items": [{"name": "c"}, {"name": "a", "v": "2"}, {"name": "b"}]},
        ),
        (
            {"items": [{"name": "a"}, {"name": "b"}]},
            {"items": [{"name": "a", "$patch": "delete"}]},
            {"items": [{"name": "b"}]},
        ),
        ({"items": [{"name": "a"}]}, {"items": [{"$patch": "replace"}, {"name": "z"}]}, {"items": [{"name": "z"}]}),
        (
            {"items": [{"name": "a"}, {"name": "b"}, {"name": "c"}]},
            {"$setElementOrder/items": [{"name": "c"}, {"name": "a"}]},
            {"items": [{"name": "b"}, {"name": "c"}, {"name": "a"}]},
        ),
        ({"strategy": {"a": "1"}}, {"strategy": {"$retainKeys": ["b"], "b": "2"}}, {"strategy": {"b": "2"}}),
        ({}, {"items": [{"name": "a", "v": None, "$setElementOrder/args": []}]}, {"items": [{"name": "a"}]}),
    ],
)
def test_merge(current: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy((current, patch))
    assert merge(ROOT, current, patch) == result
    assert (current, patch) == before


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"items": [{"v": "x"}]}, "map: map[v:x] does not contain declared merge key: name"),
        ({"$patch": "bogus"}, "unknown patch type: bogus in map: map[$patch:bogus]"),
        ({"items": [{"name": "a", "$patch": "bogus"}]}, "unknown patch type: bogus in map: map[$patch:bogus name:a]"),
        ({"strategy": {"$retainKeys": ["a"], "b": "1"}}, "invalid patch format of retainKeys"),
    ],
)
def test_malformed_patches(patch: Any, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        merge(ROOT, {"items": [{"name": "a"}], "strategy": {}}, patch)
    assert (caught.value.code, caught.value.message) == (500, message)


def test_three_way_keeps_what_others_set() -> None:
    original = {"items": [{"name": "a", "v": "1"}, {"name": "b"}], "labels": {"x": "1", "y": "1"}}
    current = {
        "items": [{"name": "a", "v": "1"}, {"name": "b"}, {"name": "injected"}],
        "labels": {"x": "1", "y": "1", "z": "1"},
    }
    modified = {"items": [{"name": "a", "v": "2"}], "labels": {"x": "1"}}
    patch = three_way(ROOT, original, modified, current)
    assert patch == {
        "items": [{"name": "a", "v": "2"}, {"$patch": "delete", "name": "b"}],
        "$setElementOrder/items": [{"name": "a"}],
        "labels": {"y": None},
    }
    assert merge(ROOT, current, patch) == {
        "items": [{"name": "a", "v": "2"}, {"name": "injected"}],
        "labels": {"x": "1", "z": "1"},
    }


def test_a_changed_source_names_the_keys_to_retain() -> None:
    patch = diff(ROOT, {"volumes": [{"name": "v", "a": "1"}]}, {"volumes": [{"name": "v", "b": "1"}]})
    assert patch == {"volumes": [{"name": "v", "a": None, "b": "1", "$retainKeys": ["b", "name"]}]}


NAMES = st.sampled_from("abcd")
VALUES = st.sampled_from("12")
ITEMS = st.lists(
    st.fixed_dictionaries({"name": NAMES}, optional={"v": VALUES}), max_size=4, unique_by=lambda i: i["name"]
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(NAMES, VALUES, min_size=1, max_size=3),
        "finalizers": st.lists(NAMES, min_size=1, max_size=3, unique=True),
        "items": ITEMS.filter(bool),
        "strategy": st.fixed_dictionaries({"name": NAMES}, optional={"a": VALUES, "b": VALUES}),
        "plain": st.lists(NAMES, max_size=2),
    },
)


@given(OBJECTS, OBJECTS)
def test_a_three_way_patch_of_two_versions_gives_the_new_one(old: Any, new: Any) -> None:
    assert merge(ROOT, old, three_way(ROOT, old, new, old)) == new


@given(OBJECTS, OBJECTS)
def test_merging_twice_is_merging_once(current: Any, patch: Any) -> None:
    once = merge(ROOT, current, patch)
    assert merge(ROOT, once, patch) == once


@needs_corpus
def test_recorded_patches_of_a_pod() -> None:
    node = facts.load().type("io.k8s.api.core.v1.Pod")
    live: Any = None
    checked = 0
    for record in records("updates.jsonl"):
        if record["seq"] != "pod-smp" or record["response"]["body"].get("kind") != "Pod":
            continue
        body, after = record["request"].get("body"), record["response"]["body"]
        url = record["request"]["path"]
        if live is not None and body and record["request"]["method"] == "PATCH" and record["response"]["status"] == 200:
            patched = merge(node, live, body)
            if url.endswith("/p"):
                assert patched["metadata"].get("finalizers") == after["metadata"].get("finalizers"), record["id"]
                assert (patched["metadata"].get("labels") or None) == after["metadata"].get("labels"), record["id"]
                checked += 1
            if url.endswith("/status") and "conditions" in after["status"]:
                types = [c["type"] for c in after["status"]["conditions"]]
                assert [c["type"] for c in patched["status"]["conditions"]] == types, record["id"]
                checked += 1
        live = after
    assert checked > 12


@given(
    st.recursive(
        st.integers() | st.text("ab", max_size=2),
        lambda t: (
            st.lists(t, max_size=2)
            | st.dictionaries(
                st.sampled_from(["metadata", "labels", "finalizers", "spec", "containers", "name"]), t, max_size=3
            )
        ),
        max_leaves=8,
    )
)
def test_a_patch_without_directives_merges_as_any_other(value: Any) -> None:
    node = facts.load().type("io.k8s.api.core.v1.Pod")
    current = {"metadata": {"labels": {"a": "b"}, "finalizers": ["x"]}, "spec": {"containers": [{"name": "a"}]}}
    patch = value if isinstance(value, dict) else {"spec": value}

    def merged(*, plain: bool) -> Any:
        try:
            return merge(node, current, patch, plain=plain)
        except (StatusError, TypeError, AttributeError) as error:
            return type(error)

    assert merged(plain=True) == merged(plain=False)
