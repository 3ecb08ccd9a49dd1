"""A simulated node: a kubelet as in production, over a runtime and a machine that exist only in memory.

Callers: the clusters of this layer, in virtual and in real time, and `navarch serve --simulated`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from navarch.base.errors import service_unavailable
from navarch.client.contract import Client
from navarch.node.config import NodeConfig
from navarch.node.host.memory import Disk, MemoryHost
from navarch.node.kubelet import Kubelet
from navarch.node.runtime.fake import FakeRuntime, Snapshot
from navarch.node.runtime.script import Scripts
from navarch.seams.contract import Seams
from navarch.wire.messages import Request, Response

if TYPE_CHECKING:
    from navarch.node.server import KubeletServer


@dataclass(frozen=True, slots=True)
class NodeShape:
    """What a simulated node is like. `index` numbers nodes from 1 and gives addresses and pod range, unless
    somebody listens for its kubelet at `host` and `port`.

    `full_pods`: containers get the environment of Services and service account tokens. Off where nothing
    could use them.
    """

    name: str
    index: int
    cpus: int = 8
    memory: str = "32Gi"
    max_pods: int = 110
    labels: tuple[tuple[str, str], ...] = ()
    full_pods: bool = False
    cluster_dns: tuple[str, ...] = ()
    host: str = ""
    port: int = 10250
    pod_range: str = ""

    def listening(self, port: int) -> NodeShape:
        return replace(self, port=port)

    @property
    def address(self) -> str:
        if self.host:
            return self.host
        return f"192.168.{128 + self.index // 250}.{2 + self.index % 250}"

    @property
    def pod_cidr(self) -> str:
        """A range of its own in 10.0.0.0/8, 256 addresses, unless the cluster gave it one."""
        if self.pod_range:
            return self.pod_range
        return f"10.{128 + self.index // 256}.{self.index % 256}.0/24"

    @property
    def config(self) -> NodeConfig:
        return NodeConfig(
            self.name,
            addresses=(("InternalIP", self.address), ("Hostname", self.name)),
            labels=dict(self.labels),
            provider_id=f"fake://{self.name}",
            pod_cidr=self.pod_cidr,
            port=self.port,
            cluster_dns=self.cluster_dns,
            max_pods=self.max_pods,
            capacity={"cpu": str(self.cpus), "memory": self.memory},
            service_environment=self.full_pods,
            request_tokens=self.full_pods,
        )


class Spawn(Protocol):
    """`create_task` of a loop or of a task group."""

    def __call__(self, coro: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]: ...


class SimNode:
    """One node. Its kubelet can die and come back; the runtime and its containers then go on, or stop
    with the machine."""

    def __init__(self, shape: NodeShape, seams: Seams, scripts: Scripts, make_client: Callable[[], Client]) -> None:
        self.shape = shape
        self.host = MemoryHost()
        self.runtime = FakeRuntime(shape.name, seams.clock, [shape.pod_cidr], scripts, self.host)
        self.kubelet: Kubelet | None = None
        self.powered = False
        self._seams = seams
        self._make_client = make_client
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the kubelet runs."""
        return self._task is not None and not self._task.done()

    def start(self, spawn: Spawn) -> None:
        """Start the kubelet, which adopts what its runtime holds."""
        if self.running:
            return
        self.powered = True
        kubelet = Kubelet(self._make_client(), self._seams, self.shape.config, self.runtime, self.host, self.runtime)
        self.kubelet = kubelet
        self._task = spawn(kubelet.run(), name=f"kubelet {self.shape.name}")

    def server(self) -> KubeletServer | None:
        """The kubelet's own API, for an API server in the same process; None while no kubelet was started."""
        from navarch.node.server import KubeletServer  # with all it takes to stream: only where somebody asks

        return KubeletServer(self.kubelet, _anyone) if self.kubelet is not None else None

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


async def silent(_request: Request) -> Response:
    """In place of a kubelet that does not run. Raises: StatusError 503."""
    raise service_unavailable("connection refused")


async def _anyone(_request: Request) -> None:
    """Only the API server of this process gets here, which has decided already."""
