"""Nodes that run short: of what a pod may have on the disk, and of memory, which is pretended by the threshold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from navarch.app.kubelet_config import FILE
from tests.live.cluster import LiveCluster, Namespace, eventually, pod
from tests.live.conftest import running
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]


@pytest.fixture(scope="module")
def own() -> Iterator[LiveCluster]:
    with running("evicting") as started:
        yield started


def test_an_empty_dir_beyond_its_limit(own: LiveCluster) -> None:
    namespace = Namespace(own, "default")
    volume = {"volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Mi"}}]}
    script = "dd if=/dev/zero of=/tmp/full bs=1M count=4 && sleep 3600"
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]
    writes = pod("writes", script, spec=volume, volumeMounts=mounts)
    namespace.apply({**writes, "spec": {**writes["spec"], **volume}}, pod("still"))
    eventually(lambda: namespace.path("pod", "writes", ".status.reason") == "Evicted", 90)
    said = namespace.path("pod", "writes", ".status.message")
    assert said == 'Usage of EmptyDir volume "tmp" exceeds the limit "1Mi". '
    assert namespace.path("pod", "still", ".status.phase") == "Running"


def test_memory_and_images(own: LiveCluster) -> None:
    """With thresholds that no machine reaches: pods go, the node says why, unused images go with the disk's."""
    namespace = Namespace(own, "default")
    namespace.apply(pod("eats", "head -c 30000000 /dev/zero | tail -c 1 >/dev/null; sleep 3600"))
    namespace.wait_ready("eats")
    (own.directory / FILE).write_text(
        "kind: KubeletConfiguration\nevictionHard: {memory.available: 100%}\nevictionPressureTransitionPeriod: 5s\n"
    )
    own.kill_agent()
    eventually(lambda: namespace.path("pod", "eats", ".status.reason") == "Evicted")
    said = namespace.path("pod", "eats", ".status.message")
    assert said.startswith("The node was low on resource: memory. Threshold quantity: ")
    assert "Container main was using" in said
    eventually(lambda: "memory-pressure:NoSchedule" in namespace.kubectl("describe", "node").out)
    assert "Warning  EvictionThresholdMet" in namespace.kubectl("describe", "node").out
    (own.directory / FILE).unlink()
    own.kill_agent()
    eventually(lambda: "MemoryPressure   False" in namespace.kubectl("describe", "node").out)
    namespace.apply(pod("after"))
    namespace.wait_ready("after")
