"""Cost of managedFields on the write path: a pod's creation and a patch of one label.

Run: PYTHONPATH=. python bench/managed_fields.py
"""

from __future__ import annotations

import copy
import timeit
from typing import Any

from navarch.schema import facts
from navarch.schema.managed_fields import on_update

CONTAINER = {
    "name": "web",
    "image": "nginx:1.27",
    "imagePullPolicy": "IfNotPresent",
    "ports": [{"containerPort": 80, "protocol": "TCP", "name": "http"}],
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web", "tier": "front"}},
    "spec": {
        "containers": [CONTAINER],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "enableServiceLinks": True,
        "terminationGracePeriodSeconds": 30,
    },
    "status": {},
}


def main() -> None:
    node = facts.load().type("io.k8s.api.core.v1.Pod")
    time = "2026-01-01T00:00:00Z"

    def create() -> None:
        POD["metadata"].pop("managedFields", None)
        on_update(node, None, POD, "bench", "v1", time)

    rounds = 5000
    seconds = min(timeit.repeat(create, number=rounds, repeat=5)) / rounds
    print(f"managedFields of a pod's creation: {seconds * 1e6:.1f} us")
    old = copy.deepcopy(POD)
    new = copy.deepcopy(POD)
    new["metadata"]["labels"]["tier"] = "back"
    managed = new["metadata"]["managedFields"]

    def patch() -> None:
        new["metadata"]["managedFields"] = managed
        on_update(node, old, new, "kubectl", "v1", time)

    seconds = min(timeit.repeat(patch, number=rounds, repeat=5)) / rounds
    print(f"managedFields of a patch of one label: {seconds * 1e6:.1f} us")


if __name__ == "__main__":
    main()
