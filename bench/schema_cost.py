"""CPU cost of the schema engine on a pod: decode with strict checks, normal form, defaults.

    python -m bench.schema_cost [--rounds N]

Prints microseconds of CPU per operation, the least of five runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import orjson

from navarch.schema import facts
from navarch.schema.decode import decode_object
from navarch.schema.defaults import apply_defaults


def pod() -> dict[str, Any]:
    """A pod of some 3 KB as a controller would post it."""
    env = [{"name": f"SETTING_{i}", "value": f"value number {i}"} for i in range(8)]
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1}
    container = {
        "image": "registry.example.com/team/web:1.27.3",
        "command": ["/bin/web", "--listen=:8080", "--log-level=info"],
        "ports": [
            {"containerPort": 8080, "name": "http", "protocol": "TCP"},
            {"containerPort": 9090, "name": "metrics"},
        ],
        "env": env,
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/web"}, {"name": "cache", "mountPath": "/var/cache"}],
        "livenessProbe": probe,
        "readinessProbe": probe,
        "terminationMessagePath": "/dev/termination-log",
        "imagePullPolicy": "IfNotPresent",
    }
    labels = {"app": "web", "tier": "front", "pod-template-hash": "5d59d67564"}
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "web-5d59d67564",
        "uid": "0" * 36,
        "controller": True,
    }
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"generateName": "web-5d59d67564-", "labels": labels, "ownerReferences": [owner]},
        "spec": {
            "volumes": [{"name": "config", "configMap": {"name": "web"}}, {"name": "cache", "emptyDir": {}}],
            "containers": [{"name": "web", **container}, {"name": "sidecar", **container}],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "serviceAccountName": "default",
            "securityContext": {"runAsNonRoot": True, "fsGroup": 1000},
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
        },
    }


def cost(operation: Callable[[], object], rounds: int) -> float:
    """Least CPU microseconds per call of five runs."""
    runs = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(rounds):
            operation()
        runs.append((time.process_time() - start) / rounds)
    return min(runs) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1000)
    rounds = parser.parse_args().rounds
    node = facts.load().type("io.k8s.api.core.v1.Pod")

    def whole(raw: bytes) -> None:
        apply_defaults(node, decode_object(raw, "application/json", node, "Pod", "v1").tree)

    compact = orjson.dumps(pod())
    forms = {
        "compact, fields in Go's order": compact,
        "compact, sorted keys": orjson.dumps(pod(), option=orjson.OPT_SORT_KEYS),
        "indented, sorted keys": orjson.dumps(pod(), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2),
    }
    print(f"pod of {len(compact)} bytes; JSON parse alone {cost(lambda: orjson.loads(compact), rounds):.1f} us")
    for name, raw in forms.items():
        print(f"{name}: {cost(lambda raw=raw: whole(raw), rounds):.1f} us")  # type: ignore[misc]


if __name__ == "__main__":
    main()
