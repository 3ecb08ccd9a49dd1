"""Three control planes with real nodes: everybody reaches whichever live, and nothing of them stays behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.live.cluster import LiveCluster, eventually
from tests.live.conftest import running
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]


@pytest.fixture(scope="module")
def three() -> Iterator[LiveCluster]:
    if shutil.which("etcd") is None:
        pytest.skip("NOT TESTED: there is no etcd (Debian: etcd-server)")
    with running(f"ha-{os.getpid()}", "--ha") as started:
        yield started


def servers(cluster: LiveCluster) -> list[str]:
    """The addresses behind the `kubernetes` Service."""
    path = "jsonpath={.endpoints[*].addresses[0]}"
    return cluster.kubectl("get", "endpointslices", "kubernetes", "-o", path).out.split()


def test_pods_and_people_reach_whichever_control_planes_live(three: LiveCluster) -> None:
    assert len(servers(three)) == 3
    ask = "wget -qO- --no-check-certificate https://kubernetes.default/version && echo answered"
    ask = f"while :; do {ask}; sleep 1; done"
    three.kubectl("run", "asks", "--image=busybox", "--restart=Never", "--", "sh", "-c", ask)
    eventually(lambda: "answered" in three.kubectl("logs", "asks").out)
    three.kill_control_plane()
    # Its key in etcd expires; until then a third of the pod's connections is refused.
    eventually(lambda: len(servers(three)) == 2)
    before = three.kubectl("logs", "asks").out.count("answered")
    eventually(lambda: three.kubectl("logs", "asks").out.count("answered") >= before + 5)
    status = three.navarch("status", check=False)
    assert "apiserver: Stopped" in status.out and status.out.count("apiserver: Running") == 2
    three.kubectl("create", "deployment", "web", "--image=nginx:alpine", "--replicas=3")
    three.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    three.navarch("start")
    eventually(lambda: len(servers(three)) == 3)
    assert three.navarch("status").out.count("apiserver: Running") == 3
