"""The normal form of objects that share parts with one in stored form."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.schema import facts, gotime
from navarch.schema.canon import ASKED, PLAIN, STATED, STORED, Anomaly, Empties, canon, canon_beside

POD = facts.load().type("io.k8s.api.core.v1.Pod")

KNOWN: dict[str, Any] = canon(POD)(
    {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": "p", "labels": {"a": "b"}, "managedFields": [{"manager": "m", "fieldsV1": {"f:a": {}}}]},
        "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]},
        "status": {"phase": "Running"},
    }
)

metadata = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("q"),
        "labels": st.dictionaries(st.sampled_from("abc"), st.text(max_size=1), max_size=2),
        "finalizers": st.lists(st.just("f"), max_size=1),
        "managedFields": st.just([]),
    },
)
spec = st.fixed_dictionaries(
    {"containers": st.just([{"name": "d"}])},
    optional={"tolerations": st.just([]), "nodeSelector": st.just({"b": "", "a": ""})},
)


@given(metadata, st.none() | spec, st.booleans())
def test_sharing_changes_no_form(meta: dict[str, Any], new_spec: dict[str, Any] | None, status: bool) -> None:
    tree = {**KNOWN, "metadata": {**KNOWN["metadata"], **meta}}
    if new_spec is not None:
        tree["spec"] = new_spec
    if not status:
        del tree["status"]
    for form in (STORED, STATED, ASKED):
        alone = canon(POD, form)(copy.deepcopy(tree))
        assert orjson.dumps(canon_beside(POD, tree, KNOWN, form)) == orjson.dumps(alone)
    try:
        assert canon_beside(POD, tree, KNOWN, PLAIN) == canon(POD)(copy.deepcopy(tree))
    except Empties:
        assert b"[]" in orjson.dumps(tree) or b"{}" in orjson.dumps(tree)


def test_what_is_shared_is_taken_as_it_is_and_all_else_is_new() -> None:
    tree = {**KNOWN, "spec": copy.copy(KNOWN["spec"])}
    out = canon_beside(POD, tree, KNOWN)
    assert out["metadata"] is KNOWN["metadata"] and out["status"] is KNOWN["status"]
    assert out["spec"] == KNOWN["spec"]
    limits = [t["spec"]["containers"][0]["resources"]["limits"] for t in (out, KNOWN)]
    assert limits[0] == limits[1] and limits[0] is not limits[1]


def test_unknown_fields_beside_shared_ones_are_found() -> None:
    with pytest.raises(Anomaly):
        canon_beside(POD, {**KNOWN, "bogus": {}}, KNOWN)
    with pytest.raises(Anomaly):
        canon_beside(POD, {**KNOWN, "metadata": {**KNOWN["metadata"], "bogus": 1}}, KNOWN)


def test_only_empty_lists_and_maps_make_forms_differ() -> None:
    node = facts.load().type("io.k8s.api.apps.v1.Deployment")
    body = {"spec": {"selector": {}, "template": {"spec": {"securityContext": {}}}}, "status": {}}
    assert canon(node, PLAIN)(body) == canon(node)(body)
    with pytest.raises(Empties):
        canon(node, PLAIN)({"metadata": {"labels": {}}})


texts = st.from_regex(r"\A\d{4}[-W]\d\d[-\d]\d\d?T[\d:]{6,8}[.,]?\d{0,6}[Z+]?\Z") | st.builds(
    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z".format,
    *(st.integers(0, most) for most in (9999, 13, 32, 24, 60, 60)),
    st.sampled_from(["", ".000001", ".9", ",000000"]),
)


@given(texts, st.booleans())
def test_what_looks_like_a_printed_time_is_one(text: str, micro: bool) -> None:
    if gotime.is_printed(text, micro=micro):
        assert gotime.error(text, micro=micro) == ""
        assert gotime.canonical(text, micro=micro) == text


def test_printed_times_are_known_as_such() -> None:
    assert gotime.is_printed("2026-02-28T23:59:59Z", micro=False)
    assert gotime.is_printed("2026-02-28T23:59:59.000001Z", micro=True)
    for text in ("2026-02-29T00:00:00Z", "2026-02-28T24:00:00Z", "2026-02-28t00:00:00Z", "2026-W09-7T00:00:00Z"):
        assert not gotime.is_printed(text, micro=False)
