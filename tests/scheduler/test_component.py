"""The scheduler against the real API server, in one simulated process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from navarch.client.direct import direct_client
from navarch.scheduler.run import Scheduler
from navarch.wire.messages import User
from tests.corpus.replay import Peer

NAMESPACE = "gold"


class Bench:
    """A server and a scheduler; nodes and pods by the call."""

    def __init__(self) -> None:
        self.peer = Peer()
        user = User("system:kube-scheduler", groups=("system:authenticated",))
        client = direct_client(self.peer.server.handle_as, user, "kube-scheduler")
        self.task = self.peer.loop.create_task(Scheduler(client, self.peer.seams).run())

    def stop(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            self.peer.run(self.task)

    def settle(self, seconds: float = 0.0) -> None:
        self.peer.loop.run_until_idle()
        if seconds:
            self.peer.loop.advance(seconds)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        response = self.peer.call(method, path, body)
        assert response.status < 300, response.body
        return json.loads(response.body)

    def node(self, name: str, cpu: str = "1", **spec: Any) -> None:
        self.call("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}})
        tree = self.call("GET", f"/api/v1/nodes/{name}")
        tree["spec"] = {k: v for k, v in tree.get("spec", {}).items() if k != "taints"} | spec
        tree = self.call("PUT", f"/api/v1/nodes/{name}", tree)
        tree["status"] = {"allocatable": {"cpu": cpu, "memory": "4Gi", "pods": "110"}}
        self.call("PUT", f"/api/v1/nodes/{name}/status", tree)

    def pod(self, name: str, cpu: str = "100m", **spec: Any) -> None:
        container = {"name": "c", "image": "x", "resources": {"requests": {"cpu": cpu}}}
        tree = {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}
        self.call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", tree)

    def get(self, name: str) -> Any:
        return self.call("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")

    def where(self, name: str) -> str:
        return str(self.get(name)["spec"].get("nodeName", ""))

    def condition(self, name: str) -> Any:
        return next(c for c in self.get(name)["status"]["conditions"] if c["type"] == "PodScheduled")

    def delete(self, name: str) -> None:
        self.call("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}?gracePeriodSeconds=0")

    def events(self) -> list[tuple[str, str]]:
        items = self.call("GET", f"/api/v1/namespaces/{NAMESPACE}/events")["items"]
        return [(e["reason"], e["message"]) for e in items]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.stop()


def test_a_pod_is_bound_and_told_of(bench: Bench) -> None:
    bench.node("n1")
    bench.pod("web")
    bench.settle()
    assert bench.where("web") == "n1"
    assert bench.condition("web")["status"] == "True"
    assert ("Scheduled", f"Successfully assigned {NAMESPACE}/web to n1") in bench.events()


def test_a_pod_that_fits_nowhere_says_why_and_waits_for_room(bench: Bench) -> None:
    bench.node("n1")
    bench.node("n2", taints=[{"key": "k", "effect": "NoSchedule"}])
    bench.pod("first", "600m")
    bench.settle()
    bench.pod("second", "600m")
    bench.settle()
    message = (
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). preemption: 0/2 nodes are "
        "available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    )
    condition = bench.condition("second")
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", "Unschedulable", message)
    assert ("FailedScheduling", message) in bench.events()
    bench.settle(60)
    assert bench.where("second") == ""
    bench.delete("first")
    bench.settle(1)
    assert bench.where("second") == "n1"


def test_without_nodes_a_pod_waits_for_one(bench: Bench) -> None:
    bench.pod("web")
    bench.settle(60)
    assert bench.condition("web")["message"] == "no nodes available to schedule pods"
    bench.node("n1")
    bench.settle(2)
    assert bench.where("web") == "n1"


def test_gates_hold_a_pod_back(bench: Bench) -> None:
    bench.node("n1")
    bench.pod("web", schedulingGates=[{"name": "example.com/wait"}])
    bench.settle(60)
    assert bench.where("web") == ""
    assert bench.condition("web")["reason"] == "SchedulingGated"
    tree = bench.get("web")
    del tree["spec"]["schedulingGates"]
    bench.call("PUT", f"/api/v1/namespaces/{NAMESPACE}/pods/web", tree)
    bench.settle()
    assert bench.where("web") == "n1"


def test_pods_of_another_scheduler_are_left_alone(bench: Bench) -> None:
    bench.node("n1")
    bench.pod("web", schedulerName="other")
    bench.settle(60)
    assert bench.where("web") == ""


def test_the_more_important_pod_makes_room_for_itself(bench: Bench) -> None:
    for name, value in (("high", 1000), ("low", 1)):
        tree = {"metadata": {"name": name}, "value": value}
        bench.call("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", tree)
    bench.node("n1")
    bench.pod("small", "600m", priorityClassName="low", terminationGracePeriodSeconds=0)
    bench.settle()
    bench.pod("polite", "600m", priorityClassName="low")
    bench.pod("big", "600m", priorityClassName="high")
    bench.settle()
    victim = bench.peer.call("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/small")
    if victim.status == 200:
        assert json.loads(victim.body)["metadata"]["deletionTimestamp"]
        bench.delete("small")
    bench.settle(15)
    assert bench.where("big") == "n1"
    assert bench.where("polite") == ""
    assert any(reason == "Preempted" for reason, _message in bench.events())


def test_nothing_happens_in_a_cluster_where_nothing_happens(bench: Bench) -> None:
    bench.node("n1")
    bench.pod("too-big", "8")
    bench.settle(30)
    before = bench.peer.store.index.revision
    bench.settle(200)
    assert bench.peer.store.index.revision == before


def test_a_claim_that_waits_for_its_pod_is_told_the_node(bench: Bench) -> None:
    bench.node("n1")
    classes = "/apis/storage.k8s.io/v1/storageclasses"
    bench.call(
        "POST",
        classes,
        {"metadata": {"name": "local"}, "provisioner": "example.com/x", "volumeBindingMode": "WaitForFirstConsumer"},
    )
    claims = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
    spec = {
        "storageClassName": "local",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    bench.call("POST", claims, {"metadata": {"name": "data"}, "spec": spec})
    bench.pod("web", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
    bench.settle()
    claim = bench.call("GET", f"{claims}/data")
    assert claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == "n1"
    assert bench.where("web") == ""
    claim["status"] = {"phase": "Bound"}
    bench.call("PUT", f"{claims}/data/status", claim)
    bench.settle(2)
    assert bench.where("web") == "n1"


def test_a_pod_deleted_while_it_is_bound_leaves_nothing(bench: Bench) -> None:
    bench.node("n1")
    bench.settle()
    bench.pod("web", "900m")
    bench.delete("web")
    bench.pod("web", "950m")
    bench.settle(5)
    assert bench.where("web") == "n1"
    bench.delete("web")
    bench.pod("next", "1")
    bench.settle(5)
    assert bench.where("next") == "n1"


def test_a_deployments_worth_of_pods_spreads_and_never_over_commits(bench: Bench) -> None:
    for i in range(4):
        bench.node(f"n{i}", cpu="1")
    for i in range(50):
        bench.pod(f"web-{i}", "100m")
    bench.settle(5)
    homes = [bench.where(f"web-{i}") for i in range(50)]
    assert {homes.count(f"n{i}") for i in range(4)} == {10}
    assert homes.count("") == 10
