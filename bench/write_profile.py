"""What a write costs in process, and where the time of one goes.

    python -m bench.write_profile [--only create-pod,update-lease] [--count 1500]
    python -m bench.write_profile --parts create-pod      the parts of one write, under the profiler
    python -m bench.write_profile --functions create-pod  its dearest functions

Without a wire, the store in memory: what a controller of the same process pays, and every simulated
write. The figures are CPU microseconds per operation, the least of several runs. The profiler makes
many small calls look dearer than they are. docs/performance.md quotes all three.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from bench.api import pod
from navarch.base import garbage
from navarch.client import identities
from navarch.seams.real import real_seams
from navarch.server.app import ApiServer
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.store.memory import MemoryStore
from navarch.wire.messages import Request

RUNS = 15

#: Stands in a body for the store's revision, which on this quiet server is that of the last object written.
REVISION = "@@@@"
_REVISION = REVISION.encode()

#: (part, file, function) of what is timed.
PARTS = (
    ("validation", "validation/objects.py", "create_errors"),
    ("validation of a change", "validation/objects.py", "update_errors"),
    ("decode, normal form, defaults", "server/bodies.py", "decode"),
    ("patch, normal form, defaults", "server/patching.py", "change"),
    ("server-side apply", "schema/apply.py", "apply"),
    ("managed fields", "schema/managed_fields.py", "on_update"),
    ("mutating admission", "admission/contract.py", "admit"),
    ("validating admission", "admission/contract.py", "validate"),
    ("prepare", "core/pod_prepare.py", "prepare_pod"),
    ("the document", "server/served.py", "document"),
    ("store and index", "store/memory.py", "put"),
    ("filters", "filters/__init__.py", "admit"),
)

_PODS = "/api/v1/namespaces/default/pods"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
_STRATEGIC = "application/strategic-merge-patch+json"


@dataclass(frozen=True, slots=True)
class Operation:
    """`make(i)` is the i-th request. Objects that it works on are made by `needs` before."""

    name: str
    goal_us: float
    make: Callable[[int], Request]
    needs: str = ""


def request(method: str, path: str, tree: Any, query: str = "", media: str = "application/json") -> Request:
    headers = {"user-agent": "bench/1.0", "content-type": media}
    return Request(method, path, query, headers, orjson.dumps(tree), user=identities.ADMIN)


def event(i: int) -> dict[str, Any]:
    about = {"kind": "Pod", "namespace": "default", "name": f"p{i}", "uid": f"u{i}", "apiVersion": "v1"}
    return {
        "metadata": {"name": f"p{i}.17{i:014x}", "namespace": "default"},
        "involvedObject": about,
        "reason": "Scheduled",
        "message": f"Successfully assigned default/p{i} to node-1",
        "source": {"component": "default-scheduler"},
        "firstTimestamp": "2026-01-02T03:04:05Z",
        "lastTimestamp": "2026-01-02T03:04:05Z",
        "count": 1,
        "type": "Normal",
        "reportingComponent": "default-scheduler",
        "reportingInstance": "",
    }


def lease(i: int) -> dict[str, Any]:
    """A node's lease as its kubelet renews it."""
    return {
        "kind": "Lease",
        "apiVersion": "coordination.k8s.io/v1",
        "metadata": {"name": "node-1", "namespace": "default", "resourceVersion": REVISION},
        "spec": {
            "holderIdentity": "node-1",
            "leaseDurationSeconds": 40,
            "renewTime": f"2026-01-02T{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}.000000Z",
        },
    }


def status(i: int) -> dict[str, Any]:
    """What a kubelet says of a running pod."""
    at = f"2026-01-02T03:{i // 60 % 60:02}:{i % 60:02}Z"
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "phase": "Running",
        "conditions": [{"type": kind, "status": "True", "lastTransitionTime": at} for kind in kinds],
        "hostIP": "192.168.49.2",
        "podIP": "10.244.0.7",
        "podIPs": [{"ip": "10.244.0.7"}],
        "startTime": at,
        "containerStatuses": [
            {
                "name": "app",
                "state": {"running": {"startedAt": at}},
                "lastState": {},
                "ready": True,
                "restartCount": 0,
                "image": "registry.example.com/team/app:1.2.3",
                "imageID": "sha256:0",
                "containerID": f"containerd://{i}",
                "started": True,
            }
        ],
    }


def binding(i: int) -> dict[str, Any]:
    return {"kind": "Binding", "metadata": {"name": f"p{i}"}, "target": {"kind": "Node", "name": "node-1"}}


def deployment(i: int) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": pod("x")["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": i % 7, "selector": {"matchLabels": {"app": "a"}}, "template": template},
    }


