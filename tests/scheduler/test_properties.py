"""Whatever the cluster and the pods: a plan is what pod after pod by the slow rules would give."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from navarch.api.views.node import Node
from navarch.api.views.pod import Pod
from navarch.base.selector import from_labels
from navarch.scheduler.plan import plan
from tests.scheduler.build import HOST, ZONE, info, make_columns, make_node, make_pod
from tests.scheduler.reference import Reference

APPS = ("a", "b")


def _selector(app: str) -> Any:
    return {"matchLabels": {"app": app}}


apps = st.sampled_from(APPS)
keys = st.sampled_from((HOST, ZONE))


@st.composite
def nodes(draw: st.DrawFn) -> list[Node]:
    made = []
    for i in range(draw(st.integers(1, 6))):
        labels = {}
        if draw(st.integers(0, 4)):
            labels[ZONE] = draw(st.sampled_from(("z1", "z2", "z3")))
        if draw(st.booleans()):
            labels["disk"] = draw(st.sampled_from(("ssd", "hdd")))
        taints = []
        for key in ("t1", "t2"):
            if not draw(st.integers(0, 3)):
                effect = draw(st.sampled_from(("NoSchedule", "PreferNoSchedule", "NoExecute")))
                taints.append({"key": key, "value": "x", "effect": effect})
        spec = {"taints": taints, "unschedulable": draw(st.integers(0, 7)) == 0}
        made.append(
            make_node(
                f"n{i}",
                labels,
                spec=spec,
                cpu=draw(st.sampled_from(("1", "2", "4"))),
                memory=draw(st.sampled_from(("1Gi", "4Gi"))),
                pods=draw(st.sampled_from(("2", "5", "20"))),
            )
        )
    return made


@st.composite
def templates(draw: st.DrawFn) -> tuple[dict[str, Any], Any, dict[str, Any], bool]:
    """Labels, requests, the rest of the spec, and whether the cluster's own spreading applies."""
    app = draw(apps)
    requests = {}
    if draw(st.booleans()):
        requests["cpu"] = draw(st.sampled_from(("100m", "500m", "1500m")))
    if draw(st.booleans()):
        requests["memory"] = draw(st.sampled_from(("64Mi", "512Mi")))
    spec: dict[str, Any] = {"priority": draw(st.sampled_from((0, 0, 10))), "preemptionPolicy": "Never"}
    if draw(st.booleans()):
        spec["tolerations"] = [{"key": draw(st.sampled_from(("t1", "t2"))), "operator": "Exists"}]
    if not draw(st.integers(0, 3)):
        spec["nodeSelector"] = {"disk": "ssd"}
    affinity = _affinity(draw)
    if affinity:
        spec["affinity"] = affinity
    if not draw(st.integers(0, 2)):
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": draw(st.integers(1, 2)),
                "topologyKey": draw(keys),
                "whenUnsatisfiable": draw(st.sampled_from(("DoNotSchedule", "ScheduleAnyway"))),
                "labelSelector": _selector(draw(apps)),
                "nodeTaintsPolicy": draw(st.sampled_from(("Honor", "Ignore"))),
            }
            for _ in range(draw(st.integers(1, 2)))
        ]
    return {"app": app}, requests, spec, draw(st.booleans())


def _affinity(draw: st.DrawFn) -> dict[str, Any]:
    affinity: dict[str, Any] = {}
    if not draw(st.integers(0, 3)):
        preference = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
        node = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 5, "preference": preference}]}
        affinity["nodeAffinity"] = node
    for kind in ("podAffinity", "podAntiAffinity"):
        if draw(st.integers(0, 3)):
            continue
        term = {"topologyKey": draw(keys), "labelSelector": _selector(draw(apps))}
        if draw(st.booleans()):
            affinity[kind] = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
        else:
            weighted = {"weight": draw(st.integers(1, 50)), "podAffinityTerm": term}
            affinity[kind] = {"preferredDuringSchedulingIgnoredDuringExecution": [weighted]}
    return affinity


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[Pod, bool]]:
    made = []
    for t, (labels, requests, spec, spread) in enumerate(draw(st.lists(templates(), min_size=1, max_size=3))):
        ports = [{"containerPort": 80, "hostPort": 80}] if not draw(st.integers(0, 5)) else []
        for i in range(draw(st.integers(1, 8))):
            pod = make_pod(f"p{t}-{i}", labels, requests, **spec)
            if ports:
                container = {"name": "c", "ports": ports, "resources": {"requests": requests}}
                pod = make_pod(f"p{t}-{i}", labels, requests, **{**spec, "containers": [container]})
            made.append((pod, spread))
    return made


def _infos(batch: list[tuple[Pod, bool]]) -> list[Any]:
    return [
        info(pod, siblings=from_labels(pod.metadata.labels) if spread else None, since=float(i))
        for i, (pod, spread) in enumerate(batch)
    ]


@settings(max_examples=300, deadline=None)
@given(nodes(), batches(), st.integers(0, 1000))
def test_every_decision_is_one_that_the_slow_rules_allow(
    cluster: list[Node], batch: list[tuple[Pod, bool]], seed: int
) -> None:
    reference = Reference(cluster)
    for decision in plan(make_columns(cluster), _infos(batch), 0.0, seed=seed):
        best = reference.best(decision.pod.shape)
        if decision.node:
            assert decision.node in best
            reference.place(decision.pod.shape, decision.node)
        else:
            assert not best, decision.message
            assert decision.message.startswith(f"0/{len(cluster)} nodes are available: ")


@settings(max_examples=60, deadline=None)
@given(nodes(), batches(), st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_in_which_nodes_and_pods_arrive_does_not_matter(
    cluster: list[Node], batch: list[tuple[Pod, bool]], seed: int, random: Any
) -> None:
    infos = _infos(batch)
    first = plan(make_columns(cluster), infos, 0.0, seed=seed)
    random.shuffle(cluster)
    random.shuffle(infos)
    second = plan(make_columns(cluster, capacity=64), infos, 0.0, seed=seed)
    assert {d.pod.key: (d.node, d.message) for d in first} == {d.pod.key: (d.node, d.message) for d in second}


@settings(max_examples=60, deadline=None)
@given(nodes(), batches(), st.integers(0, 1000))
def test_pods_that_leave_leave_nothing_behind(cluster: list[Node], batch: list[tuple[Pod, bool]], seed: int) -> None:
    columns = make_columns(cluster)
    for decision in plan(columns, _infos(batch), 0.0, seed=seed):
        if decision.node:
            columns.remove(decision.pod.key)
    assert not columns.requested.any()
    assert not columns.scored.any()
    assert not columns.ports
    assert not columns.pods.held
    assert not columns.pods.by_slot
