"""The whole cluster at work: workloads from their declaration to running pods, and back."""

from __future__ import annotations

import asyncio

import pytest

from navarch.testing import NotSettled, Script
from navarch.testing.builders import daemon_set, deployment, job, namespace, pod, service
from navarch.testing.objects import Obj


def ready(deployed: Obj) -> tuple[int, int, int]:
    status = deployed.status
    return status.replicas or 0, status.updatedReplicas or 0, status.readyReplicas or 0


def test_a_deployment_becomes_ready_and_scales(c):
    c.apply(deployment("web", 3))
    c.settle()
    assert ready(c.get("deployment", "web")) == (3, 3, 3)
    c.scale("deployment", "web", 7)
    c.settle()
    assert ready(c.get("deployment", "web")) == (7, 7, 7)
    c.scale("deployment", "web", 1)
    c.settle()
    assert [p.status.phase for p in c.pods_of("deployment", "web")] == ["Running"]


def test_a_rolling_update_replaces_all_pods_and_can_be_undone(c):
    c.apply(deployment("web", 4, "nginx:1"))
    c.settle()
    c.apply(deployment("web", 4, "nginx:2"))
    c.settle()
    assert ready(c.get("deployment", "web")) == (4, 4, 4)
    assert {p.spec.containers[0].image for p in c.pods_of("deployment", "web")} == {"nginx:2"}
    c.apply(deployment("web", 4, "nginx:1"))
    c.settle()
    assert {p.spec.containers[0].image for p in c.pods_of("deployment", "web")} == {"nginx:1"}
    sets = {s.spec.template.spec.containers[0].image: s.spec.replicas for s in c.list("replicasets", "default")}
    assert sets == {"nginx:1": 4, "nginx:2": 0}, "the old set is taken again, not a third one made"


def test_an_update_that_cannot_start_leaves_the_old_pods_serving(c):
    c.apply(deployment("web", 4, "nginx:1"))
    c.settle()
    c.scripts.image("nginx:broken", Script(pull_error="no such image"))
    c.apply(deployment("web", 4, "nginx:broken"))
    c.advance("11m")
    status = c.get("deployment", "web").status
    assert status.availableReplicas == 3
    assert c.get("deployment", "web").condition("Progressing").reason == "ProgressDeadlineExceeded"


def test_deletion_takes_everything_along(c):
    c.apply(deployment("web", 3))
    c.settle()
    c.delete("deployment", "web")
    c.settle()
    assert c.list("pods", "default") == c.list("replicasets", "default") == []


def test_orphans_stay(c):
    c.apply(deployment("web", 2))
    c.settle()
    c.delete("deployment", "web", propagation="Orphan")
    c.settle()
    assert len(c.list("pods", "default")) == 2


def test_a_job_runs_to_its_end(c):
    c.scripts.image("sum", Script(exit_after_s=5))
    c.apply(job("sum", "sum", completions=4, parallelism=2))
    c.settle()
    done = c.get("job", "sum")
    assert (done.status.succeeded, done.condition("Complete").status) == (4, "True")


def test_a_job_that_always_fails_gives_up(c):
    c.scripts.image("bad", Script(exit_after_s=1, exit_code=3))
    c.apply(job("bad", "bad", backoff_limit=2))
    c.settle()
    assert c.get("job", "bad").condition("Failed").reason == "BackoffLimitExceeded"
    assert [p.status.phase for p in c.list("pods", "default")] == ["Failed"] * 3


def test_a_daemon_set_runs_on_every_node(c):
    c.apply(daemon_set("agent"))
    c.settle()
    assert sorted(p.spec.nodeName for p in c.pods_of("daemonset", "agent")) == ["node-1", "node-2", "node-3"]
    c.add_node()
    c.settle()
    assert c.get("daemonset", "agent").status.numberReady == 4


