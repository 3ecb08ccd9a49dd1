"""Planning alone: pods per second over 100, 1,000 and 5,000 nodes, without API server or writes.

Goal: 50,000 plain pods per second over 5,000 nodes; for the other rows, enough that planning does not hold
back 1,800 bound pods per second.

    python -m bench.scheduler_plan [--pods 2000]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import msgspec

from navarch.api.views.node import Node
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.scheduler.columns import Columns
from navarch.scheduler.plan import plan
from navarch.scheduler.shape import PodInfo, Shapes

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
GOALS = {("plain", 5000): 50_000}
BATCH = 256


def node(i: int) -> Node:
    tree = {
        "metadata": {"name": f"node-{i}", "labels": {HOST: f"node-{i}", ZONE: f"zone-{i % 10}"}},
        "status": {"allocatable": {"cpu": "4", "memory": "32Gi", "pods": "110"}},
    }
    return msgspec.convert(tree, Node)


def pod(i: int, kind: str) -> Pod:
    container = {"name": "c", "image": "pause", "resources": {"requests": {"cpu": "10m", "memory": "50Mi"}}}
    spec: dict[str, Any] = {"containers": [container]}
    selector = {"matchLabels": {"app": kind}}
    if kind == "spread":
        spec["topologySpreadConstraints"] = [
            {"maxSkew": 5, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}
        ]
    labels = {"app": kind}
    if kind == "anti-affinity":
        # Twenty groups, so that a hundred nodes are enough for two thousand pods.
        labels["group"] = f"g{i % 20}"
        term = {"topologyKey": HOST, "labelSelector": {"matchLabels": labels}}
        spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    tree = {"metadata": {"name": f"{kind}-{i}", "namespace": "bench", "uid": f"{kind}-{i}", "labels": labels}}
    return msgspec.convert({**tree, "spec": spec}, Pod)


def measure(nodes: int, kind: str, count: int) -> tuple[float, float, int]:
    """(pods per second, longest plan in ms, pods placed)."""
    columns, shapes = Columns(), Shapes()
    for i in range(nodes):
        columns.set_node(node(i))
    pods = [pod(i, kind) for i in range(count)]
    placed, longest = 0, 0.0
    start = time.perf_counter()
    infos = [PodInfo(ObjectKey("bench", p.metadata.name), p.metadata.uid, shapes.of(p)) for p in pods]
    for first in range(0, count, BATCH):
        before = time.perf_counter()
        placed += sum(bool(d.node) for d in plan(columns, infos[first : first + BATCH], 0.0, seed=first))
        longest = max(longest, time.perf_counter() - before)
    return count / (time.perf_counter() - start), longest * 1000, placed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=2000)
    count = parser.parse_args().pods
    print(f"{'pods':14} {'nodes':>6} {'pods/s':>10} {'goal':>8} {'longest plan ms':>16} {'placed':>7}")
    for kind in ("plain", "spread", "anti-affinity"):
        for nodes in (100, 1000, 5000):
            rate, longest, placed = measure(nodes, kind, count)
            goal = GOALS.get((kind, nodes), "")
            print(f"{kind:14} {nodes:6} {rate:10,.0f} {goal!s:>8} {longest:16.1f} {placed:7}")


if __name__ == "__main__":
    main()
