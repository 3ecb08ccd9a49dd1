from __future__ import annotations

import time
from typing import Any

import pytest

from navarch.base.resource import ObjectKey
from navarch.base.times import format_time
from navarch.control import replicaset, replicationcontroller
from navarch.control.intents import DONE, Create
from navarch.control.ranking import to_delete
from navarch.control.sources import PODS, REPLICASETS, REPLICATIONCONTROLLERS
from navarch.control.world import Failure, World
from navarch.schema.types import Tree
from tests.control.worlds import creates, deleted, patches, world

NOW = 1_700_000_000.0
KEY = ObjectKey("default", "web")
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "replicasets-web", "controller": True}


def pod(
    name: str, *, owned: bool = True, ready_s: float | None = 60, node: str = "n1", phase: str = "Running", **more: Any
) -> Tree:
    metadata: Tree = {
        "name": name,
        "namespace": "default",
        "labels": {"app": "web"},
        "creationTimestamp": format_time(NOW - 100),
    }
    if owned:
        metadata["ownerReferences"] = [OWNER]
    conditions = []
    if ready_s is not None:
        conditions.append({"type": "Ready", "status": "True", "lastTransitionTime": format_time(NOW - ready_s)})
    status = {"phase": phase, "conditions": conditions, "containerStatuses": more.pop("containers", [])}
    return {"metadata": {**metadata, **more}, "spec": {"nodeName": node}, "status": status}


def replica_set(replicas: int, min_ready_s: int = 0, **more: Any) -> Tree:
    return {
        "metadata": {"name": "web", "namespace": "default", "generation": 1, **more},
        "spec": {
            "replicas": replicas,
            "minReadySeconds": min_ready_s,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}},
        },
    }


def around(tree: Tree, pods: list[Tree]) -> World:
    return world({REPLICASETS: [tree], PODS: pods})


def test_missing_pods_are_made_and_extra_ones_deleted() -> None:
    plan = replicaset.reconcile(around(replica_set(3), [pod("a")]), KEY, NOW)
    assert [t["metadata"]["generateName"] for t in creates(plan.intents)] == ["web-", "web-"]
    plan = replicaset.reconcile(around(replica_set(1), [pod("a"), pod("b", ready_s=None)]), KEY, NOW)
    assert deleted(plan.intents) == ["b"]


def test_orphans_are_adopted_strangers_released() -> None:
    stranger = pod("s")
    stranger["metadata"]["labels"] = {"app": "other"}
    plan = replicaset.reconcile(around(replica_set(1), [pod("o", owned=False), stranger]), KEY, NOW)
    adopted, released = sorted(patches(plan.intents), key=lambda p: p["metadata"]["ownerReferences"] is None)
    assert adopted["metadata"]["ownerReferences"][0]["uid"] == "replicasets-web"
    assert released["metadata"]["ownerReferences"] is None
    assert creates(plan.intents) == []


def test_a_set_that_is_being_deleted_only_reports() -> None:
    leaving = replica_set(3, deletionTimestamp="2024-01-01T00:00:00Z")
    plan = replicaset.reconcile(around(leaving, [pod("o", owned=False)]), KEY, NOW)
    assert patches(plan.intents) == []
    assert creates(plan.intents) == []


def test_status_counts() -> None:
    other_labels = pod("b")
    other_labels["metadata"]["labels"] = {"app": "web", "x": "y"}
    pods = [pod("a"), other_labels, pod("c", ready_s=5), pod("d", ready_s=None)]
    pods += [pod("e", deletionTimestamp="2024-01-01T00:00:00Z"), pod("f", phase="Failed")]
    plan = replicaset.reconcile(around(replica_set(4, min_ready_s=10), pods), KEY, NOW)
    (status,) = patches(plan.intents, "status")
    assert status["status"] == {
        "replicas": 4,
        "fullyLabeledReplicas": 4,
        "readyReplicas": 3,
        "availableReplicas": 2,
        "terminatingReplicas": 1,
        "observedGeneration": 1,
    }
    assert plan.requeue_after_s == 5


def test_a_second_look_changes_nothing() -> None:
    tree = replica_set(1)
    (status,) = patches(replicaset.reconcile(around(tree, [pod("a")]), KEY, NOW).intents, "status")
    assert replicaset.reconcile(around({**tree, **status}, [pod("a")]), KEY, NOW) == DONE


def test_a_failure_is_a_condition_until_the_number_is_right() -> None:
    w = around(replica_set(2), [])
    w.failures[KEY] = Failure("Create", "Forbidden", "no quota")
    (status,) = patches(replicaset.reconcile(w, KEY, NOW).intents, "status")
    assert [(c["type"], c["reason"], c["message"]) for c in status["status"]["conditions"]] == [
        ("ReplicaFailure", "FailedCreate", "no quota")
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pod("x", node="", ready_s=None), pod("y", ready_s=None)),
        (pod("x", phase="Pending", ready_s=None), pod("y", ready_s=None)),
        (pod("x", ready_s=None), pod("y")),
        (pod("x", annotations={"controller.kubernetes.io/pod-deletion-cost": "-5"}), pod("y")),
        (pod("x", ready_s=2), pod("y", ready_s=90)),
        (pod("x", containers=[{"restartCount": 3}]), pod("y")),
        (pod("x", creationTimestamp=format_time(NOW - 5)), pod("y")),
        (pod("a"), pod("b")),
    ],
)
def test_who_goes_first(first: Tree, second: Tree) -> None:
    for pods in ([first, second], [second, first]):
        views = list(world({PODS: pods})[PODS].values())
        assert [p.metadata.name for p in to_delete(views, views, 1, NOW)] == [first["metadata"]["name"]]


def test_crowded_nodes_are_relieved_first() -> None:
    views = list(world({PODS: [pod("a", node="n1"), pod("b", node="n2"), pod("c", node="n2")]})[PODS].values())
    assert to_delete(views, views, 1, NOW)[0].spec.nodeName == "n2"


def test_replication_controllers_work_alike() -> None:
    tree = replica_set(2)
    tree["spec"]["selector"] = {"app": "web"}
    plan = replicationcontroller.reconcile(world({REPLICATIONCONTROLLERS: [tree], PODS: []}), KEY, NOW)
    owner = creates(plan.intents)[0]["metadata"]["ownerReferences"][0]
    assert (owner["apiVersion"], owner["kind"]) == ("v1", "ReplicationController")
    (status,) = patches(plan.intents, "status")
    assert "terminatingReplicas" not in status["status"]


def test_pods_find_their_sets() -> None:
    w = around(replica_set(1), [pod("a"), pod("o", owned=False)])
    owned, orphan = (w[PODS].get(ObjectKey("default", n)) for n in "ao")
    assert replicaset.keys_of_pod(w, KEY, owned, None) == {KEY}
    assert replicaset.keys_of_pod(w, KEY, None, orphan) == {KEY}


def test_five_hundred_replicas_cost_milliseconds() -> None:
    w = around(replica_set(1000), [pod(f"p{i}") for i in range(500)])
    begun = time.process_time()
    plan = replicaset.reconcile(w, KEY, NOW)
    assert time.process_time() - begun < 0.1
    assert sum(isinstance(i, Create) for i in plan.intents) == 500
