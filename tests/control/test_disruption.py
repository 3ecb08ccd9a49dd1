"""What a PodDisruptionBudget allows."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.base.resource import ObjectKey
from navarch.base.times import format_time
from navarch.control import deployment, disruption, replicaset
from navarch.control.intents import Event
from navarch.control.sources import (
    DEPLOYMENTS,
    DISRUPTIONBUDGETS,
    PODS,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    STATEFULSETS,
)
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate
from tests.control.worlds import patches, world

KEY = ObjectKey("default", "pdb")
NOW = 1_000_000.0
SELECTOR = {"matchLabels": {"app": "web"}}


def budget(status: Tree | None = None, **spec: Any) -> Tree:
    metadata = {"name": "pdb", "namespace": "default", "generation": 2}
    return {"metadata": metadata, "spec": {"selector": SELECTOR, **spec}, "status": status or {}}


def pod(name: str, kind: str = "ReplicaSet", *, ready: bool = True, leaving: bool = False) -> Tree:
    api_version = "batch/v1" if kind == "Job" else "apps/v1"
    owner = {"apiVersion": api_version, "kind": kind, "name": "web", "uid": f"{kind}-web", "controller": True}
    metadata: Tree = {"name": name, "namespace": "default", "labels": {"app": "web"}}
    if kind:
        metadata["ownerReferences"] = [owner]
    if leaving:
        metadata["deletionTimestamp"] = format_time(NOW)
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": metadata, "status": {"phase": "Running", "conditions": conditions}}


def owned(kind: str, replicas: int, owner: str = "") -> Tree:
    metadata: Tree = {"name": "web", "namespace": "default", "uid": f"{kind}-web"}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner, "name": "web", "uid": f"{owner}-web", "controller": True}]
    return {"metadata": metadata, "spec": {"replicas": replicas}}


def status_of(budgets: Tree, pods: list[Tree], sets: int = 4, deployments: int = 0) -> tuple[Tree, list[str]]:
    """The status that is written, and the reasons of the events."""
    seen = world(
        {
            DISRUPTIONBUDGETS: [budgets],
            PODS: pods,
            REPLICASETS: [owned("ReplicaSet", sets, "Deployment" if deployments else "")],
            DEPLOYMENTS: [owned("Deployment", deployments)] if deployments else [],
            STATEFULSETS: [owned("StatefulSet", 7)],
            REPLICATIONCONTROLLERS: [],
        }
    )
    plan = disruption.reconcile(seen, KEY, NOW)
    found = patches(plan.intents, "status")
    return found[0]["status"] if found else {}, [i.reason for i in plan.intents if isinstance(i, Event)]


@pytest.mark.parametrize(
    ("spec", "pods", "numbers"),
    [
        ({"minAvailable": 2}, [pod(f"p{n}") for n in range(3)], (3, 2, 3, 1)),
        ({"minAvailable": 2}, [pod("a"), pod("b"), pod("c", ready=False), pod("d", leaving=True)], (4, 2, 2, 0)),
        ({"minAvailable": "60%"}, [pod(f"p{n}") for n in range(4)], (4, 3, 4, 1)),
        ({"maxUnavailable": 1}, [pod(f"p{n}") for n in range(4)], (4, 3, 4, 1)),
        ({"maxUnavailable": "30%"}, [pod(f"p{n}") for n in range(4)], (4, 2, 4, 2)),
        ({"maxUnavailable": 9}, [pod("a")], (4, 0, 1, 1)),
        ({"maxUnavailable": 1}, [pod("a", "StatefulSet")], (7, 6, 1, 0)),
        ({"maxUnavailable": 1}, [pod("a", "")], (0, 0, 1, 0)),
        ({"minAvailable": 0}, [pod("a", "Job")], (1, 0, 1, 1)),
    ],
)
def test_numbers(spec: Tree, pods: list[Tree], numbers: tuple[int, int, int, int]) -> None:
    status, events = status_of(budget(**spec), pods)
    found = tuple(status[k] for k in ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed"))
    assert found == numbers
    assert status["observedGeneration"] == 2
    (condition,) = status["conditions"]
    assert (condition["status"], condition["reason"]) == (
        ("True", "SufficientPods") if numbers[3] else ("False", "InsufficientPods")
    )
    assert events == []


def test_a_deployment_counts_instead_of_its_replica_sets() -> None:
    status, _ = status_of(budget(maxUnavailable=1), [pod("a")], sets=2, deployments=9)
    assert status["expectedPods"] == 9


def test_pods_without_a_scale_block_evictions() -> None:
    status, events = status_of(budget({"disruptionsAllowed": 3}, maxUnavailable=1), [pod("a", "Job")])
    assert status["disruptionsAllowed"] == 0
    assert status["conditions"][0]["reason"] == "SyncFailed"
    assert events == ["CalculateExpectedPodCountFailed"]


def test_an_evicted_pod_is_gone_for_two_minutes() -> None:
    pods = [pod(f"p{n}") for n in range(3)]
    promised = {"p0": format_time(NOW - 30), "p1": format_time(NOW - 130), "away": format_time(NOW)}
    status, events = status_of(budget({"disruptedPods": promised}, minAvailable=1), pods)
    assert status["currentHealthy"] == 2
    assert status["disruptedPods"] == {"p0": promised["p0"], "p1": None, "away": None}
    assert events == ["NotDeleted"]


def test_a_status_that_holds_is_not_written_again() -> None:
    pods = [pod(f"p{n}") for n in range(3)]
    status, _ = status_of(budget(minAvailable=2), pods)
    del status["disruptedPods"]
    assert status_of(budget(status, minAvailable=2), pods) == ({}, [])


def test_without_pods_nobody_is_disrupted() -> None:
    status, events = status_of(budget(minAvailable=1), [])
    assert (status["disruptionsAllowed"], events) == (0, ["NoPods"])


@pytest.mark.parametrize("seed", range(3))
def test_the_budget_follows_a_deployment(seed: int) -> None:
    async def body(c: Cluster) -> None:
        await c.create(DISRUPTIONBUDGETS.resource, {**budget(maxUnavailable="50%"), "status": {}})
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "c"}]}}
        metadata = {"name": "web", "namespace": "default"}
        spec = {"replicas": 4, "selector": SELECTOR, "template": template}
        await c.create(DEPLOYMENTS.resource, {"metadata": metadata, "spec": spec})

        def allowed() -> int:
            tree = c.api.tree(DISRUPTIONBUDGETS.resource, "pdb")
            assert tree is not None
            number: int = tree["status"].get("disruptionsAllowed", 0)
            assert number <= 2
            return number

        await c.until(lambda: allowed() == 2)

    controllers = (disruption.CONTROLLER, deployment.CONTROLLER, replicaset.CONTROLLER)
    simulate(controllers, body, seed=seed, max_delay_s=1.0)
