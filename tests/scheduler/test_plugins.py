"""Each plug-in by itself: where a pod may not go, in which words, and which node is better."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from navarch.api.views.node import Node
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.scheduler.columns import Columns
from navarch.scheduler.plan import plan
from navarch.scheduler.plugins import image_locality, node_affinity, taint_toleration
from navarch.scheduler.pods import Placed
from navarch.scheduler.profile import DEFAULT_PROFILE
from navarch.scheduler.requests import pod_requests, scored_requests
from navarch.scheduler.shape import HostPort
from navarch.scheduler.verdict import judge
from tests.scheduler.build import HOST, ZONE, info, make_columns, make_node, make_pod


def place(columns: Columns, pod: Pod, node: str, *, started: float = 0.0) -> None:
    waiting = info(pod)
    columns.place(Placed(waiting.key, waiting.uid, waiting.shape, columns.slot(node), started))


def reasons(columns: Columns, pod: Pod) -> dict[str, int]:
    return dict(judge(columns, info(pod).shape, DEFAULT_PROFILE).reasons)


def message(columns: Columns, pod: Pod) -> str:
    return plan(columns, [info(pod)], 0.0)[0].message


@pytest.mark.parametrize(
    ("node", "pod", "reason"),
    [
        (make_node("n", spec={"unschedulable": True}), make_pod("p"), "node(s) were unschedulable"),
        (
            make_node("n", spec={"taints": [{"key": "k", "value": "v", "effect": "NoExecute"}]}),
            make_pod("p", tolerations=[{"key": "k", "operator": "Equal", "value": "w"}]),
            "node(s) had untolerated taint(s)",
        ),
        (
            make_node("n"),
            make_pod("p", nodeSelector={"disk": "ssd"}),
            "node(s) didn't match Pod's node affinity/selector",
        ),
        (make_node("n", cpu="1"), make_pod("p", requests={"cpu": "1001m"}), "Insufficient cpu"),
        (make_node("n", memory="1Gi"), make_pod("p", requests={"memory": "2Gi"}), "Insufficient memory"),
        (make_node("n"), make_pod("p", requests={"ephemeral-storage": "1Gi"}), "Insufficient ephemeral-storage"),
        (make_node("n"), make_pod("p", requests={"example.com/gpu": "1"}), "Insufficient example.com/gpu"),
        (make_node("n", pods="0"), make_pod("p"), "Too many pods"),
        (
            make_node("n"),
            make_pod(
                "p",
                topologySpreadConstraints=[
                    {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
                ],
            ),
            "node(s) didn't match pod topology spread constraints (missing required label)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_empty_node_turns_a_pod_down(node: Node, pod: Pod, reason: str) -> None:
    columns = make_columns([node])
    assert reasons(columns, pod) == {reason: 1}
    assert message(columns, pod) == (
        f"0/1 nodes are available: 1 {reason}. preemption: 0/1 nodes are available: "
        + ("1 No preemption victims found for incoming pod." if reason == "Too many pods" else "")
        + ("1 Preemption is not helpful for scheduling." if reason != "Too many pods" else "")
    )


@pytest.mark.parametrize(
    ("taint", "toleration", "tolerated"),
    [
        (("k", "v", "NoSchedule"), {"key": "k", "value": "v"}, True),
        (("k", "v", "NoSchedule"), {"key": "k", "operator": "Exists"}, True),
        (("k", "v", "NoSchedule"), {"operator": "Exists"}, True),
        (("k", "v", "NoSchedule"), {"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
        (("k", "v", "NoSchedule"), {"key": "other", "operator": "Exists"}, False),
        (("k", "v", "PreferNoSchedule"), {}, True),
    ],
)
def test_tolerations(taint: tuple[str, str, str], toleration: dict[str, str], tolerated: bool) -> None:
    key, value, effect = taint
    node = make_node("n", spec={"taints": [{"key": key, "value": value, "effect": effect}]})
    pod = make_pod("p", tolerations=[toleration] if toleration else [])
    assert bool(reasons(make_columns([node]), pod)) is not tolerated


@pytest.mark.parametrize(
    ("operator", "values", "where"),
    [
        ("In", ["a", "b"], "ab"),
        ("NotIn", ["a"], "b-"),
        ("Exists", [], "ab"),
        ("DoesNotExist", [], "-"),
    ],
)
def test_node_affinity_operators(operator: str, values: list[str], where: str) -> None:
    columns = make_columns([make_node("a", {"x": "a"}), make_node("b", {"x": "b"}), make_node("-")])
    term = {"matchExpressions": [{"key": "x", "operator": operator, "values": values}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    shape = info(make_pod("p", affinity={"nodeAffinity": required})).shape
    matching = node_affinity.matching(columns, shape)
    assert matching is not None
    assert "".join(columns.names[i] for i in np.flatnonzero(matching)) == where


def test_a_pod_of_a_daemon_set_looks_at_its_own_node_only() -> None:
    columns = make_columns([make_node("n1", cpu="1"), make_node("n2"), make_node("n3")])
    field = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [field]}]}}
    pod = make_pod("p", requests={"cpu": "500m"}, affinity={"nodeAffinity": required})
    assert plan(columns, [info(pod)], 0.0)[0].node == "n1"
    other = make_pod("q", requests={"cpu": "600m"}, affinity={"nodeAffinity": required})
    assert message(columns, other) == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: "
        "0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for "
        "scheduling."
    )


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        (("TCP", "0.0.0.0", 80), ("TCP", "127.0.0.1", 80), True),
        (("TCP", "127.0.0.1", 80), ("TCP", "127.0.0.2", 80), False),
        (("TCP", "0.0.0.0", 80), ("UDP", "0.0.0.0", 80), False),
        (("TCP", "0.0.0.0", 80), ("TCP", "0.0.0.0", 81), False),
    ],
)
def test_host_ports(one: tuple[str, str, int], other: tuple[str, str, int], conflict: bool) -> None:
    assert HostPort(*one).conflicts(HostPort(*other)) is conflict
    assert HostPort(*other).conflicts(HostPort(*one)) is conflict


def _container(cpu: str, **more: Any) -> dict[str, Any]:
    return {"name": cpu, "resources": {"requests": {"cpu": cpu}}, **more}


@pytest.mark.parametrize(
    ("spec", "cpu_millis"),
    [
        ({"containers": [_container("100m"), _container("200m")]}, 300),
        ({"containers": [_container("100m")], "initContainers": [_container("500m"), _container("400m")]}, 500),
        (
            {
                "containers": [_container("100m")],
                "initContainers": [_container("50m", restartPolicy="Always"), _container("500m")],
            },
            550,
        ),
        (
            {
                "containers": [_container("300m")],
                "initContainers": [_container("200m"), _container("50m", restartPolicy="Always")],
            },
            350,
        ),
        ({"containers": [_container("100m")], "overhead": {"cpu": "25m"}}, 125),
        ({"containers": [_container("100m")], "resources": {"requests": {"cpu": "1"}}}, 1000),
    ],
    ids=["sum", "init", "sidecar before init", "sidecar after init", "overhead", "pod level"],
)
def test_requests(spec: dict[str, Any], cpu_millis: int) -> None:
    assert pod_requests(make_pod("p", **spec).spec)["cpu"] == cpu_millis


def test_a_container_that_asks_for_nothing_counts_as_something_in_scores() -> None:
    assert scored_requests(make_pod("p").spec) == (100, 200 << 20)
    assert pod_requests(make_pod("p").spec) == {}


def test_fewer_soft_taints_are_better() -> None:
    soft = [{"key": k, "effect": "PreferNoSchedule"} for k in "abcd"]
    columns = make_columns(make_node(f"n{i}", spec={"taints": soft[:i]}) for i in (0, 1, 2, 4))
    shape = info(make_pod("p")).shape
    scores = taint_toleration.score_nodes(columns, shape, columns.present[: columns.n])
    assert scores is not None
    assert scores.tolist() == [100, 75, 50, 0]


def test_images_that_are_there_count_by_size() -> None:
    node = make_node("n1")
    status = {"images": [{"names": ["app:latest"], "sizeBytes": 1000 << 20}]}
    tree: Any = {"metadata": {"name": "n2"}, "status": status}
    columns = make_columns([node, msgspec.convert(tree, Node)])
    scores = image_locality.score_nodes(columns, info(make_pod("p")).shape, columns.present[: columns.n])
    assert scores is not None
    # 500 MB after scaling by the share of nodes: (500 - 23) * 100 / (1000 - 23).
    assert scores.tolist() == [0, 48]


def _anti(key: str, app: str) -> dict[str, Any]:
    term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def test_anti_affinity_holds_both_ways() -> None:
    columns = make_columns([make_node("n1")])
    place(columns, make_pod("guard", {"app": "guard"}, affinity=_anti(HOST, "web")), "n1")
    assert reasons(columns, make_pod("web", {"app": "web"})) == {
        "node(s) didn't satisfy existing pods anti-affinity rules": 1
    }
    assert reasons(columns, make_pod("web", {"app": "x"}, affinity=_anti(HOST, "guard"))) == {
        "node(s) didn't match pod anti-affinity rules": 1
    }


def test_affinity_to_a_pod_that_is_nowhere() -> None:
    columns = make_columns([make_node("n1")])
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "db"}}}
    near = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    assert reasons(columns, make_pod("web", {"app": "web"}, affinity=near)) == {
        "node(s) didn't match pod affinity rules": 1
    }
    assert reasons(columns, make_pod("db", {"app": "db"}, affinity=near)) == {}


def test_claims_hold_a_pod_back() -> None:
    columns = make_columns([make_node("n1")])
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
    assert message(columns, make_pod("p", volumes=[volume])) == (
        '0/1 nodes are available: persistentvolumeclaim "data" not found. preemption: 0/1 nodes are available: '
        "1 Preemption is not helpful for scheduling."
    )


def test_a_policy_of_never_does_not_preempt() -> None:
    columns = make_columns([make_node("n1", cpu="1")])
    place(columns, make_pod("low", requests={"cpu": "1"}), "n1")
    pod = make_pod("high", requests={"cpu": "1"}, priority=10, preemptionPolicy="Never")
    decision = plan(columns, [info(pod)], 0.0)[0]
    assert decision.preemption is None
    assert decision.message == (
        "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never."
    )


def test_preemption_takes_the_least_and_puts_everything_back() -> None:
    columns = make_columns([make_node("n1", cpu="2"), make_node("n2", cpu="2")])
    for name, node, cpu, priority in (("a", "n1", "1", 5), ("b", "n1", "1", 1), ("c", "n2", "2", 7)):
        place(columns, make_pod(name, requests={"cpu": cpu}, priority=priority), node)
    before = columns.requested.copy()
    decision = plan(columns, [info(make_pod("high", requests={"cpu": "1"}, priority=10))], 0.0)[0]
    assert decision.preemption is not None
    assert decision.preemption.node == "n1"
    assert [v.key for v in decision.preemption.victims] == [ObjectKey("default", "b")]
    assert (columns.requested == before).all()


def test_room_made_for_one_pod_is_not_given_to_a_lesser_one() -> None:
    columns = make_columns([make_node("n1", cpu="1")])
    nominated = info(make_pod("high", requests={"cpu": "1"}, priority=10), nominated="n1")
    low = info(make_pod("low", requests={"cpu": "1"}))
    decisions = plan(columns, [low], 0.0, nominated=[nominated])
    assert decisions[0].node == ""
    decisions = plan(columns, [low, nominated], 0.0, nominated=[nominated])
    assert [(d.pod.key.name, d.node) for d in decisions] == [("high", "n1"), ("low", "")]
