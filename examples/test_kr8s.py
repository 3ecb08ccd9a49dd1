"""kr8s against a cluster that a fixture brings up.

pytest examples/test_kr8s.py
"""

import pytest

from navarch.testing import Script
from navarch.testing.live import LiveCluster

kr8s = pytest.importorskip("kr8s")


def test_a_pod_runs_and_says_what_it_did(live_cluster: LiveCluster) -> None:
    from kr8s.objects import Pod

    live_cluster.scripts.image("worker:1", Script(log=("ready to work",)))
    api = kr8s.api(kubeconfig=str(live_cluster.kubeconfig))
    spec = {"containers": [{"name": "main", "image": "worker:1"}]}
    pod = Pod({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "worker"}, "spec": spec}, api=api)
    pod.create()
    pod.wait("condition=Ready", timeout=30)
    assert list(pod.logs()) == ["ready to work"]
    assert [found.name for found in api.get("pods", namespace="default")] == ["worker"]
    pod.delete()
