from __future__ import annotations

import math
from typing import Any

import pytest

from navarch.api.views.node import Taint
from navarch.api.views.pod import Toleration
from navarch.base.resource import ObjectKey
from navarch.base.times import format_micro, format_time
from navarch.client.contract import PatchType
from navarch.control import clusterrole, nodeipam, nodelifecycle, podgc, tainteviction
from navarch.control.intents import DONE, Delete, Plan
from navarch.control.sources import CLUSTERROLES, LEASES, NODES, PODS
from navarch.control.world import World
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate
from tests.control.worlds import deleted, patches, world

NOW = 1_700_000_000.0
N1 = ObjectKey("", "n1")
GRACE_S = 40.0


def node(name: str = "n1", ready: str | None = "True", heard: float = NOW, **spec: Any) -> Tree:
    conditions = [] if ready is None else [{"type": "Ready", "status": ready, "lastHeartbeatTime": format_time(heard)}]
    metadata = {"name": name, "creationTimestamp": format_time(NOW - 1000)}
    return {"metadata": metadata, "spec": spec, "status": {"conditions": conditions}}


def lease(at: float) -> Tree:
    metadata = {"name": "n1", "namespace": "kube-node-lease"}
    return {"metadata": metadata, "spec": {"renewTime": format_micro(at)}}


def pod(name: str, node_name: str = "n1", phase: str = "Running", **metadata: Any) -> Tree:
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": "True"}]}
    return {
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": {"nodeName": node_name},
        "status": status,
    }


def look(
    nodes: list[Tree], *, pods: list[Tree] | None = None, leases: list[Tree] | None = None, start: float = 0
) -> Plan:
    w = world({NODES: nodes, PODS: pods or [], LEASES: leases or []}, start)
    return nodelifecycle.reconcile(GRACE_S, w, N1, NOW)


def test_a_node_that_is_heard_is_left_alone_and_looked_at_in_time() -> None:
    plan = look([node(heard=NOW - 10)])
    assert plan.intents == ()
    assert plan.requeue_after_s == pytest.approx(30.1)


@pytest.mark.parametrize(
    ("heard_s", "leased_s", "started_s", "silent"),
    [(41, 41, 100, True), (41, 5, 100, False), (5, 100, 100, False), (500, 500, 20, False)],
)
def test_silence_is_counted_from_the_last_sign_of_life(
    heard_s: float, leased_s: float, started_s: float, silent: bool
) -> None:
    plan = look([node(heard=NOW - heard_s)], leases=[lease(NOW - leased_s)], start=NOW - started_s)
    assert bool(plan.intents) is silent


def test_a_silent_node_is_unknown_tainted_and_its_pods_not_ready() -> None:
    plan = look([node(heard=NOW - 60), node("n2")], pods=[pod("a"), pod("b", node_name="n2")])
    status, pods = patches(plan.intents, "status")
    ready = status["status"]["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
    assert ready["message"] == "Kubelet stopped posting node status."
    (taints,) = patches(plan.intents)
    assert {(t["key"], t["effect"]) for t in taints["spec"]["taints"]} == {
        ("node.kubernetes.io/unreachable", "NoSchedule"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
    }
    assert pods["status"]["conditions"][0]["status"] == "False"


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (
            node(ready="False"),
            {("node.kubernetes.io/not-ready", "NoSchedule"), ("node.kubernetes.io/not-ready", "NoExecute")},
        ),
        (node(unschedulable=True), {("node.kubernetes.io/unschedulable", "NoSchedule")}),
        (node(ready=None, taints=[{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]), None),
        (node(taints=[{"key": "mine", "effect": "NoSchedule"}]), None),
        (
            node(
                taints=[
                    {"key": "mine", "effect": "NoSchedule"},
                    {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
                ]
            ),
            {("mine", "NoSchedule")},
        ),
    ],
)
def test_taints(tree: Tree, expected: set[tuple[str, str]] | None) -> None:
    found = patches(look([tree, node("n2")], start=NOW).intents)
    if expected is None:
        assert found == []
    else:
        assert {(t["key"], t["effect"]) for t in found[0]["spec"]["taints"]} == expected


@pytest.mark.parametrize("tree", [node(heard=NOW - 60), node(ready="False"), node(ready="Unknown")])
def test_while_no_node_is_ready_no_pod_has_to_leave(tree: Tree) -> None:
    tree["spec"]["taints"] = [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]
    (taints,) = patches(look([tree, node("n2", ready="Unknown")], start=0).intents)
    assert {t["effect"] for t in taints["spec"]["taints"]} == {"NoSchedule"}


def test_when_a_node_is_back_pods_leave_those_that_are_not() -> None:
    def effects(c: Cluster, name: str) -> set[str]:
        tree = c.api.tree(NODES.resource, name)
        assert tree is not None
        return {t["effect"] for t in tree["spec"].get("taints", [])}

    async def body(c: Cluster) -> None:
        for name in ("n1", "n2", "n3"):
            await c.create(NODES.resource, node(name, heard=c.seams.clock.now()))
        await c.until(lambda: all(effects(c, n) == {"NoSchedule"} for n in ("n1", "n2", "n3")))
        now = format_time(c.seams.clock.now() + 600)
        back = {"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": now}]}}
        await c.api.patch(NODES.resource, "n1", back, PatchType.MERGE, subresource="status")
        await c.until(lambda: effects(c, "n1") == set() and effects(c, "n2") == {"NoSchedule", "NoExecute"})
        assert effects(c, "n3") == {"NoSchedule", "NoExecute"}

    simulate((nodelifecycle.controller(GRACE_S),), body, max_delay_s=0.5)


