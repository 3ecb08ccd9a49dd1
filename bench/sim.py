"""Benchmarks of the simulated cluster: one row per promise, with its goal.

python bench/sim.py            all rows but the large one
python bench/sim.py --large    also 5,000 pods over 500 nodes
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from navarch.testing import Cluster
from navarch.testing.builders import deployment
from navarch.testing.nodes import NodeShape

ROOT = Path(__file__).parents[1]
FIRST = """
import time
begun = time.perf_counter()
from navarch.testing import Cluster
with Cluster(nodes=3) as c:
    print(time.perf_counter() - begun)
"""


def timed(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def first_cluster() -> float:
    """Imports included, in a process of its own; the best of three."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", FIRST]
    runs = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(3)]
    return min(float(run.stdout) for run in runs)


def further_cluster() -> float:
    Cluster(nodes=3).close()
    return min(timed(lambda: Cluster(nodes=3).close()) for _ in range(10))


def tutorial() -> float:
    """Deploy 3, scale to 10, update, delete; in a fresh cluster, the best of three."""

    def play() -> None:
        with Cluster(nodes=3) as c:
            c.apply(deployment("web", 3))
            c.settle()
            c.scale("deployment", "web", 10)
            c.settle()
            c.apply(deployment("web", 10, "nginx:2"))
            c.settle()
            c.delete("deployment", "web")
            c.settle()

    play()
    return min(timed(play) for _ in range(3))


def idle_month() -> float:
    with Cluster(nodes=3) as c:
        c.settle()
        return timed(lambda: c.advance("30d"))


def events_per_second() -> float:
    """Store events per second while a deployment of 1,000 pods comes up on 20 nodes, and is updated."""
    with Cluster(nodes=20) as c:
        c.settle()
        before = c.store.index.revision
        took = timed(lambda: (c.apply(deployment("web", 1000)), c.settle()))
        took += timed(lambda: (c.apply(deployment("web", 1000, "nginx:2")), c.settle()))
        return (c.store.index.revision - before) / took


def _settled() -> Cluster:
    c = Cluster(nodes=3)
    c.apply(deployment("web", 10))
    c.settle()
    return c


def fork() -> float:
    with _settled() as c:
        c.fork().close()
        return min(timed(lambda: c.fork().close()) for _ in range(5))


def fork_kib() -> float:
    with _settled() as c:
        c.fork().close()
        tracemalloc.start()
        with c.fork():
            size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size / 1024


def large() -> dict[str, float]:
    """5,000 pods over 500 nodes."""
    shapes = [NodeShape(f"node-{i}", i) for i in range(1, 501)]
    begun = time.perf_counter()
    with Cluster(shapes) as c:
        c.settle()
        nodes_s = time.perf_counter() - begun
        before = c.store.index.revision
        c.apply(deployment("web", 5000))
        took = timed(c.settle)
        assert c.get("deployment", "web").status.readyReplicas == 5000
        return {
            "nodes_s": round(nodes_s, 2),
            "pods_s": round(took, 2),
            "events": c.store.index.revision - before,
            "memory_mib": round(_resident_mib(), 1),
        }


def _resident_mib() -> float:
    """Highest resident memory of this process. Linux counts it in KiB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


#: Name, work, goal, unit; a goal of rates is a lower bound.
ROWS: tuple[tuple[str, Callable[[], float], float, str], ...] = (
    ("first Cluster() with imports", first_cluster, 0.3, "s"),
    ("further Cluster()", further_cluster, 0.02, "s"),
    ("tutorial: deploy 3, scale 10, update, delete", tutorial, 0.3, "s"),
    ("30 idle days of 3 nodes", idle_month, 5.0, "s"),
    ("simulated events per second", events_per_second, 20_000, "/s"),
    ("fork of a settled cluster", fork, 0.01, "s"),
    ("memory of a fork", fork_kib, 1024, "KiB"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmarks of the simulated cluster.")
    parser.add_argument("--large", action="store_true", help="also 5,000 pods over 500 nodes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    for name, work, goal, unit in ROWS:
        value = results[name] = work()
        reached = value >= goal if unit == "/s" else value <= goal
        if not options.json:
            print(
                f"{name:48} {value:10.4g} {unit:4} goal {goal:g}: {'reached' if reached else 'NOT reached'}", flush=True
            )
    if options.large:
        results["5,000 pods over 500 nodes"] = large()
        if not options.json:
            print("5,000 pods over 500 nodes", results["5,000 pods over 500 nodes"])
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
