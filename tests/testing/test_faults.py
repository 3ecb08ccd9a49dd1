"""Every fault that a test can cause has its effect, and the cluster gets over it."""

from __future__ import annotations

import pytest

from navarch.base.errors import StatusError, UsageError
from navarch.testing.builders import deployment, pod, service


def whole(c, replicas: int) -> bool:
    status = c.get("deployment", "web").status
    return (status.readyReplicas, status.replicas) == (replicas, replicas)


def test_delayed_news_come_later_and_lead_to_the_same(c):
    c.delay("kube-controller-manager", 3, "replicasets")
    begun = c.now
    c.apply(deployment("web", 3))
    c.loop.run_until_idle()
    assert c.list("pods", "default") == []
    c.settle()
    assert whole(c, 3)
    assert c.now - begun >= 3


def test_news_of_different_resources_overtake_each_other(c):
    c.reorder("kube-controller-manager", 2.0)
    c.apply(deployment("web", 3))
    c.settle()
    c.apply(deployment("web", 3, "nginx:2"))
    c.settle()
    assert whole(c, 3)


def test_lost_connections_are_made_up_for(c):
    for component in c.components:
        c.delay(component, 1.0)
    c.apply(deployment("web", 3))
    for component in c.components:
        c.drop(component)
    c.settle()
    assert whole(c, 3)


def test_a_conflict_is_tried_again(c):
    c.conflict("kube-controller-manager", writes=4)
    c.apply(deployment("web", 3))
    c.settle()
    assert c.links["kube-controller-manager"].conflicts == 0
    assert whole(c, 3)


def test_answers_that_never_arrive_cause_nothing_twice(c):
    c.lose_answers("kube-controller-manager", 3)
    c.lose_answers("kube-scheduler", 2)
    c.lose_answers("node-1", 2)
    c.apply(deployment("web", 6))
    c.settle()
    assert whole(c, 6)
    assert len(c.list("pods", "default")) == 6


@pytest.mark.parametrize("writes", range(1, 9))
@pytest.mark.parametrize("component", ["kube-controller-manager", "kube-scheduler", "node-1"])
def test_a_component_may_die_between_any_two_of_its_writes(c, component, writes):
    c.settle()
    c.crash_after(component, writes)
    c.apply([deployment("web", 4), service("web")])
    c.settle()
    assert whole(c, 4)
    assert len(c.list("pods", "default")) == 4


def test_a_dead_component_writes_nothing_more(c):
    c.settle()
    c.crash_after("kube-controller-manager", 1)
    c.apply(deployment("web", 4))
    c.loop.run_until_idle()
    assert c.links["kube-controller-manager"].dead
    assert len(c.list("replicasets", "default")) + len(c.list("pods", "default")) <= 1


def test_a_partitioned_node_is_given_up_and_comes_back(c):
    c.apply(deployment("web", 6))
    c.settle()
    c.partition("node-3")
    c.settle()
    assert c.get("node", "node-3").condition("Ready").status == "Unknown"
    assert c.get("deployment", "web").status.readyReplicas == 6
    c.heal("node-3")
    c.settle()
    assert c.get("node", "node-3").condition("Ready").status == "True"
    assert len(c.list("pods", "default")) == 6


def test_a_full_disk_refuses_writes_and_serves_reads(c):
    c.apply(deployment("web", 2))
    c.settle()
    c.fill_disk()
    with pytest.raises(StatusError, match="the disk is full") as caught:
        c.scale("deployment", "web", 5)
    assert (caught.value.code, caught.value.reason) == (503, "ServiceUnavailable")
    assert whole(c, 2)
    c.advance(30)
    c.free_disk()
    c.scale("deployment", "web", 5)
    c.settle()
    assert whole(c, 5)


@pytest.mark.parametrize("seconds", [7200, -7200])
def test_a_clock_that_jumps_does_not_replace_pods(c, seconds):
    c.apply(deployment("web", 3))
    c.settle()
    before = {p.metadata.uid for p in c.list("pods", "default")}
    c.jump_clock(seconds)
    c.advance("1m")
    c.settle()
    assert {p.metadata.uid for p in c.list("pods", "default")} == before
    assert whole(c, 3)


def test_a_killed_component_starts_again(c):
    for component in c.components:
        c.crash(component)
    c.apply(pod("one"))
    c.settle()
    assert c.get("pod", "one").status.phase == "Running"


def test_unknown_components_are_named(c):
    with pytest.raises(UsageError, match="no component 'kubelet'; there are kube-controller-manager"):
        c.crash("kubelet")
    with pytest.raises(UsageError, match="no component 'x'"):
        c.delay("x", 1)