def operations() -> list[Operation]:
    def label(i: int) -> Request:
        patch = {"metadata": {"labels": {"n": str(i)}}}
        return request("PATCH", f"{_PODS}/p{i}", patch, media="application/merge-patch+json")

    def patch_status(i: int) -> Request:
        return request("PATCH", f"{_PODS}/p{i}/status", {"status": status(i)}, media=_STRATEGIC)

    def put_status(i: int) -> Request:
        tree = {"metadata": {"name": f"p{i}"}, **pod(f"p{i}"), "status": status(i)}
        return request("PUT", f"{_PODS}/p{i}/status", tree)

    def apply(i: int) -> Request:
        path = "/apis/apps/v1/namespaces/default/deployments/d"
        return request("PATCH", path, deployment(i), "fieldManager=bench&force=true", "application/apply-patch+yaml")

    def config_map(i: int) -> Request:
        tree = {"metadata": {"name": f"c{i}"}, "data": {"k": "x" * 900}}
        return request("POST", "/api/v1/namespaces/default/configmaps", tree)

    def update_lease(i: int) -> Request:
        return request("PUT", f"{_LEASES}/node-1", lease(i))

    def delete(i: int) -> Request:
        return request("DELETE", f"{_PODS}/p{i}", {"gracePeriodSeconds": 0})

    return [
        Operation("create-pod", 150, lambda i: request("POST", _PODS, pod(f"p{i}"))),
        Operation("create-event", 100, lambda i: request("POST", "/api/v1/namespaces/default/events", event(i))),
        Operation("update-lease", 100, update_lease),
        Operation("bind-pod", 150, lambda i: request("POST", f"{_PODS}/p{i}/binding", binding(i)), "create-pod"),
        Operation("patch-status", 150, patch_status, "create-pod"),
        Operation("update-status", 150, put_status, "create-pod"),
        Operation("patch-label", 150, label, "create-pod"),
        Operation("create-cm", 100, config_map),
        Operation("apply-deployment", 400, apply),
        Operation("delete-pod", 150, delete, "create-pod"),
    ]


async def server() -> ApiServer:
    store = MemoryStore()
    await store.start()
    made = ApiServer(store, real_seams())
    await bootstrap(made, BootstrapConfig())
    await made.handle_as(
        request("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    )
    return made


async def run(target: ApiServer, requests: list[Request]) -> float:
    """CPU microseconds per request."""
    began = time.process_time()
    for each in requests:
        if _REVISION in each.body:
            revision = target.store.index.revision
            each.body = each.body.replace(_REVISION, b"%d" % revision)
        response = await target.handle_as(each)
        assert response.status < 300, response.body
    return (time.process_time() - began) / len(requests) * 1e6


async def prepare(chosen: Operation, count: int) -> tuple[ApiServer, list[list[Request]]]:
    """A server, and the requests of each run on it."""
    garbage.begin()
    target = await server()
    every = {each.name: each for each in operations()}
    if chosen.needs:
        await run(target, [every[chosen.needs].make(i) for i in range(count * RUNS)])
    await target.handle_as(request("POST", _LEASES, {**lease(0), "metadata": {"name": "node-1"}}))
    garbage.settle()
    return target, [[chosen.make(i) for i in range(n * count, (n + 1) * count)] for n in range(RUNS)]


async def cost(chosen: Operation, count: int) -> float:
    target, runs = await prepare(chosen, count)
    return min([await run(target, requests) for requests in runs])


async def profile(chosen: Operation, count: int) -> pstats.Stats:
    target, runs = await prepare(chosen, count)
    await run(target, runs[0])
    profiler = cProfile.Profile(time.thread_time)
    profiler.enable()
    await run(target, runs[1])
    profiler.disable()
    return pstats.Stats(profiler)


def print_parts(stats: pstats.Stats) -> None:
    times = {(file, function): row[3] for (file, _, function), row in stats.stats.items()}  # type: ignore[attr-defined]
    whole = next(t for (file, name), t in times.items() if file.endswith("server/app.py") and name == "handle_as")
    rest = 1.0
    for part, file, function in PARTS:
        share = sum(t for (f, name), t in times.items() if f.endswith(file) and name == function) / whole
        rest -= share
        if share:
            print(f"  {part:32}{share:6.0%}")
    print(f"  {'the rest':32}{rest:6.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="names of operations, comma-separated")
    parser.add_argument("--count", type=int, default=150, help="requests per run")
    parser.add_argument("--parts", metavar="OPERATION")
    parser.add_argument("--functions", metavar="OPERATION")
    options = parser.parse_args()
    named = options.parts or options.functions or options.only
    chosen = [each for each in operations() if not named or each.name in named.split(",")]
    if options.parts:
        print_parts(asyncio.run(profile(chosen[0], options.count)))
    elif options.functions:
        asyncio.run(profile(chosen[0], options.count)).sort_stats("cumulative").print_stats(70)
    else:
        print(f"{'operation':20}{'CPU us':>8}{'goal':>8}")
        for each in chosen:
            print(f"{each.name:20}{asyncio.run(cost(each, options.count)):8.0f}{each.goal_us:8.0f}", flush=True)


if __name__ == "__main__":
    main()
