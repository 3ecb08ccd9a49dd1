"""The live cluster and the fixtures of the plugin."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from navarch.base.errors import UsageError
from navarch.base.resource import Resource
from navarch.testing.builders import deployment
from navarch.testing.live import LiveCluster


def call(live: LiveCluster, path: str, token: str = "") -> Any:
    """GET as who bears the token, over TLS that is checked against the cluster's authority."""
    request = urllib.request.Request(live.url + path, headers={"Authorization": f"Bearer {token}"} if token else {})
    context = ssl.create_default_context(cafile=str(live.ca_file))
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return json.load(answer)


def test_the_endpoint_serves_what_happens_in_real_time():
    with LiveCluster(nodes=2) as live:
        live.apply(deployment("web", 3))
        deadline = time.monotonic() + 20
        while live.get("deployment", "web").status.readyReplicas != 3:
            assert time.monotonic() < deadline
        assert call(live, "/version")["major"] == "1"
        assert live.url in live.kubeconfig.read_text()
    with pytest.raises(UsageError, match="does not run"):
        live.list("pods")


def test_the_port_asks_who_calls():
    account = Resource("", "v1", "serviceaccounts", "ServiceAccount", True)
    with LiveCluster(nodes=1) as live:
        deadline = time.monotonic() + 20
        while live.find("sa", "default") is None:
            assert time.monotonic() < deadline
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        raw = live.run(live.client.create(account, asked, "default", name="default", subresource="token"))
        token = json.loads(raw)["status"]["token"]
        for bearer, code in (("", 403), (token, 403), ("made.up.token", 401)):
            with pytest.raises(urllib.error.HTTPError) as refused:
                call(live, "/api/v1/namespaces/default/pods", bearer)
            assert refused.value.code == code
            refused.value.close()  # it is the answer too, and holds the connection
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "viewers"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
        }
        live.apply(binding)
        assert call(live, "/api/v1/namespaces/default/pods", token)["kind"] == "PodList"


def test_fixtures_for_simulated_clusters(cluster, cluster_factory):
    assert len(cluster.list("nodes")) == 3
    assert len(cluster_factory(nodes=1, seed=5).list("nodes")) == 1


def test_a_fixture_for_a_live_cluster(live_cluster):
    assert live_cluster.kubeconfig.exists()
