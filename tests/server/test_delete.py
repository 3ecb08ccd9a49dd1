"""Deletion: at once, marked, held; what comes back and who may still lengthen it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.peer import Peer

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
MERGE = "application/merge-patch+json"


def pod(name: str = "p", node: str = "n1") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]}}


def test_an_ordinary_object_goes_at_once(peer: Peer) -> None:
    made = peer.post(CONFIG_MAPS, {"metadata": {"name": "c"}})
    answer = peer.ok("DELETE", CONFIG_MAPS + "/c")
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "c", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert peer.send("GET", CONFIG_MAPS + "/c").status == 404


def test_a_dry_run_deletes_nothing(peer: Peer) -> None:
    peer.post(CONFIG_MAPS, {"metadata": {"name": "c"}})
    peer.ok("DELETE", CONFIG_MAPS + "/c?dryRun=All")
    peer.get(CONFIG_MAPS + "/c")


def test_finalizers_hold_and_the_last_one_lets_go(peer: Peer) -> None:
    peer.post(CONFIG_MAPS, {"metadata": {"name": "c", "finalizers": ["x.io/a", "x.io/b"]}})
    marked = peer.ok("DELETE", CONFIG_MAPS + "/c")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    code, _ = peer.refused(
        "PATCH", CONFIG_MAPS + "/c", {"metadata": {"finalizers": ["x.io/a", "x.io/b", "x.io/c"]}}, media=MERGE
    )
    assert code == 422
    peer.ok("PATCH", CONFIG_MAPS + "/c", {"metadata": {"finalizers": ["x.io/a"]}}, media=MERGE)
    last = peer.ok("PATCH", CONFIG_MAPS + "/c", {"metadata": {"finalizers": None}}, media=MERGE)
    assert "finalizers" not in last["metadata"]
    assert peer.send("GET", CONFIG_MAPS + "/c").status == 404


def test_a_pod_on_a_node_gets_time_that_can_only_be_shortened(peer: Peer) -> None:
    peer.post(PODS, pod())
    first = peer.ok("DELETE", PODS + "/p")["metadata"]
    assert (first["deletionGracePeriodSeconds"], first["generation"]) == (30, 2)
    longer = peer.ok("DELETE", PODS + "/p", {"gracePeriodSeconds": 60})["metadata"]
    assert longer == first
    shorter = peer.ok("DELETE", PODS + "/p", {"gracePeriodSeconds": 5})["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    assert shorter["deletionTimestamp"] < first["deletionTimestamp"]
    peer.ok("DELETE", PODS + "/p", {"gracePeriodSeconds": 0})
    assert peer.send("GET", PODS + "/p").status == 404


@pytest.mark.parametrize(("node", "phase"), [("", "Pending"), ("n1", "Succeeded"), ("n1", "Failed")])
def test_pods_that_nobody_runs_go_at_once(peer: Peer, node: str, phase: str) -> None:
    peer.post(PODS, pod(node=node))
    peer.ok("PATCH", PODS + "/p/status", {"status": {"phase": phase}}, media=MERGE)
    assert peer.ok("DELETE", PODS + "/p")["kind"] == "Pod"
    assert peer.send("GET", PODS + "/p").status == 404


def test_preconditions(peer: Peer) -> None:
    made = peer.post(CONFIG_MAPS, {"metadata": {"name": "c"}})["metadata"]
    code, text = peer.refused("DELETE", CONFIG_MAPS + "/c", {"preconditions": {"uid": "other"}})
    assert code == 409 and f"does not match the UID in record ({made['uid']})" in text
    code, _ = peer.refused("DELETE", CONFIG_MAPS + "/c", {"preconditions": {"resourceVersion": "1"}})
    assert code == 409
    right = {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}
    peer.ok("DELETE", CONFIG_MAPS + "/c", {"preconditions": right})


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
def test_policies_are_finalizers_for_the_collector(peer: Peer, policy: str, finalizer: str) -> None:
    peer.post(CONFIG_MAPS, {"metadata": {"name": "c"}})
    marked = peer.ok("DELETE", CONFIG_MAPS + f"/c?propagationPolicy={policy}")
    assert marked["metadata"]["finalizers"] == [finalizer]


def test_jobs_leave_their_pods_unless_told_otherwise(peer: Peer) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    for name in ("a", "b"):
        peer.post(JOBS, {"metadata": {"name": name}, "spec": {"template": template}})
    answer = peer.send("DELETE", JOBS + "/a")
    assert any(name == "Warning" and "child pods are preserved" in text for name, text in answer.headers)
    assert peer.get(JOBS + "/a")["metadata"]["finalizers"] == ["orphan"]
    peer.ok("DELETE", JOBS + "/b?propagationPolicy=Background")
    assert peer.send("GET", JOBS + "/b").status == 404


def test_a_namespace_stays_until_it_is_empty(peer: Peer) -> None:
    peer.post("/api/v1/namespaces", {"metadata": {"name": "n"}})
    marked = peer.ok("DELETE", "/api/v1/namespaces/n")
    assert marked["status"]["phase"] == "Terminating"
    assert "deletionGracePeriodSeconds" not in marked["metadata"]
    code, _ = peer.refused("POST", "/api/v1/namespaces/n/configmaps", {"metadata": {"name": "c"}})
    assert code == 403
    marked["spec"]["finalizers"] = []
    peer.ok("PUT", "/api/v1/namespaces/n/finalize", marked)
    assert peer.send("GET", "/api/v1/namespaces/n").status == 404


def test_collections_go_by_selector_and_name_what_went(peer: Peer) -> None:
    for name in "abc":
        peer.post(CONFIG_MAPS, {"metadata": {"name": name, "labels": {"odd": str(name != "b")}}})
    gone = peer.ok("DELETE", CONFIG_MAPS + "?labelSelector=odd%3DTrue")
    assert [item["metadata"]["name"] for item in gone["items"]] == ["a", "c"]
    assert [item["metadata"]["name"] for item in peer.get(CONFIG_MAPS)["items"]] == ["b"]
