"""One simulated node for tests: a kubelet on the virtual loop with the tiny API and the fake runtime."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from navarch.api.views.pod import ObjectReference
from navarch.node.config import NodeConfig
from navarch.node.host.memory import MemoryHost
from navarch.node.kubelet import Kubelet
from navarch.node.runtime.fake import FakeRuntime
from navarch.node.runtime.script import Scripts
from navarch.schema.types import Tree
from navarch.seams.contract import Seams
from navarch.seams.sim import SimLoop, sim_seams
from tests.node.api import TinyApi


@dataclass
class Notes:
    """Events as `Reason: message`."""

    lines: list[str] = field(default_factory=list)

    def event(self, about: ObjectReference, type_: str, reason: str, message: str) -> None:
        self.lines.append(f"{reason}: {message}")


class Node:
    """Everything of one node. `start` and `kill` its kubelet as often as you like: the runtime lives on."""

    def __init__(self, seams: Seams, **config: Any) -> None:
        self.seams = seams
        self.api = TinyApi()
        self.scripts = Scripts()
        self.host = MemoryHost()
        self.runtime = FakeRuntime("n1", seams.clock, ["10.244.0.0/16"], self.scripts, self.host)
        self.notes = Notes()
        options = {"addresses": (("InternalIP", "192.168.49.2"),), "service_environment": False, **config}
        self.config = NodeConfig("n1", **options)
        self.kubelet: Kubelet | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.kubelet = Kubelet(
            self.api, self.seams, self.config, self.runtime, self.host, self.runtime, events=self.notes
        )
        self._task = asyncio.get_running_loop().create_task(self.kubelet.run())
        await asyncio.wait(
            [self._task, asyncio.ensure_future(self.kubelet.started.wait())], return_when="FIRST_COMPLETED"
        )
        if self._task.done():
            self._task.result()

    async def kill(self) -> None:
        """As kill -9 would: the kubelet is gone, the containers are not."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])

    async def run_pod(self, tree: Tree) -> Tree:
        return await self.api.put("pods", tree)

    def status(self, name: str) -> Tree:
        return self.api.pod(name).get("status", {})

    def container(self, name: str, index: int = 0) -> Tree:
        return self.status(name)["containerStatuses"][index]


def simulate(scenario: Callable[[Node], Awaitable[None]], **config: Any) -> None:
    """Run a scenario on the virtual loop."""
    seams = sim_seams(1)
    loop: SimLoop = seams.loop
    asyncio.set_event_loop(loop)

    async def main() -> None:
        node = Node(seams, **config)
        await node.start()
        await scenario(node)
        await node.kill()
        await node.runtime.close()

    try:
        loop.run_until_complete(main())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def pod(name: str, *containers: Tree, **spec: Any) -> Tree:
    """A pod bound to n1; without containers it has one called `web`."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {
            "nodeName": "n1",
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "containers": [*containers] or [container("web")],
            **spec,
        },
    }


def container(name: str, image: str = "nginx:1.27", **more: Any) -> Tree:
    return {"name": name, "image": image, **more}
