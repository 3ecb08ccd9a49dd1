"""The tutorials' php-apache: `kubectl top`, and an autoscaler that follows the load up and down."""

from __future__ import annotations

import json

import pytest

from tests.live.cluster import KUBECTL, NAVARCH, Namespace, eventually
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]

APPLICATION = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: php-apache
spec:
  selector:
    matchLabels:
      run: php-apache
  template:
    metadata:
      labels:
        run: php-apache
    spec:
      containers:
      - name: php-apache
        image: registry.k8s.io/hpa-example
        ports:
        - containerPort: 80
        resources:
          limits:
            cpu: 500m
          requests:
            cpu: 200m
---
apiVersion: v1
kind: Service
metadata:
  name: php-apache
  labels:
    run: php-apache
spec:
  ports:
  - port: 80
  selector:
    run: php-apache
"""
LOAD = "while sleep 0.01; do wget -q -O- http://php-apache; done"


def test_top(namespace: Namespace) -> None:
    namespace.kubectl("run", "busy", "--image=busybox", "--", "sh", "-c", "while true; do true; done")
    namespace.wait_ready("busy")
    (row,) = eventually(lambda: namespace.kubectl("top", "pod", "--containers", "--no-headers", check=False).rows)
    assert row[:2] == ["busy", "busy"]
    assert int(row[2].removesuffix("m")) > 200
    for program in (KUBECTL, NAVARCH):
        (row,) = namespace.kubectl("top", "pod", "busy", "--no-headers", program=program).rows
        assert int(row[1].removesuffix("m")) > 200
        nodes = namespace.kubectl("top", "nodes", "--no-headers", program=program).rows
        assert nodes and all(int(node[1].removesuffix("m")) > 0 and node[3].endswith("Mi") for node in nodes)
    found = namespace.kubectl("top", "pod", "-l", "run=other", check=False)
    assert "No resources found" in found.err
    namespace.kubectl("delete", "pod", "busy", "--grace-period=1", "--wait=false")


def replicas(namespace: Namespace) -> int:
    return int(namespace.path("deployment", "php-apache", ".spec.replicas"))


def test_php_apache(namespace: Namespace) -> None:
    """Deploy, autoscale, load, watch it grow, stop the load, watch it shrink."""
    kubectl = namespace.kubectl
    said = kubectl("apply", "-f", "-", text=APPLICATION).lines
    assert said == ["deployment.apps/php-apache created", "service/php-apache created"]
    kubectl("rollout", "status", "deployment/php-apache", "--timeout=60s")
    said = kubectl("autoscale", "deployment", "php-apache", "--cpu-percent=50", "--min=1", "--max=4").lines
    assert said == ["horizontalpodautoscaler.autoscaling/php-apache autoscaled"]
    eventually(lambda: "cpu: 0%/50%" in kubectl("get", "hpa").out, 90)

    kubectl("run", "load-generator", "--image=busybox:1.28", "--restart=Never", "--", "/bin/sh", "-c", LOAD)
    eventually(lambda: replicas(namespace) > 1, 150)
    kubectl("rollout", "status", "deployment/php-apache", "--timeout=60s")
    assert "New size" in kubectl("describe", "hpa", "php-apache").out

    # The tutorial waits for five minutes here; the window of stabilization is shortened to half of one.
    behavior = {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 30}}}}
    kubectl("patch", "hpa.v2.autoscaling", "php-apache", "--type=merge", "-p", json.dumps(behavior))
    kubectl("delete", "pod", "load-generator", "--grace-period=1")
    eventually(lambda: "ScaleDownStabilized" in kubectl("describe", "hpa", "php-apache").out, 60)
    eventually(lambda: replicas(namespace) == 1, 150)
