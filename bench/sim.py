"""Benchmarks of the simulated cluster: one row per promise, with its goal. All times are CPU time.

python -m bench.sim            all rows but the large one
python -m bench.sim --large    also 5,000 pods over 500 nodes
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from navarch.testing import Cluster
from navarch.testing.builders import deployment
from navarch.testing.nodes import NodeShape

ROOT = Path(__file__).parents[1]
FIRST = """
import time
begun = time.process_time()
from navarch.testing import Cluster
with Cluster(nodes=3) as c:
    print(time.process_time() - begun)
"""


def timed(work: Callable[[], Any]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def first_cluster() -> float:
    """Imports included, in a process of its own; the median of five. Modules are compiled beforehand, as pip
    leaves them."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-c", FIRST]
    runs = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(6)]
    return median(float(run.stdout) for run in runs[1:])


def further_cluster() -> float:
    Cluster(nodes=3).close()
    times = []
    for _ in range(15):
        begun = time.process_time()
        made = Cluster(nodes=3)
        times.append(time.process_time() - begun)
        made.close()
    return median(times)


def tutorial() -> float:
    """Deploy 3, scale to 10, update, delete; in a fresh cluster, the median of five."""

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
    return median(timed(play) for _ in range(5))


def idle_month() -> float:
    with Cluster(nodes=3) as c:
        c.settle()
        return timed(lambda: c.advance("30d"))


def _rate(c: Cluster, *work: Callable[[], Any]) -> float:
    """Store events per second of the work."""
    before = c.store.index.revision
    took = sum(timed(each) for each in work)
    return (c.store.index.revision - before) / took


def pod_churn() -> float:
    """A deployment of 1,000 pods comes up on 20 nodes, is updated, and deleted. Five of eight changes are Events."""
    with Cluster(nodes=20) as c:
        c.settle()
        return _rate(
            c,
            lambda: (c.apply(deployment("web", 1000)), c.settle()),
            lambda: (c.apply(deployment("web", 1000, "nginx:2")), c.settle()),
            lambda: (c.delete("deployment", "web"), c.settle()),
        )


def heartbeats() -> float:
    """200 nodes renew their leases for ten minutes."""
    with Cluster(nodes=200) as c:
        c.settle()
        c.advance(60)
        return _rate(c, *(lambda: c.advance(60) for _ in range(10)))


def config_writes() -> float:
    """ConfigMaps of 1 KB are created and patched by one client."""
    with Cluster(nodes=1) as c:
        c.settle()
        data = {"key": "x" * 1000}
        trees = [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c-{i}"}, "data": data} for i in range(2000)
        ]
        return _rate(
            c,
            lambda: [c.create(tree) for tree in trees],
            lambda: [c.patch("configmap", f"c-{i}", {"data": {"key": str(i)}}) for i in range(2000)],
        )


def _settled() -> Cluster:
    c = Cluster(nodes=3)
    c.apply(deployment("web", 10))
    c.settle()
    return c


def fork(then: Callable[[Cluster], Any] = lambda _: None) -> float:
    with _settled() as c:
        times = []
        for _ in range(12):
            begun = time.process_time()
            twin = c.fork()
            then(twin)
            times.append(time.process_time() - begun)
            twin.close()
        return median(times[2:])


def fork_and_read() -> float:
    """The first call starts the copy's components."""
    return fork(lambda twin: twin.get("deployment", "web"))


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
    begun = time.process_time()
    with Cluster(shapes) as c:
        c.settle()
        nodes_s = time.process_time() - begun
        before = c.store.index.revision
        c.apply(deployment("web", 5000))
        took = timed(c.settle)
        assert c.get("deployment", "web").status.readyReplicas == 5000
        events = c.store.index.revision - before
        return {
            "nodes_s": round(nodes_s, 2),
            "pods_s": round(took, 2),
            "events": events,
            "events_per_s": round(events / took),
            "memory_mib": round(_resident_mib(), 1),
        }


def _resident_mib() -> float:
    """Highest resident memory of this process. Linux counts it in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


#: Name, work, goal, unit; a goal of rates is a lower bound.
ROWS: tuple[tuple[str, Callable[[], float], float, str], ...] = (
    ("first Cluster() with imports", first_cluster, 0.3, "s"),
    ("further Cluster()", further_cluster, 0.02, "s"),
    ("tutorial: deploy 3, scale 10, update, delete", tutorial, 0.3, "s"),
    ("30 idle days of 3 nodes", idle_month, 5.0, "s"),
    ("fork of a settled cluster", fork, 0.01, "s"),
    ("fork, and the first call to it", fork_and_read, 0.03, "s"),
    ("memory of a fork", fork_kib, 1024, "KiB"),
    ("store events: heartbeats of 200 nodes", heartbeats, 20_000, "/s"),
    ("store events: config maps written", config_writes, 20_000, "/s"),
    ("store events: pods come, are replaced and go", pod_churn, 20_000, "/s"),
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
