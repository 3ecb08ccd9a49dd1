"""What a cluster's objects take in the API server's memory, and how long the collector stops it.

    python -m bench.memory [--pods 150000] [--nodes 5000]

The server runs in this process on a memory store. Pods of 3.4 KB as stored are created through the write
path, then each gets a status, so that the history is as full as it ever is; then all are listed by label
and by node, as informers and kubelets do. Memory is what the process holds of its own (USS).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from typing import Any

import orjson
import psutil

from bench.write_profile import request, server
from navarch.base import garbage
from navarch.client import identities
from navarch.server.app import ApiServer
from navarch.wire.messages import Request

PODS = "/api/v1/namespaces/default/pods"
STRATEGIC = "application/strategic-merge-patch+json"


class Pauses:
    """How long each look of the collector took, in milliseconds."""

    def __init__(self) -> None:
        self.ms: list[tuple[float, int]] = []
        self._began = 0.0
        # Around the policy's own callback, whose work counts.
        gc.callbacks.insert(0, self._start)
        gc.callbacks.append(self._stop)

    def _start(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.thread_time()

    def _stop(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            self.ms.append(((time.thread_time() - self._began) * 1e3, info["generation"]))

    def worst(self) -> str:
        ms, generation = max(self.ms, default=(0.0, 0))
        return f"{ms:.1f} ms (generation {generation}), {len(self.ms)} looks"


def held_bytes() -> int:
    return int(psutil.Process().memory_full_info().uss)


def pod(i: int, nodes: int) -> dict[str, Any]:
    """A pod that is stored as 3.4 KB before it has a status."""
    env = [{"name": f"SETTING_{n}", "value": "a value of some length"} for n in range(5)]
    container = {
        "name": "app",
        "image": "registry.example.com/team/app:1.2.3",
        "env": env,
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
    }
    metadata = {"name": f"app-{i:06}", "labels": {"app": f"app-{i % 100}", "tier": "front"}}
    return {"metadata": metadata, "spec": {"nodeName": f"node-{i % nodes}", "containers": [container]}}


async def ask(target: ApiServer, each: Request) -> bytes:
    response = await target.handle_as(each)
    assert response.status < 300, response.body
    return response.body


async def fill(target: ApiServer, pods: int, nodes: int) -> None:
    for i in range(nodes):
        await ask(target, request("POST", "/api/v1/nodes", {"metadata": {"name": f"node-{i}"}}))
    for i in range(pods):
        await ask(target, request("POST", PODS, pod(i, nodes)))


async def give_status(target: ApiServer, pods: int) -> None:
    for i in range(pods):
        status = {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}], "startTime": None}
        await ask(target, request("PATCH", f"{PODS}/app-{i:06}/status", {"status": status}, media=STRATEGIC))


async def select(target: ApiServer) -> None:
    for query in ("labelSelector=app%3Dapp-1", "fieldSelector=spec.nodeName%3Dnode-1"):
        await ask(target, Request("GET", PODS, query, user=identities.ADMIN))


async def main(pods: int, nodes: int) -> None:
    garbage.begin()
    target = await server()
    garbage.settle()
    empty = held_bytes()
    pauses = Pauses()
    print(f"server alone: {empty / 1e6:.0f} MB")

    def report(what: str) -> None:
        held = held_bytes()
        each = (held - empty) / pods
        print(f"{what:34}{held / 1e6:8.0f} MB {each:8.0f} B per pod; worst pause {pauses.worst()}", flush=True)
        pauses.ms.clear()

    await fill(target, pods, nodes)
    stored = orjson.loads(await ask(target, Request("GET", f"{PODS}/app-000000", user=identities.ADMIN)))
    size = len(orjson.dumps(stored))
    report(f"{pods} pods of {size} B, {nodes} nodes")
    await give_status(target, pods)
    report("each with a status, full history")
    await select(target)
    report("listed by label and by node")
    began = time.thread_time()
    gc.collect()
    print(f"a full look now: {(time.thread_time() - began) * 1e3:.1f} ms, {gc.get_freeze_count()} objects frozen")
    print("targets: 6000 B per pod of 3400 B; 1500 MB with 150000 pods and 5000 nodes; pauses of 20 ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=150_000)
    parser.add_argument("--nodes", type=int, default=5_000)
    options = parser.parse_args()
    asyncio.run(main(options.pods, options.nodes))
