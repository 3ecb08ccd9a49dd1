"""The live cluster and the fixtures of the plugin."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest

from navarch.base.errors import UsageError
from navarch.testing.builders import deployment
from navarch.testing.live import LiveCluster


def call(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_the_endpoint_serves_what_happens_in_real_time():
    with LiveCluster(nodes=2) as live:
        live.apply(deployment("web", 3))
        deadline = time.monotonic() + 20
        while live.get("deployment", "web").status.readyReplicas != 3:
            assert time.monotonic() < deadline
        pods = call(f"{live.url}/api/v1/namespaces/default/pods")["items"]
        assert [p["status"]["phase"] for p in pods] == ["Running"] * 3
        assert call(f"{live.url}/version")["major"] == "1"
        assert live.url in live.kubeconfig.read_text()
    with pytest.raises(UsageError, match="does not run"):
        live.list("pods")


def test_fixtures_for_simulated_clusters(cluster, cluster_factory):
    assert len(cluster.list("nodes")) == 3
    assert len(cluster_factory(nodes=1, seed=5).list("nodes")) == 1


def test_a_fixture_for_a_live_cluster(live_cluster):
    assert live_cluster.kubeconfig.exists()
