"""Evictions against disruption budgets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.peer import Peer

PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
MERGE = "application/merge-patch+json"
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}


def running(peer: Peer, *, ready: bool = True) -> None:
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    peer.post(PODS, {"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": spec})
    condition = {"type": "Ready", "status": str(ready)}
    peer.ok("PATCH", PODS + "/p/status", {"status": {"phase": "Running", "conditions": [condition]}}, media=MERGE)


def budget(peer: Peer, name: str = "b", **status: Any) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}
    peer.post(BUDGETS, {"metadata": {"name": name}, "spec": spec})
    full = {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1}
    patch = {"status": full | {"expectedPods": 2} | status}
    peer.ok("PATCH", f"{BUDGETS}/{name}/status", patch, media=MERGE)


def test_an_allowed_eviction_is_counted_and_says_why(peer: Peer) -> None:
    running(peer)
    budget(peer)
    peer.post(PODS + "/p/eviction", EVICTION)
    left = peer.get(BUDGETS + "/b")["status"]
    assert left["disruptionsAllowed"] == 0 and list(left["disruptedPods"]) == ["p"]
    pod = peer.get(PODS + "/p")
    assert pod["metadata"]["deletionTimestamp"]
    assert "EvictionByEvictionAPI" in {c.get("reason") for c in pod["status"]["conditions"]}


def test_a_spent_budget_refuses(peer: Peer) -> None:
    running(peer)
    budget(peer, disruptionsAllowed=0)
    answer = peer.send("POST", PODS + "/p/eviction", EVICTION)
    status = json.loads(answer.body)
    assert answer.status == 429
    (cause,) = status["details"]["causes"]
    assert cause["reason"] == "DisruptionBudget"
    assert cause["message"] == "The disruption budget b needs 1 healthy pods and has 2 currently"
    assert "deletionTimestamp" not in peer.get(PODS + "/p")["metadata"]


def test_a_budget_that_is_not_yet_computed_says_when_to_come_back(peer: Peer) -> None:
    running(peer)
    budget(peer, observedGeneration=0)
    answer = peer.send("POST", PODS + "/p/eviction", EVICTION)
    assert answer.status == 429 and ("Retry-After", "10") in answer.headers


def test_two_budgets_are_one_too_many(peer: Peer) -> None:
    running(peer)
    budget(peer, "b1")
    budget(peer, "b2")
    assert peer.send("POST", PODS + "/p/eviction", EVICTION).status == 500


@pytest.mark.parametrize(("policy", "code"), [(None, 429), ("AlwaysAllow", 201)])
def test_pods_that_are_not_ready(peer: Peer, policy: str | None, code: int) -> None:
    running(peer, ready=False)
    budget(peer, disruptionsAllowed=0, currentHealthy=0)
    peer.ok("PATCH", BUDGETS + "/b", {"spec": {"unhealthyPodEvictionPolicy": policy}}, media=MERGE)
    peer.ok("PATCH", BUDGETS + "/b/status", {"status": {"observedGeneration": 2}}, media=MERGE)
    assert peer.send("POST", PODS + "/p/eviction", EVICTION).status == code


def test_a_dry_run_evicts_nobody(peer: Peer) -> None:
    running(peer)
    budget(peer)
    peer.post(PODS + "/p/eviction?dryRun=All", EVICTION)
    assert peer.get(BUDGETS + "/b")["status"]["disruptionsAllowed"] == 1
    assert "deletionTimestamp" not in peer.get(PODS + "/p")["metadata"]


def test_pods_without_a_budget_go(peer: Peer) -> None:
    running(peer)
    peer.post(PODS + "/p/eviction", EVICTION | {"deleteOptions": {"gracePeriodSeconds": 0}})
    assert peer.send("GET", PODS + "/p").status == 404


def test_the_name_of_the_url_counts(peer: Peer) -> None:
    code, text = peer.refused("POST", PODS + "/q/eviction", EVICTION)
    assert (code, text) == (400, "name in URL does not match name in Eviction object")