def test_a_service_has_the_ready_pods_as_endpoints(c):
    c.scripts.image("slow", Script(ready_after_s=30))
    slow = deployment("web", 3, "slow")
    slow["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"port": 80}, "periodSeconds": 5}
    c.apply([slow, service("web")])
    c.advance(10)

    def addresses() -> set[str]:
        slices = c.list("endpointslices", "default", labels="kubernetes.io/service-name=web")
        return {e.addresses[0] for s in slices for e in s.endpoints or () if e.conditions.ready}

    assert addresses() == set()
    c.settle()
    assert addresses() == {p.status.podIP for p in c.pods_of("deployment", "web")}
    assert len(addresses()) == 3


def test_a_namespace_is_emptied_and_goes(c):
    c.apply(namespace("team"))
    c.apply([deployment("web", 2), service("web")], "team")
    c.settle()
    c.delete("namespace", "team")
    c.settle()
    assert c.find("namespace", "team") is None
    assert c.list("pods", "team") == c.list("services", "team") == c.list("endpointslices", "team") == []


def test_pods_of_a_dead_node_are_replaced(c):
    c.apply(deployment("web", 6))
    c.settle()
    c.kill_node("node-2")
    c.settle()
    assert ready(c.get("deployment", "web"))[2] == 6
    living = [p for p in c.pods_of("deployment", "web") if not p.metadata.deletionTimestamp]
    assert {p.spec.nodeName for p in living} == {"node-1", "node-3"}
    c.start_node("node-2")
    c.settle()
    assert len(c.pods_of("deployment", "web")) == 6, "what was left of the old pods is cleaned up"


def test_a_drained_node_is_empty_but_for_its_daemons(c):
    c.apply([deployment("web", 6), daemon_set("agent")])
    c.settle()
    assert c.drain("node-1") == []
    c.settle()
    assert [p.metadata.labels.app for p in c.list("pods", fields="spec.nodeName=node-1")] == ["agent"]
    assert ready(c.get("deployment", "web"))[2] == 6
    c.uncordon("node-1")
    c.scale("deployment", "web", 12)
    c.settle()
    assert len(c.list("pods", "default", fields="spec.nodeName=node-1")) > 1


def test_what_has_no_room_waits_until_there_is_some(c):
    c.apply(deployment("big", 4, requests={"cpu": "5"}))
    c.settle()
    assert ready(c.get("deployment", "big"))[2] == 3
    waiting = next(p for p in c.pods_of("deployment", "big") if p.status.phase == "Pending")
    assert "Insufficient cpu" in waiting.condition("PodScheduled").message
    c.add_node()
    c.settle()
    assert ready(c.get("deployment", "big"))[2] == 4


def test_a_crash_loop_does_not_settle_and_says_why(c):
    c.scripts.image("broken", Script(exit_after_s=1, exit_code=1))
    c.apply(deployment("web", 1, "broken"))
    with pytest.raises(NotSettled) as caught:
        c.settle("30m")
    text = str(caught.value)
    assert "pods/default/web-" in text and "CrashLoopBackOff" in text and "advance()" in text
    assert "waiting now: pod default/web-" in text and "(PodWorker._sleep)" in text


def test_a_function_that_waits_for_ever_does_not_settle_and_is_named(c):
    async def worker(process):
        await asyncio.sleep(1e9)

    c.scripts.image("worker", run=worker)
    c.apply(pod("one", "worker"))
    with pytest.raises(NotSettled, match=r"waiting now: process of default/one/main \(.*worker\)"):
        c.settle()


def test_a_container_that_recovers_settles(c):
    c.scripts.image("flaky", Script(exit_after_s=1, exit_code=1, exit_times=3))
    c.apply(pod("one", "flaky"))
    c.settle()
    status = c.get("pod", "one").status.containerStatuses[0]
    assert (status.restartCount, status.ready) == (3, True)


def test_wait_for_stops_at_the_moment(c):
    c.scripts.image("slow", Script(pull_s=90))
    c.apply(pod("one", "slow"))
    begun = c.now
    c.wait_for(lambda: c.get("pod", "one").status.phase == "Running")
    assert c.now - begun == pytest.approx(90, abs=2)
    with pytest.raises(NotSettled, match="did not come within 60 s"):
        c.wait_for(lambda: False, "1m")
