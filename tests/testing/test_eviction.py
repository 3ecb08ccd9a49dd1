"""Nodes under pressure in a simulated cluster: pods use what their scripts say."""

from __future__ import annotations

import dataclasses

from navarch.node.runtime.script import Script
from navarch.schema.types import Tree
from navarch.testing import Cluster


def pod(name: str, memory: str, **spec: object) -> Tree:
    container = {"name": "main", "image": name, "resources": {"requests": {"memory": memory}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }


def test_memory_runs_out() -> None:
    """The pod that uses more than it asked for goes; the node is tainted, and well again five minutes later."""
    with Cluster() as cluster:
        cluster.scripts.image("modest", Script(memory="10Gi"))
        cluster.scripts.image("greedy", Script(memory="23Gi"))
        cluster.apply([pod("modest", "10Gi"), pod("greedy", "1Gi")])
        cluster.wait_for(lambda: cluster.get("pod", "greedy").status.phase == "Failed")
        status = cluster.get("pod", "greedy").status
        assert status.reason == "Evicted"
        assert status.message == (
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 0. "
            "Container main was using 23Gi, request is 1Gi, has larger consumption of memory. "
        )
        target = cluster.get("pod", "greedy").condition("DisruptionTarget")
        assert (target.status, target.reason) == ("True", "TerminationByKubelet")
        assert cluster.get("pod", "modest").status.phase == "Running"
        cluster.advance("15s")
        node = cluster.get("node", "node-1")
        assert node.condition("MemoryPressure").reason == "KubeletHasInsufficientMemory"
        assert "node.kubernetes.io/memory-pressure" in [taint.key for taint in node.spec.taints]
        reasons = {event.reason for event in cluster.list("events")}
        assert {"Evicted", "EvictionThresholdMet"} <= reasons
        cluster.advance("6m")
        assert cluster.get("node", "node-1").condition("MemoryPressure").status == "False"


def test_the_disk_runs_out() -> None:
    """Images nobody uses go first, which is not enough; then the pod that wrote most."""
    with Cluster() as cluster:
        cluster.scripts.image("writer", Script(disk="95Gi"))
        cluster.apply([pod("idle", "1Mi"), pod("writer", "1Mi")])
        cluster.wait_for(lambda: cluster.get("pod", "writer").status.reason == "Evicted")
        assert cluster.get("pod", "writer").status.message.startswith(
            "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 5Gi. "
        )
        assert cluster.get("pod", "idle").status.phase == "Running"
        cluster.advance("15s")
        assert cluster.get("node", "node-1").condition("DiskPressure").status == "True"
        cluster.apply(pod("late", "1Mi", nodeName="node-1"))
        cluster.advance("5s")
        late = cluster.get("pod", "late").status
        assert (late.phase, late.reason) == ("Failed", "Evicted")
        assert late.message == "Pod was rejected: The node had condition: [DiskPressure]. "


def test_an_empty_dir_beyond_its_limit() -> None:
    with Cluster() as cluster:
        tree = pod("cache", "1Mi", volumes=[{"name": "tmp", "emptyDir": {"sizeLimit": "1Ki"}}])
        cluster.apply(tree)
        cluster.settle()
        uid = cluster.get("pod", "cache").metadata.uid
        host = cluster.nodes["node-1"].host
        host.write_file(f"/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~empty-dir/tmp/file", b"x" * 2000)
        cluster.advance("1m")
        status = cluster.get("pod", "cache").status
        assert (status.reason, status.message) == (
            "Evicted",
            'Usage of EmptyDir volume "tmp" exceeds the limit "1Ki". ',
        )


def test_processes_run_out() -> None:
    with Cluster() as cluster:
        cluster.settle()
        host = cluster.nodes["node-1"].host
        host.unloaded = dataclasses.replace(host.unloaded, pids=32000)
        cluster.advance("1m")
        assert cluster.get("node", "node-1").condition("PIDPressure").status == "False", "no threshold by default"
