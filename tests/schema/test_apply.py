"""Server-side apply: ownership, pruning and conflicts, alone and against a real server's records."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.api.catalog import KINDS
from navarch.base.errors import StatusError
from navarch.schema import facts
from navarch.schema.apply import LAST_APPLIED, apply
from navarch.schema.field_set import paths
from navarch.schema.managed_fields import on_update
from navarch.schema.types import INT32, STRING, Field, List, Map, Struct, Tree
from tests.api.corpus import needs_corpus, records

BY_TYPE = {(kind.api_version, kind.kind): kind for kind in KINDS}

PORT = Struct("Port", {"port": Field(INT32), "protocol": Field(STRING, default="TCP"), "name": Field(STRING)})
FREE = Struct("Free", preserve_unknown=True)
SPEC = Struct(
    "Spec",
    {
        "n": Field(INT32),
        "ports": Field(List(PORT, "map", ("port", "protocol"))),
        "set": Field(List(STRING, "set")),
        "args": Field(List(STRING)),
        "selector": Field(Map(STRING, atomic=True)),
        "free": Field(FREE),
    },
)
METADATA = Struct("Meta", {"name": Field(STRING), "labels": Field(Map(STRING)), "annotations": Field(Map(STRING))})
ROOT = Struct("Root", {"metadata": Field(METADATA), "spec": Field(SPEC), "status": Field(Map(STRING))})
ROOT.fields |= {"apiVersion": Field(STRING), "kind": Field(STRING)}


def send(live: Tree | None, spec: Tree, manager: str = "m1", **options: Any) -> Tree:
    config = {"apiVersion": "v1", "kind": "Root", "metadata": {"name": "o"}, "spec": spec}
    return apply(ROOT, live, config, manager, "v1", options.pop("time", "t"), **options)


def owners(tree: Tree) -> dict[str, list[str]]:
    return {e["manager"]: paths(e["fieldsV1"]) for e in tree["metadata"].get("managedFields", [])}


def test_what_a_configuration_no_more_states_goes() -> None:
    live = send(None, {"n": 1, "set": ["a", "b"], "ports": [{"port": 80}, {"port": 81}]})
    after = send(live, {"set": ["b"], "ports": [{"port": 81}]})
    assert after["spec"] == {"set": ["b"], "ports": [{"port": 81}]}


def test_what_another_also_states_stays() -> None:
    live = send(None, {"n": 1, "set": ["a"]})
    live = send(live, {"n": 1}, "m2")
    after = send(live, {"set": ["a"]})
    assert after["spec"] == {"n": 1, "set": ["a"]}
    assert owners(after) == {"m1": ['.spec.set[="a"]'], "m2": [".spec.n"]}


def test_a_missing_key_is_its_default() -> None:
    live = send(None, {"ports": [{"port": 80, "name": "a"}]})
    after = send(live, {"ports": [{"port": 80, "protocol": "TCP"}, {"port": 80, "protocol": "UDP"}]}, "m2")
    assert after["spec"]["ports"] == [
        {"port": 80, "name": "a", "protocol": "TCP"},
        {"port": 80, "protocol": "UDP"},
    ]


def test_conflicts_name_manager_and_fields() -> None:
    live = send(None, {"n": 1, "selector": {"a": "b"}})
    with pytest.raises(StatusError) as caught:
        send(live, {"n": 2, "selector": {"a": "c"}}, "m2")
    assert caught.value.code == 409
    assert caught.value.message == 'Apply failed with 2 conflicts: conflicts with "m1":\n- .spec.n\n- .spec.selector'
    after = send(live, {"n": 2}, "m2", force=True)
    assert owners(after) == {"m1": [".spec.selector"], "m2": [".spec.n"]}


def test_data_without_schema_is_owned_field_by_field() -> None:
    live = send(None, {"free": {"x": {"y": [1, 2]}}})
    after = send(live, {"free": {"x": {"z": 1}}}, "m2")
    assert owners(after) == {"m1": [".spec.free.x", ".spec.free.x.y"], "m2": [".spec.free.x", ".spec.free.x.z"]}
    assert after["spec"]["free"] == {"x": {"y": [1, 2], "z": 1}}


def test_an_apply_without_effect_keeps_its_time() -> None:
    live = send(None, {"n": 1}, time="t1")
    assert send(live, {"n": 1}, time="t2") == live
    entries = send(live, {"n": 1}, "m2", time="t2")["metadata"]["managedFields"]
    assert [(e["manager"], e.get("time")) for e in entries] == [("m2", None), ("m1", "t1")]


def test_an_untracked_object_has_one_owner_at_first() -> None:
    live = {"metadata": {"name": "o", "labels": {"a": "1"}}, "spec": {"n": 1}}
    after = send(live, {"set": ["x"]})
    assert owners(after)["before-first-apply"] == [
        ".metadata.labels",
        ".metadata.labels.a",
        ".spec",
        ".spec.n",
    ]


def test_kubectl_takes_over_what_client_side_apply_set() -> None:
    config = {"metadata": {"name": "o"}, "spec": {"n": 1}}
    live: Tree = {
        "metadata": {"name": "o", "annotations": {LAST_APPLIED: json.dumps(config)}},
        "spec": {"n": 1, "args": ["x"]},
    }
    on_update(ROOT, None, live, "kubectl-client-side-apply", "v1", "t0")
    after = send(live, {"n": 2}, "kubectl")
    assert after["spec"] == {"n": 2, "args": ["x"]}
    assert json.loads(after["metadata"]["annotations"][LAST_APPLIED])["spec"] == {"n": 2}
    with pytest.raises(StatusError, match=r"1 conflict: .*\.spec\.args"):
        send(live, {"n": 2, "args": ["y"]}, "kubectl")


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"bogus": 1}, ".spec.bogus: field not declared in schema"),
        ({"n": "x"}, ".spec.n: expected numeric (int or float), got string"),
        ({"args": [5]}, ".spec.args[0]: expected string, got &value.valueUnstructured{Value:5}"),
        ({"set": ["a", "a"]}, '.spec.set: duplicate entries for key [="a"]'),
        ({"ports": [{"port": 1}, {"port": 1}]}, '.spec.ports: duplicate entries for key [port=1,protocol="TCP"]'),
        ({"selector": [1]}, ".spec.selector: expected map, got &{[1]}"),
    ],
)
def test_configurations_of_another_type(spec: Tree, fault: str) -> None:
    with pytest.raises(StatusError) as caught:
        send(None, spec)
    assert (caught.value.code, caught.value.message) == (
        500,
        f"failed to create typed patch object (/o; /v1, Kind=Root): {fault}",
    )


def test_an_element_is_told_by_the_keys_that_it_has() -> None:
    """`shareID` is the one of four keys that most devices do not have."""
    node = facts.load().type("io.k8s.api.resource.v1.ResourceClaim")

    def tell(*devices: Tree) -> Tree:
        config: Tree = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": "o"}}
        return apply(
            node, None, config | {"status": {"devices": list(devices)}}, "m", "resource.k8s.io/v1", "t", "status"
        )

    device = {"driver": "d", "pool": "p", "device": "a"}
    after = tell(device, device | {"shareID": "s"})
    assert [each.get("shareID") for each in after["status"]["devices"]] == [None, "s"]
    assert '.status.devices[device="a",driver="d",pool="p"]' in owners(after)["m"]


SPECS = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(1, 2),
        "set": st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True),
        "ports": st.lists(
            st.fixed_dictionaries({"port": st.integers(1, 3)}, optional={"name": st.sampled_from("xy")}),
            min_size=1,
            max_size=3,
            unique_by=lambda port: port["port"],
        ),
        "args": st.lists(st.sampled_from("ab"), min_size=1, max_size=2),
    },
)


@given(SPECS, SPECS)
def test_applying_twice_is_applying_once(first: Tree, second: Tree) -> None:
    live = send(send(None, first), second, "m2", force=True)
    before = copy.deepcopy(live)
    assert send(live, second, "m2", time="later") == before
    assert live == before


@given(SPECS, SPECS)
def test_a_lone_manager_gets_exactly_what_it_states(first: Tree, second: Tree) -> None:
    after = send(send(None, first), second)
    assert meaning(after.get("spec")) == meaning(second)


@given(SPECS, SPECS)
def test_after_force_every_stated_field_is_owned_and_has_the_stated_value(first: Tree, second: Tree) -> None:
    after = send(send(None, first), second, "m2", force=True)
    assert send(after, second, "m2") == after
    others = [entry for entry in after["metadata"].get("managedFields", []) if entry["manager"] == "m1"]
    if others:  # the first manager can apply what it has left without a conflict
        left = {
            key: value for key, value in first.items() if key in after.get("spec", {}) and after["spec"][key] == value
        }
        assert send(after, left)["spec"].keys() >= left.keys()


def meaning(spec: Any) -> Any:
    """Without the order of sets and maps, which an apply may keep from the live object."""
    spec = copy.deepcopy(spec or {})
    for key in ("set", "ports"):
        if key in spec:
            spec[key].sort(key=lambda item: json.dumps(item, sort_keys=True))
    return spec


@needs_corpus
def test_recorded_applies() -> None:
    """Every recorded apply of a built-in kind: managedFields, refusals, and the merged fields."""
    live: dict[str, Tree] = {}
    checked = 0
    for record in records("ssa.jsonl"):
        request, answer = record["request"], record["response"]["body"]
        body, status, sequence = request.get("body"), record["response"]["status"], record["seq"]
        url = urlsplit(request["path"])
        query = parse_qs(url.query)
        if _is_checked(record, body, query):
            kind = BY_TYPE[body["apiVersion"], body["kind"]]
            config, before = copy.deepcopy(body), copy.deepcopy(live.get(sequence))
            manager, force = query["fieldManager"][0], query.get("force") == ["true"]
            subresource = "status" if url.path.endswith("/status") else ""
            node = facts.load().type(kind.type_name)
            try:
                after = apply(node, before, config, manager, kind.api_version, "<time>", subresource, force)
            except StatusError as error:
                assert error.to_dict() == answer, record["id"]
            else:
                assert status in (200, 201), record["id"]
                assert after["metadata"].get("managedFields") == answer["metadata"].get("managedFields"), record["id"]
                if kind.kind == "ConfigMap":
                    known = {key: value or "" for key, value in after.get("data", {}).items()}
                    assert known == answer.get("data", {}), record["id"]
            assert config == body
            assert before == live.get(sequence)
            checked += 1
        if request["method"] == "DELETE":
            live.pop(sequence, None)
        elif status in (200, 201) and "dryRun" not in query and answer.get("kind") not in ("Scale", "Status"):
            live[sequence] = answer
    assert checked > 120


def _is_checked(record: dict[str, Any], body: Any, query: dict[str, list[str]]) -> bool:
    """Applies that get as far as merging, and whose object nothing else touched meanwhile."""
    request, status = record["request"], record["response"]["status"]
    if "apply" not in (request.get("headers") or {}).get("Content-Type", "") or not isinstance(body, dict):
        return False
    if (body.get("apiVersion"), body.get("kind")) not in BY_TYPE or "fieldManager" not in query:
        return False
    if record.get("unstable") == "status" or body["kind"] == "FlowSchema" or "resourceVersion" in body["metadata"]:
        return False
    return status in (200, 201, 409, 500) and body["kind"] != "Scale"
