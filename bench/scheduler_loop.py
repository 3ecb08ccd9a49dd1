"""Pods bound per second with API server and memory store in the loop, all in one process.

Pods are created by a client of the same process while the scheduler binds ("live"). Goals: 2,500 per second
over 100 and 1,000 nodes, 2,000 over 5,000; 1,800 with spreading or anti-affinity over 1,000 nodes.

    python -m bench.scheduler_loop [--pods 2000]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import msgspec
import orjson

from bench.scheduler_plan import node, pod
from navarch.base.resource import Resource
from navarch.client.contract import Client
from navarch.client.direct import direct_client
from navarch.scheduler.run import Scheduler
from navarch.seams.real import real_seams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.store.memory import MemoryStore
from navarch.wire.messages import User

PODS = Resource("", "v1", "pods", "Pod", True)
NODES = Resource("", "v1", "nodes", "Node", False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", False)
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", True)
GOALS = {("plain", 100): 2500, ("plain", 1000): 2500, ("plain", 5000): 2000, ("spread", 1000): 1800}
GOALS[("anti-affinity", 1000)] = 1800
CREATORS = 16


def tree(view: object) -> Any:
    return orjson.loads(msgspec.json.encode(view))


async def measure(nodes: int, kind: str, count: int) -> tuple[float, float]:
    """(pods bound per second, seconds that creating them takes without a scheduler)."""
    seams, store = real_seams(), MemoryStore()
    await store.start()
    server = ApiServer(store, seams, ServerConfig())
    await bootstrap(server, BootstrapConfig())
    admin = direct_client(server.handle_as, User("admin", groups=("system:masters", "system:authenticated")), "bench")
    user = User("system:kube-scheduler", groups=("system:authenticated",))
    scheduler = Scheduler(direct_client(server.handle_as, user, "kube-scheduler"), seams)
    for name in ("bench", "idle"):
        await admin.create(NAMESPACES, {"metadata": {"name": name}})
        await admin.create(ACCOUNTS, {"metadata": {"name": "default"}}, name)
    for i in range(nodes):
        view = tree(node(i))
        view["spec"] = {"taints": []}
        await admin.create(NODES, view)
        patch = orjson.loads(await admin.get(NODES, view["metadata"]["name"]))
        patch["spec"].pop("taints", None)
        await admin.update(NODES, patch)
        patch = orjson.loads(await admin.get(NODES, view["metadata"]["name"]))
        patch["status"] = view["status"]
        await admin.update(NODES, patch, subresource="status")
    alone = await create(admin, kind, count, "idle", "other")
    task = asyncio.create_task(scheduler.run())
    await asyncio.sleep(1)
    bound = asyncio.create_task(wait_bound(admin, count, store.index.revision))
    start = time.perf_counter()
    await create(admin, kind, count, "bench", "default-scheduler")
    await bound
    seconds = time.perf_counter() - start
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return count / seconds, alone


async def create(client: Client, kind: str, count: int, namespace: str, scheduler: str) -> float:
    trees = [tree(pod(i, kind)) for i in range(count)]
    for made in trees:
        made["metadata"].pop("uid")
        made["metadata"]["namespace"] = namespace
        made["spec"]["schedulerName"] = scheduler
    waiting = iter(trees)

    async def creator() -> None:
        for made in waiting:
            await client.create(PODS, made, namespace)

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CREATORS):
            group.create_task(creator())
    return time.perf_counter() - start


async def wait_bound(client: Client, count: int, after: int) -> None:
    bound: set[bytes] = set()
    async for batch in client.watch(PODS, "bench", after=after):
        for event in batch:
            if b'"nodeName":"' in event.raw:
                start = event.raw.index(b'"uid":"')
                bound.add(event.raw[start : start + 43])
        if len(bound) >= count:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=2000)
    count = parser.parse_args().pods
    print(f"{'pods':14} {'nodes':>6} {'bound/s':>9} {'goal':>7} {'creating alone, s':>18}")
    for kind, nodes in GOALS:
        rate, alone = asyncio.run(measure(nodes, kind, count))
        print(f"{kind:14} {nodes:6} {rate:9,.0f} {GOALS[kind, nodes]:7,} {alone:18.2f}", flush=True)


if __name__ == "__main__":
    main()