TAINT = Taint(key="k", value="v", effect="NoExecute", timeAdded=format_time(NOW))


@pytest.mark.parametrize(
    ("tolerations", "due"),
    [
        ((), NOW + 7),
        ((Toleration(key="k", operator="Exists"),), math.inf),
        ((Toleration(operator="Exists", tolerationSeconds=300),), NOW + 300),
        ((Toleration(key="k", value="v", effect="NoExecute", tolerationSeconds=30),), NOW + 30),
        ((Toleration(key="k", value="v", effect="NoSchedule"),), NOW + 7),
        ((Toleration(key="k", value="other"),), NOW + 7),
        ((Toleration(key="k", operator="Exists", tolerationSeconds=-5),), NOW),
    ],
)
def test_when_a_pod_must_leave(tolerations: tuple[Toleration, ...], due: float) -> None:
    assert tainteviction.evict_at((TAINT,), tolerations, NOW + 7) == due


def test_eviction_says_why() -> None:
    tainted = node(taints=[{"key": "k", "effect": "NoExecute", "timeAdded": format_time(NOW)}])
    w = world({NODES: [tainted], PODS: [pod("a")]})
    plan = tainteviction.reconcile(w, ObjectKey("default", "a"), NOW)
    assert deleted(plan.intents) == ["a"]
    (status,) = patches(plan.intents, "status")
    assert status["status"]["conditions"][0]["reason"] == "DeletionByTaintManager"


def test_pods_of_a_vanished_node_go_after_a_while_and_old_finished_ones() -> None:
    pods = [pod("a", node_name="gone"), pod("b")]
    pods += [pod(f"f{i}", phase="Succeeded", creationTimestamp=format_time(NOW - i)) for i in range(3)]
    w: World = world({NODES: [node()], PODS: pods})
    collector = podgc.Collector(kept=1)
    assert deleted(collector.reconcile(w, podgc.CLUSTER, NOW).intents) == ["f2", "f1"]
    later = collector.reconcile(w, podgc.CLUSTER, NOW + podgc.QUARANTINE_S)
    assert deleted(later.intents) == ["a", "f2", "f1"]
    assert all(i.grace_period_s == 0 for i in later.intents if isinstance(i, Delete))


def test_every_node_gets_its_own_range() -> None:
    nodes = [node("n1", podCIDR="10.244.1.0/24", podCIDRs=["10.244.1.0/24"]), node("n2"), node("n3")]
    plan = nodeipam.reconcile([("10.244.0.0/16", 24)], world({NODES: nodes}), nodeipam.CLUSTER, NOW)
    assert [p["spec"]["podCIDR"] for p in patches(plan.intents)] == ["10.244.0.0/24", "10.244.2.0/24"]


def test_both_families_and_an_exhausted_cluster() -> None:
    cidrs = [("10.0.0.0/24", 25), ("fd00::/56", 64)]
    plan = nodeipam.reconcile(cidrs, world({NODES: [node(f"n{i}") for i in range(3)]}), nodeipam.CLUSTER, NOW)
    assert [p["spec"]["podCIDRs"] for p in patches(plan.intents)] == [
        ["10.0.0.0/25", "fd00::/64"],
        ["10.0.0.128/25", "fd00:0:0:1::/64"],
    ]
    assert plan.intents[-1].reason == "CIDRNotAvailable"  # type: ignore[union-attr]


def role(name: str, labels: dict[str, str], rules: list[Tree], **more: Any) -> Tree:
    return {"metadata": {"name": name, "labels": labels}, "rules": rules, **more}


def test_aggregated_rules() -> None:
    read, write = ({"apiGroups": [""], "resources": ["pods"], "verbs": [v]} for v in ("get", "create"))
    rule = {"clusterRoleSelectors": [{"matchLabels": {"to-view": "true"}}]}
    roles = [
        role("b", {"to-view": "true"}, [read, write]),
        role("a", {"to-view": "true"}, [read]),
        role("c", {}, [write]),
        role("view", {}, [], aggregationRule=rule),
    ]
    w = world({CLUSTERROLES: roles})
    plan = clusterrole.reconcile(w, ObjectKey("", "view"), NOW)
    assert [patch["rules"] for patch in patches(plan.intents)] == [[read, write]]
    roles[-1]["rules"] = [read, write]
    assert clusterrole.reconcile(world({CLUSTERROLES: roles}), ObjectKey("", "view"), NOW) == DONE
