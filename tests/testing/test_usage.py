"""The metrics API and autoscaling in a simulated cluster: pods use what their scripts say."""

from __future__ import annotations

import pytest

from navarch.base import quantity
from navarch.base.errors import StatusError
from navarch.node.runtime.script import Script
from navarch.schema.types import Tree
from navarch.testing import Cluster

DEPLOYMENT: Tree = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "php-apache"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"run": "php-apache"}},
        "template": {
            "metadata": {"labels": {"run": "php-apache"}},
            "spec": {
                "containers": [
                    {"name": "php-apache", "image": "hpa-example", "resources": {"requests": {"cpu": "200m"}}}
                ]
            },
        },
    },
}
SCALER: Tree = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "php-apache"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "php-apache"},
        "minReplicas": 1,
        "maxReplicas": 10,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
            }
        ],
    },
}


def replicas(cluster: Cluster) -> int:
    found: int = cluster.get("deployment", "php-apache").spec.replicas
    return found


def test_pods_and_nodes_are_measured() -> None:
    with Cluster() as cluster:
        cluster.scripts.image("hpa-example", Script(cpu="250m", memory="64Mi"))
        cluster.apply(DEPLOYMENT)
        cluster.settle()
        cluster.advance("5m")
        (pod,) = cluster.list("pods.metrics.k8s.io")
        (container,) = pod["containers"]
        assert quantity.milli_value(container["usage"]["cpu"]) == 250
        assert container["usage"]["memory"] == "64Mi"
        assert pod["metadata"]["labels"]["run"] == "php-apache"
        assert pod["window"] == "1s"
        cluster.advance("15s")
        assert cluster.list("pods.metrics.k8s.io")[0]["window"] == "15s"
        (node,) = cluster.list("nodes.metrics.k8s.io")
        assert quantity.milli_value(node["usage"]["cpu"]) == 250
        assert cluster.list("pods.metrics.k8s.io", labels="run=other") == []


def test_a_node_that_is_silent_is_left_out() -> None:
    with Cluster(nodes=2) as cluster:
        cluster.settle()
        cluster.kill_node("node-2")
        assert [node.name for node in cluster.list("nodes.metrics.k8s.io")] == ["node-1"]
        with pytest.raises(StatusError) as refused:
            cluster.get("nodes.metrics.k8s.io", "node-2")
        assert str(refused.value) == 'nodes.metrics.k8s.io "node-2" not found'


def test_an_autoscaler_follows_the_load() -> None:
    with Cluster() as cluster:
        cluster.scripts.image("hpa-example", Script(cpu="10m"))
        cluster.apply(DEPLOYMENT)
        cluster.apply(SCALER)
        cluster.advance("10m")
        scaler = cluster.get("hpa", "php-apache")
        assert replicas(cluster) == 1
        assert scaler.status.currentCPUUtilizationPercentage == 5
        # The load is shared by all replicas: 700m in all are 7 times the target of 100m.
        cluster.scripts.image("hpa-example", Script(cpu="700m"))
        cluster.wait_for(lambda: replicas(cluster) > 1)
        cluster.scripts.image("hpa-example", Script(cpu="100m"))
        cluster.advance("10m")
        grown = replicas(cluster)
        assert 4 <= grown <= 7
        cluster.scripts.image("hpa-example", Script(cpu="0"))
        cluster.advance("4m")
        assert replicas(cluster) == grown, "shrinking waits for five minutes"
        cluster.advance("3m")
        assert replicas(cluster) == 1


def test_a_copy_goes_on_from_the_same_readings() -> None:
    with Cluster() as cluster:
        cluster.scripts.image("hpa-example", Script(cpu="250m"))
        cluster.apply(DEPLOYMENT)
        cluster.settle()
        cluster.advance("5m")
        with cluster.fork() as twin:
            assert quantity.milli_value(twin.list("pods.metrics.k8s.io")[0]["containers"][0]["usage"]["cpu"]) == 250
