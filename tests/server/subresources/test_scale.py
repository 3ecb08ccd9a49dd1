"""The scale subresource of workloads."""

from __future__ import annotations

import pytest

from navarch.api.kind import Scale
from navarch.server.subresources.scale import at, put, scale_of
from tests.server.peer import Peer
from tests.server.test_pipeline import DEPLOYMENTS, deployment

PATH = DEPLOYMENTS + "/d/scale"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


@pytest.fixture
def scaled(peer: Peer) -> Peer:
    peer.post(DEPLOYMENTS, deployment(replicas=2))
    return peer


def test_a_scale_shows_the_parent(scaled: Peer) -> None:
    parent, scale = scaled.get(DEPLOYMENTS + "/d"), scaled.get(PATH)
    assert scale["metadata"]["resourceVersion"] == parent["metadata"]["resourceVersion"]
    assert scale["spec"] == {"replicas": 2}
    assert scale["status"] == {"replicas": 0, "selector": "a=b"}


def test_writes_change_the_parent_alone(scaled: Peer) -> None:
    scale = scaled.get(PATH)
    scale["spec"]["replicas"] = 5
    assert scaled.ok("PUT", PATH, scale)["spec"] == {"replicas": 5}
    assert scaled.ok("PATCH", PATH, {"spec": {"replicas": 6}}, media=MERGE)["spec"] == {"replicas": 6}
    parent = scaled.get(DEPLOYMENTS + "/d")
    assert (parent["spec"]["replicas"], parent["metadata"]["generation"]) == (6, 3)
    entry = next(e for e in parent["metadata"]["managedFields"] if e.get("subresource") == "scale")
    assert entry["fieldsV1"] == {"f:spec": {"f:replicas": {}}}


def test_a_stale_scale_loses(scaled: Peer) -> None:
    stale = scaled.get(PATH)
    scaled.ok("PATCH", PATH, {"spec": {"replicas": 6}}, media=MERGE)
    assert scaled.refused("PUT", PATH, stale)[0] == 409


def test_applied_replicas_conflict_with_other_owners(scaled: Peer) -> None:
    scale = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "d"}, "spec": {"replicas": 4}}
    code, text = scaled.refused("PATCH", PATH + "?fieldManager=hpa", scale, media=APPLY)
    assert code == 409 and ".spec.replicas" in text
    assert scaled.ok("PATCH", PATH + "?fieldManager=hpa&force=true", scale, media=APPLY)["spec"] == {"replicas": 4}


def test_dotted_paths() -> None:
    tree: dict[str, object] = {}
    put(tree, ".spec.size.n", 3)
    assert tree == {"spec": {"size": {"n": 3}}}
    assert at(tree, ".spec.size.n") == 3 and at(tree, "spec.none.n") is None


def test_selectors_of_all_forms() -> None:
    def selector(value: object) -> object:
        tree = {"metadata": {"name": "x"}, "spec": {"selector": value}}
        return scale_of(Scale(), tree)["status"].get("selector")

    assert selector({"b": "2", "a": "1"}) == "a=1,b=2"
    assert selector({"matchLabels": {"a": "1"}}) == "a=1"
    assert selector("a in (1)") == "a in (1)"
    assert selector(None) is None


def test_who_scales_owns_the_replicas_without_a_time(peer: Peer) -> None:
    peer.post(DEPLOYMENTS, deployment())
    peer.ok("PATCH", DEPLOYMENTS + "/d/scale?fieldManager=s", {"spec": {"replicas": 6}}, media=MERGE)
    entries = peer.get(DEPLOYMENTS + "/d")["metadata"]["managedFields"]
    (entry,) = [e for e in entries if e["manager"] == "s"]
    assert "time" not in entry and entry["subresource"] == "scale"


def test_the_table_of_a_scale(scaled: Peer) -> None:
    table = scaled.ok("GET", PATH, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    (row,) = table["rows"]
    assert row["cells"][:3] == ["d", 2, 0]
