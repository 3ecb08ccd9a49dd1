"""managedFields of creates and updates, alone and against what a real server recorded."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import parse_qs, urlsplit

from navarch.api.catalog import KINDS
from navarch.base.patch import json_patch, merge_patch
from navarch.schema import facts
from navarch.schema.managed_fields import ANCIENT, on_update
from navarch.schema.types import STRING, Field, List, Map, Struct, Tree
from tests.api.corpus import needs_corpus, records

BY_TYPE = {(kind.api_version, kind.kind): kind for kind in KINDS}

#: Kinds where strategies and defaults that this test does not run set more than the request did.
SET_BY_SERVER = {"Service", "FlowSchema"}

ITEM = Struct("Item", {"name": Field(STRING, default=""), "value": Field(STRING)})
SPEC = Struct("Spec", {"items": Field(List(ITEM, "map", ("name",))), "tags": Field(List(STRING, "set"))})
METADATA = Struct("Meta", {"name": Field(STRING), "labels": Field(Map(STRING))})
ROOT = Struct(
    "Root",
    {
        "metadata": Field(METADATA, presence="always"),
        "spec": Field(SPEC, presence="always"),
        "status": Field(Map(STRING)),
        "data": Field(Map(STRING)),
    },
)


def write(old: Tree | None, new: Tree, manager: str = "m", time: str = "t1", subresource: str = "") -> list[Tree]:
    tree = copy.deepcopy(new)
    tree.setdefault("metadata", {}).setdefault("name", "x")
    on_update(ROOT, old, tree, manager, "v1", time, subresource)
    new.clear()
    new.update(tree)
    return tree["metadata"].get("managedFields", [])


def test_a_new_object_belongs_to_its_creator() -> None:
    assert write(None, {"data": {"b": "1", "a": "2"}, "spec": {"tags": ["y", "x"]}, "status": {"s": "1"}}) == [
        {
            "manager": "m",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "t1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:data": {".": {}, "f:a": {}, "f:b": {}},
                "f:spec": {"f:tags": {".": {}, 'v:"x"': {}, 'v:"y"': {}}},
            },
        }
    ]


def test_what_nobody_changed_keeps_its_owner_and_time() -> None:
    old: Tree = {"data": {"a": "1"}}
    before = write(None, old)
    assert write(old, copy.deepcopy(old), "other", "t2") == before


def test_a_change_moves_the_field() -> None:
    old: Tree = {"data": {"a": "1", "b": "1"}}
    write(None, old)
    entries = write(old, {"data": {"a": "2", "b": "1"}, "metadata": old["metadata"]}, "other", "t2")
    assert [(e["manager"], e["time"], e["fieldsV1"]) for e in entries] == [
        ("m", "t1", {"f:data": {".": {}, "f:b": {}}}),
        ("other", "t2", {"f:data": {"f:a": {}}}),
    ]


def test_who_only_removes_takes_nothing() -> None:
    old: Tree = {"data": {"a": "1", "b": "1"}}
    write(None, old)
    entries = write(old, {"data": {"b": "1"}, "metadata": old["metadata"]}, "other", "t2")
    assert [(e["manager"], e["fieldsV1"]) for e in entries] == [("m", {"f:data": {".": {}, "f:b": {}}})]


def test_elements_are_told_apart_by_their_keys() -> None:
    old: Tree = {"spec": {"items": [{"name": "a", "value": "1"}, {"name": "b"}]}}
    write(None, old)
    new = {"spec": {"items": [{"name": "b"}, {"name": "a", "value": "2"}]}, "metadata": old["metadata"]}
    entries = write(old, new, "other")
    assert entries[1]["fieldsV1"] == {"f:spec": {"f:items": {'k:{"name":"a"}': {"f:value": {}}}}}


def test_empty_entries_reset_and_malformed_ones_are_ignored() -> None:
    old: Tree = {"data": {"a": "1"}}
    stored = write(None, old)
    for given in ([{}], []):
        assert write(old, {"data": {"a": "1"}, "metadata": {"managedFields": given}}) == []
    broken = [{"manager": "x", "operation": "Bogus"}]
    assert write(old, {"data": {"a": "1"}, "metadata": {"managedFields": broken}}) == stored


def test_an_object_without_entries_stays_untracked() -> None:
    assert write({"metadata": {"name": "x"}}, {"data": {"a": "1"}}) == []


def test_values_of_another_type_are_changed_as_a_whole() -> None:
    """Custom resources are validated later than their owners are recorded."""
    old: Tree = {"spec": {"items": [{"name": "a"}], "tags": ["x"]}}
    write(None, old)
    new = {"spec": {"items": "text", "tags": {"a": 1}}, "metadata": old["metadata"]}
    entries = write(old, new, "other")
    assert entries[-1]["fieldsV1"] == {"f:spec": {"f:items": {}, "f:tags": {}}}
    assert write(old, {"spec": 5, "metadata": copy.deepcopy(old["metadata"])}, "third")[-1]["fieldsV1"] == {
        "f:spec": {}
    }
    assert write(None, {"spec": 5, "data": ["x"]})[0]["fieldsV1"] == {"f:data": {}}


def test_old_updaters_are_merged() -> None:
    old: Tree = {"data": {}}
    write(None, old, "m00", "2026-01-01T00:00:00Z")
    for i in range(1, 13):
        new = {"data": {**old["data"], f"k{i:02}": "v"}, "metadata": copy.deepcopy(old["metadata"])}
        write(old, new, f"m{i:02}", f"2026-01-01T00:00:{i:02}Z")
        old = new
    entries = old["metadata"]["managedFields"]
    assert len(entries) == 10
    assert entries[0]["manager"] == ANCIENT
    assert entries[0]["time"] == "2026-01-01T00:00:03Z"
    assert set(entries[0]["fieldsV1"]["f:data"]) >= {"f:k01", "f:k02", "f:k03"}


@needs_corpus
def test_recorded_updates() -> None:
    """Every recorded PUT and PATCH, from the object before and the object after it."""
    checked = 0
    for name in ("updates.jsonl", "ssa.jsonl"):
        live: dict[Any, Tree] = {}
        for record in records(name):
            request, after = record["request"], record["response"]["body"]
            if record["response"]["status"] not in (200, 201) or not _is_object(after):
                continue
            url = urlsplit(request["path"])
            query = parse_qs(url.query)
            if "dryRun" in query:
                continue
            key = (record["seq"], after["kind"], after["metadata"]["uid"])
            before, live[key] = live.get(key), after
            kind = BY_TYPE.get((after["apiVersion"], after["kind"]))
            patch_type = (request.get("headers") or {}).get("Content-Type", "")
            if kind is None or before is None or request["method"] not in ("PUT", "PATCH") or "apply" in patch_type:
                continue
            if record.get("unstable") or kind.kind in SET_BY_SERVER:
                continue
            tree = copy.deepcopy(after)
            wanted = tree["metadata"].pop("managedFields", None)
            given = _given(request, before, patch_type)
            if given is not None:
                tree["metadata"]["managedFields"] = copy.deepcopy(given)
            subresource = url.path.partition(f"/{kind.plural}/")[2].partition("/")[2]
            manager = query.get("fieldManager", ["gold"])[0]
            if subresource == "resize":
                continue  # ownership is recorded before the kind undoes what this endpoint may not change
            node = facts.load().type(kind.type_name)
            on_update(node, before, tree, manager, kind.api_version, "<time>", subresource)
            assert tree["metadata"].get("managedFields") == wanted, record["id"]
            checked += 1
    assert checked > 100


def _is_object(body: Any) -> bool:
    return isinstance(body, dict) and "uid" in body.get("metadata", {})


def _given(request: dict[str, Any], before: Tree, patch_type: str) -> Any:
    body = request.get("body")
    if request["method"] == "PUT":
        return body["metadata"].get("managedFields")
    patched = json_patch(before, body) if "json-patch" in patch_type else merge_patch(before, body)
    return patched["metadata"].get("managedFields")
