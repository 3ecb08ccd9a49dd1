"""A simulated node: a kubelet as in production, over a runtime and a machine that exist only in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from navarch.client.contract import Client
from navarch.node.config import NodeConfig
from navarch.node.host.memory import Disk, MemoryHost
from navarch.node.kubelet import Kubelet
from navarch.node.runtime.fake import FakeRuntime, Snapshot
from navarch.node.runtime.script import Scripts
from navarch.seams.contract import Seams
from navarch.testing.links import Link


@dataclass(frozen=True, slots=True)
class NodeShape:
    """What a simulated node is like. `index` numbers nodes from 1 and gives addresses and pod range."""

    name: str
    index: int
    cpus: int = 8
    memory: str = "32Gi"
    max_pods: int = 110
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> str:
        return f"192.168.{49 + self.index // 250}.{2 + self.index % 250}"

    @property
    def pod_cidr(self) -> str:
        """A range of its own in 10.0.0.0/8, 256 addresses."""
        return f"10.{128 + self.index // 256}.{self.index % 256}.0/24"


class SimNode:
    """One node. Its kubelet can die and come back; the runtime and its containers then go on, or stop
    with the machine."""

    def __init__(
        self, shape: NodeShape, seams: Seams, scripts: Scripts, link: Link, make_client: Callable[[], Client]
    ) -> None:
        self.shape = shape
        self.link = link
        self.host = MemoryHost()
        self.runtime = FakeRuntime(shape.name, seams.clock, [shape.pod_cidr], scripts, self.host)
        self.kubelet: Kubelet | None = None
        self.powered = False
        self._seams = seams
        self._scripts = scripts
        self._make_client = make_client
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the kubelet runs."""
        return self._task is not None and not self._task.done()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the kubelet, which adopts what its runtime holds."""
        if self.running:
            return
        self.powered = True
        self.kubelet = Kubelet(self._make_client(), self._seams, self._config(), self.runtime, self.host, self.runtime)
        self._task = loop.create_task(self.kubelet.run(), name=f"kubelet {self.shape.name}")

    def crash_kubelet(self) -> None:
        """Kill the kubelet alone: containers live on."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def power_off(self) -> None:
        """Kill the machine: kubelet and all containers are gone at once, without a word to anyone."""
        self.crash_kubelet()
        self.powered = False
        self.runtime.power_off()

    def snapshot(self) -> tuple[Snapshot, Disk]:
        """The runtime's state and the disk's, at this instant."""
        return self.runtime.snapshot(), self.host.snapshot()

    def restore(self, snapshot: tuple[Snapshot, Disk]) -> None:
        """Take over another node's state, on a running loop."""
        runtime, disk = snapshot
        self.host.restore(disk)
        self.runtime.restore(runtime)

    def _config(self) -> NodeConfig:
        shape = self.shape
        return NodeConfig(
            shape.name,
            addresses=(("InternalIP", shape.address), ("Hostname", shape.name)),
            labels=dict(shape.labels),
            max_pods=shape.max_pods,
            capacity={"cpu": str(shape.cpus), "memory": shape.memory},
            service_environment=False,
            request_tokens=False,
        )
