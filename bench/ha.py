"""What several control planes cost, and how long it takes until another leads.

    python bench/ha.py [--runs N]

Starts a cluster of pretended nodes with three control planes on three etcd members, in a directory of its own.
Times by the wall clock: they are mostly waiting.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import signal
import ssl
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from navarch.app.main import main as navarch
from navarch.base.errors import StatusError
from navarch.base.resource import Resource
from navarch.client.contract import Client, Unreachable
from navarch.client.http import http_client
from navarch.launch.drivers import process
from navarch.launch.machine import Cluster
from navarch.launch.planes import CONTROL_PLANE
from navarch.launch.profile import Home

CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", True)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", True)
WRITES = 300


def show(what: str, seen: str, target: str) -> None:
    print(f"{what:<58} {seen:>14}   {target}", flush=True)


class Site:
    """One running cluster."""

    def __init__(self, home: Home, *flags: str) -> None:
        began = time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()):
            assert navarch(["start", "--driver=fake", *flags]) == 0
        self.start_s = time.monotonic() - began
        profile = home.load("navarch")
        assert profile is not None
        self.cluster = Cluster(home, profile)
        pki = self.cluster.directory / "pki"
        self.tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self.tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def client(self, host: str = "") -> Client:
        profile = self.cluster.profile
        return http_client(f"https://{host or profile.host}:{profile.port}", self.tls)

    def processes(self, plane: int) -> list[process.Process]:
        loop = process.load(self.cluster.planes.spec(plane).directory / f"{CONTROL_PLANE}.pid")
        assert loop is not None
        return process.children([loop.pid])

    @staticmethod
    def delete() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            navarch(["delete", "--all", "--purge"])


async def median_write_ms(client: Client, prefix: str) -> float:
    times = []
    for number in range(WRITES):
        began = time.monotonic()
        await client.create(CONFIGMAPS, {"metadata": {"name": f"{prefix}-{number}"}}, "default")
        times.append(time.monotonic() - began)
    await client.close()
    return statistics.median(times) * 1000


async def median_read_ms(client: Client) -> float:
    times = []
    for _ in range(WRITES):
        began = time.monotonic()
        await client.get(CONFIGMAPS, "kube-root-ca.crt", "default")
        times.append(time.monotonic() - began)
    await client.close()
    return statistics.median(times) * 1000


async def until(work: Callable[[], Awaitable[bool]]) -> float:
    """Seconds until `work` says yes."""
    began = time.monotonic()
    while True:
        with contextlib.suppress(Unreachable, StatusError):
            if await work():
                return time.monotonic() - began
        await asyncio.sleep(0.02)


async def failover(site: Site) -> tuple[float, float]:
    """Seconds until a request is answered, and until another control plane's controllers work."""
    client = site.client()

    async def leader() -> str:
        raw = await client.get(LEASES, "kube-controller-manager", "kube-system")
        return str(json.loads(raw)["spec"].get("holderIdentity", ""))

    async def led() -> bool:
        return bool(await leader())

    await until(led)
    old = await leader()
    names = [site.cluster.profile.plane_name(plane) for plane in range(3)]
    for each in site.processes(names.index(old.partition("_")[0])):
        each.kill(signal.SIGKILL)

    async def answered() -> bool:
        return bool(await client.list(CONFIGMAPS, "default", limit=1))

    async def moved() -> bool:
        return await leader() not in ("", old)

    first = await until(answered)
    return first, first + await until(moved)


async def measure(home: Home, runs: int) -> None:
    alone = Site(home)
    show("start, one control plane", f"{alone.start_s:.1f} s", "")
    show("write, one control plane on its own store", f"{await median_write_ms(alone.client(), 'a'):.1f} ms", "")
    show("read", f"{await median_read_ms(alone.client()):.1f} ms", "")
    alone.delete()
    site = Site(home, "--ha")
    show("start, three control planes on three etcd members", f"{site.start_s:.1f} s", "<= 10 s")
    show("write, through the front", f"{await median_write_ms(site.client(), 'f'):.1f} ms", "")
    direct = site.client(site.cluster.profile.plane_host(0))
    show("write, to a control plane itself", f"{await median_write_ms(direct, 'd'):.1f} ms", "")
    show(
        "read, through the front (agreed with most of the members)", f"{await median_read_ms(site.client()):.1f} ms", ""
    )
    firsts, moves = zip(*[await failover(site) for _ in range(runs)], strict=True)
    show("leader killed: until the API answers", f"{statistics.median(firsts):.2f} s", "<= 1 s")
    show("leader killed: until another leads", f"{statistics.median(moves):.1f} s", "<= 15 s + 2.4 s")
    site.delete()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often a leader is killed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        os.environ |= {"NAVARCH_HOME": f"{directory}/home", "KUBECONFIG": f"{directory}/kubeconfig"}
        try:
            asyncio.run(measure(Home(Path(directory) / "home"), options.runs))
        finally:
            Site.delete()


if __name__ == "__main__":
    main()
