from __future__ import annotations

from typing import Any

import pytest

from navarch.base.resource import ObjectKey
from navarch.control import endpoints, endpointslice
from navarch.control.intents import DONE
from navarch.control.sources import ENDPOINTS, ENDPOINTSLICES, NODES, PODS, SERVICES
from navarch.control.world import World
from navarch.schema.types import Tree
from tests.control.worlds import creates, deleted, patches, world

KEY = ObjectKey("default", "web")
NODE: Tree = {"metadata": {"name": "n1"}}


def pod(number: int, *, ready: bool = True, **metadata: Any) -> Tree:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": {"name": f"web-{number:04}", "namespace": "default", "labels": {"app": "web"}, **metadata},
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "web", "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]}],
        },
        "status": {"phase": "Running", "podIP": f"10.0.{number // 250}.{number % 250}", "conditions": conditions},
    }


def service(**spec: Any) -> Tree:
    port = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [port], "clusterIP": "10.96.0.9", **spec},
    }


def around(pods: list[Tree], slices: list[Tree] = [], old: list[Tree] = [], **spec: Any) -> World:  # noqa: B006
    return world({SERVICES: [service(**spec)], PODS: pods, ENDPOINTSLICES: slices, NODES: [NODE], ENDPOINTS: old})


def apply(plan_trees: list[Tree]) -> list[Tree]:
    """Created slices as they would stand afterwards."""
    return [{**t, "metadata": {**t["metadata"], "name": f"web-{i}"}} for i, t in enumerate(plan_trees)]


def test_ready_serving_terminating() -> None:
    pods = [pod(1), pod(2, ready=False), pod(3, deletionTimestamp="2024-01-01T00:00:00Z")]
    (tree,) = creates(endpointslice.reconcile(around(pods), KEY, 0).intents)
    assert [e["conditions"] for e in tree["endpoints"]] == [
        {"ready": True, "serving": True, "terminating": False},
        {"ready": False, "serving": False, "terminating": False},
        {"ready": False, "serving": True, "terminating": True},
    ]
    assert tree["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    assert tree["metadata"]["labels"] == {
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }


def test_unready_addresses_can_be_published() -> None:
    (tree,) = creates(
        endpointslice.reconcile(around([pod(1, ready=False)], publishNotReadyAddresses=True), KEY, 0).intents
    )
    assert tree["endpoints"][0]["conditions"] == {"ready": True, "serving": False, "terminating": False}


def test_pods_of_nodes_that_are_not_there_wait() -> None:
    lost = pod(2)
    lost["spec"]["nodeName"] = "gone"
    plan = endpointslice.reconcile(around([pod(1), lost]), KEY, 0)
    (tree,) = creates(plan.intents)
    assert [e["targetRef"]["name"] for e in tree["endpoints"]] == ["web-0001"]
    assert plan.requeue_after_s == endpointslice.LOOK_AGAIN_S
    again = endpointslice.reconcile(around([pod(1), lost], apply([tree])), KEY, 0)
    assert (again.intents, again.requeue_after_s) == ((), endpointslice.LOOK_AGAIN_S)


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
def test_slices_hold_a_hundred_and_a_second_look_changes_nothing(count: int, sizes: list[int]) -> None:
    pods = [pod(i) for i in range(count)]
    trees = creates(endpointslice.reconcile(around(pods), KEY, 0).intents)
    assert [len(t["endpoints"]) for t in trees] == sizes
    assert endpointslice.reconcile(around(pods, apply(trees)), KEY, 0) == DONE


def test_one_pod_more_changes_one_slice() -> None:
    slices = apply(creates(endpointslice.reconcile(around([pod(i) for i in range(150)]), KEY, 0).intents))
    plan = endpointslice.reconcile(around([pod(i) for i in range(151)], slices), KEY, 0)
    assert [len(p["endpoints"]) for p in patches(plan.intents)] == [51]


def test_emptied_slices_go_and_one_stays() -> None:
    slices = apply(creates(endpointslice.reconcile(around([pod(i) for i in range(150)]), KEY, 0).intents))
    plan = endpointslice.reconcile(around([], slices), KEY, 0)
    assert deleted(plan.intents) == ["web-1"]
    assert [p["endpoints"] for p in patches(plan.intents)] == [[]]


def test_pods_with_other_port_numbers_get_slices_of_their_own() -> None:
    other = pod(2)
    other["spec"]["containers"][0]["ports"][0]["containerPort"] = 9090
    trees = creates(endpointslice.reconcile(around([pod(1), other]), KEY, 0).intents)
    assert sorted(t["ports"][0]["port"] for t in trees) == [8080, 9090]


def test_services_without_selector_are_left_alone() -> None:
    assert endpointslice.reconcile(around([pod(1)], selector={}), KEY, 0) == DONE
    assert endpoints.reconcile(around([pod(1)], selector={}), KEY, 0) == DONE


def test_endpoints_split_by_readiness_and_a_second_look_changes_nothing() -> None:
    pods = [pod(2), pod(1), pod(3, ready=False), pod(4, deletionTimestamp="2024-01-01T00:00:00Z")]
    (tree,) = creates(endpoints.reconcile(around(pods), KEY, 0).intents)
    (subset,) = tree["subsets"]
    assert [a["ip"] for a in subset["addresses"]] == ["10.0.0.1", "10.0.0.2"]
    assert [a["ip"] for a in subset["notReadyAddresses"]] == ["10.0.0.3"]
    assert endpoints.reconcile(around(pods, old=[tree]), KEY, 0) == DONE


def test_endpoints_are_truncated_at_a_thousand() -> None:
    (tree,) = creates(endpoints.reconcile(around([pod(i) for i in range(1001)]), KEY, 0).intents)
    assert len(tree["subsets"][0]["addresses"]) == 1000
    assert tree["metadata"]["annotations"] == {"endpoints.kubernetes.io/over-capacity": "truncated"}


def test_headless_without_ports_still_has_addresses() -> None:
    w = around([pod(1)], clusterIP="None", ports=[])
    (tree,) = creates(endpointslice.reconcile(w, KEY, 0).intents)
    assert len(tree["endpoints"]) == 1
    assert "service.kubernetes.io/headless" in tree["metadata"]["labels"]
    (old,) = creates(endpoints.reconcile(w, KEY, 0).intents)
    assert old["subsets"][0]["addresses"][0]["ip"] == "10.0.0.1"


def test_a_pod_finds_its_services_and_trifles_do_not_matter() -> None:
    from navarch.control.endpoints_of import keys_of_pod

    w = around([pod(1)])
    view = w[PODS].get(ObjectKey("default", "web-0001"))
    assert keys_of_pod(w, KEY, None, view) == {KEY}
    assert keys_of_pod(w, KEY, view, view) == set()
