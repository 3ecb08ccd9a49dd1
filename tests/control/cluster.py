"""Controllers running against the fake API server on virtual time, with a stand-in for kubelets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from navarch.base.resource import Resource
from navarch.base.times import format_time
from navarch.client.contract import PatchType
from navarch.control.runner import ControlPlane
from navarch.control.sources import PODS
from navarch.control.world import Controller
from navarch.schema.types import Tree
from tests.fakes.api import FakeApi
from tests.fakes.seeded import seeded
from tests.fakes.virtual import run


class Cluster:
    """A fake API server, controllers, and a kubelet that makes pods ready after up to `start_s`."""

    def __init__(self, seed: int, max_delay_s: float, start_s: float = 3.0) -> None:
        self.seams = seeded(seed)
        self.api = FakeApi(self.seams, max_delay_s)
        self._start_s = start_s
        #: The phase in which a running pod ends, "" if it runs on.
        self.ends: Callable[[Tree], str] = lambda pod: ""

    async def kubelet(self) -> None:
        due: dict[str, float] = {}
        while True:
            await asyncio.sleep(0.5)
            now = self.seams.clock.now()
            for pod in sorted(self.api.trees(PODS.resource), key=lambda t: t["metadata"]["name"]):
                name = pod["metadata"]["name"]
                if pod.get("status", {}).get("phase") == "Running" and (phase := self.ends(pod)):
                    await self._end(pod, phase)
                    continue
                if pod.get("status", {}).get("phase") or pod["metadata"].get("deletionTimestamp"):
                    continue
                if due.setdefault(name, now + self.seams.rng.uniform(0, self._start_s)) <= now:
                    ready = {"type": "Ready", "status": "True", "lastTransitionTime": format_time(now)}
                    status = {"status": {"phase": "Running", "conditions": [ready]}}
                    namespace = pod["metadata"]["namespace"]
                    await self.api.patch(PODS.resource, name, status, PatchType.MERGE, namespace, subresource="status")

    async def _end(self, pod: Tree, phase: str) -> None:
        ended = {"exitCode": 0 if phase == "Succeeded" else 3, "finishedAt": format_time(self.seams.clock.now())}
        status = {
            "phase": phase,
            "conditions": [],
            "containerStatuses": [{"name": "c", "state": {"terminated": ended}}],
        }
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        patch = {"status": status}
        await self.api.patch(PODS.resource, name, patch, PatchType.MERGE, namespace, subresource="status")

    def pods(self) -> list[Tree]:
        return [t for t in self.api.trees(PODS.resource) if not t["metadata"].get("deletionTimestamp")]

    def ready(self) -> list[Tree]:
        return [t for t in self.pods() if t.get("status", {}).get("phase") == "Running"]

    async def create(self, resource: Resource, tree: Tree) -> None:
        await self.api.create(resource, tree, tree["metadata"].get("namespace", "default"))

    async def until(self, check: Callable[[], bool], limit_s: float = 600) -> None:
        """Wait until `check` holds. Raises: AssertionError after `limit_s` of virtual time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + limit_s
        while not check():
            assert loop.time() < end, "did not converge"
            await asyncio.sleep(0.5)


class _Crashes(logging.Handler):
    """Keeps the records of controllers that crashed."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def simulate(
    controllers: Sequence[Controller],
    body: Callable[[Cluster], Awaitable[None]],
    *,
    seed: int = 0,
    max_delay_s: float = 0.0,
    start_s: float = 3.0,
) -> Cluster:
    """Run `body` while `controllers` and the kubelet run; returns the cluster for inspection."""

    async def main() -> Cluster:
        cluster = Cluster(seed, max_delay_s, start_s)
        plane = ControlPlane(cluster.api, cluster.seams, controllers)
        crashes = _Crashes(logging.ERROR)
        logging.getLogger("navarch.control").addHandler(crashes)
        tasks = [asyncio.create_task(plane.run()), asyncio.create_task(cluster.kubelet())]
        try:
            await body(cluster)
            assert not any(t.done() for t in tasks), [t.exception() for t in tasks if t.done()]
            assert not crashes.records, crashes.records[0].exc_text or crashes.records[0].exc_info
        finally:
            logging.getLogger("navarch.control").removeHandler(crashes)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return cluster

    return run(main())
