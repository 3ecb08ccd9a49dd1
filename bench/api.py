"""What API requests cost the server: CPU time per operation, and operations per second.

    python -m bench.api [--clients 1,8,32] [--only get,list100] [--scale 1.0] [--http2]
    python -m bench.api --url https://127.0.0.1:6443 --ca ca.pem --token TOKEN --pid 123,124

Without --url it starts its own server (API server on a durable store, TLS) in another process; with it,
any API server is measured the same way, --pid naming the processes whose CPU time counts. The columns:
CPU microseconds of the server per operation, operations per second, median latency, the goal, and what
the real Kubernetes v1.36 (API server and etcd) took on a machine of this size.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import uvloop

from bench.http2 import Http2Transport
from bench.serving import TOKEN
from navarch.base.errors import StatusError
from navarch.base.resource import Resource
from navarch.client.contract import PatchType
from navarch.client.http import HttpTransport
from navarch.client.rest import RestClient

PODS = Resource("", "v1", "pods", "Pod", True)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", True)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", True)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", False)
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", True)
PROTOBUF = "application/vnd.kubernetes.protobuf"
SPACE = "bench"
LISTED = ((100, "list-100"), (1000, "list-1000"), (5000, "list-5000"))


@dataclass(frozen=True, slots=True)
class Operation:
    """`run(client, i)` does the i-th one. Goal and peer are CPU microseconds per operation."""

    name: str
    count: int
    goal_us: float
    peer_us: tuple[float, float]
    run: Callable[[RestClient, int], Awaitable[Any]]


def pod(name: str) -> dict[str, Any]:
    """A pod of 3.4 KB as stored, managed fields included."""
    env = [{"name": f"SETTING_{n}", "value": "a value of some length"} for n in range(2)]
    container = {
        "name": "app",
        "image": "registry.example.com/team/app:1.2.3",
        "env": env,
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "livenessProbe": {"httpGet": {"path": "/live", "port": 8080}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
    }
    metadata = {"name": name, "labels": {"app": "bench", "tier": "front"}, "annotations": {"note": "x" * 200}}
    return {"metadata": metadata, "spec": {"containers": [container]}}


def operations(scale: float) -> list[Operation]:
    def n(count: int) -> int:
        return max(32, int(count * scale))

    async def get(client: RestClient, i: int) -> None:
        await client.get(PODS, f"list-100-{i % 100}", "list-100")

    async def get_cached(client: RestClient, i: int) -> None:
        await client.request("GET", f"/api/v1/namespaces/list-100/pods/list-100-{i % 100}?resourceVersion=0")

    def lister(space: str) -> Callable[[RestClient, int], Awaitable[Any]]:
        async def run(client: RestClient, _: int) -> None:
            await client.request("GET", f"/api/v1/namespaces/{space}/pods")

        return run

    async def get_protobuf(client: RestClient, i: int) -> None:
        await client.request(
            "GET", f"/api/v1/namespaces/list-100/pods/list-100-{i % 100}", headers={"accept": PROTOBUF}
        )

    async def list_protobuf(client: RestClient, _: int) -> None:
        await client.request("GET", "/api/v1/namespaces/list-100/pods", headers={"accept": PROTOBUF})

    async def version(client: RestClient, _: int) -> None:
        await client.request("GET", "/version")

    async def create_config_map(client: RestClient, i: int) -> None:
        await client.create(CONFIG_MAPS, {"metadata": {"name": f"c{i}"}, "data": {"k": "x" * 900}}, SPACE)

    async def create_pod(client: RestClient, i: int) -> None:
        await client.create(PODS, pod(f"p{i}"), SPACE)

    async def patch_label(client: RestClient, i: int) -> None:
        await client.patch(PODS, f"p{i}", {"metadata": {"labels": {"n": str(i)}}}, PatchType.MERGE, SPACE)

    async def patch_status(client: RestClient, i: int) -> None:
        status = {"status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}}
        await client.patch(PODS, f"p{i}", status, PatchType.STRATEGIC, SPACE, subresource="status")

    async def apply(client: RestClient, i: int) -> None:
        tree = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"d{i % 50}"},
            "spec": {
                "replicas": i % 7,
                "selector": {"matchLabels": {"app": "a"}},
                "template": {"metadata": {"labels": {"app": "a"}}, "spec": pod("x")["spec"]},
            },
        }
        await client.patch(DEPLOYMENTS, f"d{i % 50}", tree, PatchType.APPLY, SPACE, field_manager="bench", force=True)

    async def delete_pod(client: RestClient, i: int) -> None:
        await client.delete(PODS, f"p{i}", SPACE, grace_period_s=0)

    writes = n(2000)
    return [
        Operation("get", n(8000), 50, (425, 1200), get),
        Operation("get-rv0", n(8000), 40, (262, 436), get_cached),
        Operation("list100", n(1000), 500, (4000, 7800), lister("list-100")),
        Operation("list1000", n(200), 3500, (43000, 66000), lister("list-1000")),
        Operation("list5000", n(40), 18000, (200000, 327000), lister("list-5000")),
        Operation("get-protobuf", n(8000), 50, (0, 0), get_protobuf),
        Operation("list100-protobuf", n(1000), 500, (0, 0), list_protobuf),
        Operation("version", n(8000), 25, (135, 266), version),
        Operation("create-cm", writes, 200, (780, 1900), create_config_map),
        Operation("create-pod", writes, 300, (1230, 2500), create_pod),
        Operation("patch-label", writes, 400, (2100, 3800), patch_label),
        Operation("patch-status", writes, 400, (2100, 4000), patch_status),
        Operation("apply-deployment", n(1000), 800, (0, 0), apply),
        Operation("delete-pod", writes, 400, (1700, 4300), delete_pod),
    ]


class Target:
    """The server under test and its processes."""

    def __init__(self, url: str, tls: ssl.SSLContext, token: str, pids: list[int], *, http2: bool = False) -> None:
        self._url, self._tls, self._token, self._http2 = url, tls, token, http2
        self._processes = [psutil.Process(pid) for pid in pids]

    def client(self) -> RestClient:
        if self._http2:
            return RestClient(Http2Transport(self._url, self._tls, self._token))
        return RestClient(HttpTransport(self._url, self._tls, self._token, "bench/1.0"))

    def cpu_s(self) -> float:
        return sum(sum(p.cpu_times()[:2]) for p in self._processes)

    def memory_mb(self) -> float:
        return sum(p.memory_full_info().pss for p in self._processes) / 1e6


async def measure(target: Target, operation: Operation, clients: int) -> tuple[float, float, float]:
    """(CPU us per operation, operations per second, median latency in ms)."""
    connections = [target.client() for _ in range(clients)]
    numbers = iter(range(operation.count))
    latencies: list[float] = []

    async def worker(client: RestClient) -> None:
        for i in numbers:
            began = time.perf_counter()
            await operation.run(client, i)
            latencies.append(time.perf_counter() - began)

    for client in connections:
        await client.request("GET", "/api/v1/namespaces/default")
    cpu, wall = target.cpu_s(), time.perf_counter()
    await asyncio.gather(*[worker(client) for client in connections])
    cpu, wall = target.cpu_s() - cpu, time.perf_counter() - wall
    for client in connections:
        await client.close()
    return cpu / operation.count * 1e6, operation.count / wall, statistics.median(latencies) * 1e3


async def fill(client: RestClient) -> None:
    """The namespaces and pods that are read."""
    for space in (SPACE, *(name for _, name in LISTED)):
        for resource, tree, place in (
            (NAMESPACES, {"metadata": {"name": space}}, ""),
            (ACCOUNTS, {"metadata": {"name": "default"}}, space),
        ):
            try:
                await client.create(resource, tree, place)
            except StatusError as error:
                if error.reason != "AlreadyExists":
                    raise
    for count, space in LISTED:
        for start in range(0, count, 50):
            names = range(start, min(start + 50, count))
            await asyncio.gather(*[client.create(PODS, pod(f"{space}-{i}"), space) for i in names])


async def clean(client: RestClient) -> None:
    for plural in ("pods", "configmaps"):
        await client.request("DELETE", f"/api/v1/namespaces/{SPACE}/{plural}?gracePeriodSeconds=0")


async def run(target: Target, options: argparse.Namespace) -> None:
    admin = target.client()
    await fill(admin)
    head = f"{'operation':18}{'clients':>8}{'CPU us/op':>11}{'ops/s':>9}{'p50 ms':>8}"
    print(head + f"{'goal us':>9}{'peer us':>16}{'ratio':>7}")
    chosen = options.only.split(",") if options.only else None
    for clients in [int(c) for c in options.clients.split(",")]:
        for operation in operations(options.scale):
            if chosen and operation.name not in chosen:
                continue
            cpu, rate, p50 = await measure(target, operation, clients)
            low, high = operation.peer_us
            peer, ratio = (f"{low:.0f}-{high:.0f}", f"{low / cpu:.1f}") if low else ("-", "-")
            row = f"{operation.name:18}{clients:8}{cpu:11.1f}{rate:9.0f}{p50:8.2f}"
            print(row + f"{operation.goal_us:9.0f}{peer:>16}{ratio:>7}", flush=True)
        await clean(admin)
    print(f"memory of the server processes (PSS): {target.memory_mb():.0f} MB")


@contextmanager
def own_server(directory: Path) -> Iterator[tuple[int, str]]:
    """A process with a server, as long as the block lasts: its id and URL. `ca.pem` is in the directory."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bench.serving", str(directory), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline().strip() == "ready"
            yield process.pid, f"https://127.0.0.1:{port}"
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--ca")
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--pid", help="processes whose CPU time counts, comma-separated")
    parser.add_argument("--clients", default="1,8,32")
    parser.add_argument("--only", help="names of operations, comma-separated")
    parser.add_argument("--scale", type=float, default=1.0, help="how many operations, as a factor")
    parser.add_argument("--http2", action="store_true", help="HTTP/2 instead of HTTP/1.1, a connection per client")
    options = parser.parse_args()
    with ExitStack() as stack:
        if options.url:
            url, ca, pids = options.url, options.ca, [int(p) for p in (options.pid or "").split(",") if p]
        else:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            pid, url = stack.enter_context(own_server(Path(directory)))
            ca, pids = f"{directory}/ca.pem", [pid]
        tls = ssl.create_default_context(cafile=ca)
        uvloop.run(run(Target(url, tls, options.token, pids, http2=options.http2), options))


if __name__ == "__main__":
    main()
