"""Simulated nodes in real time: kubelets as in production over pretended containers, in one process.

For machines without root or containerd, and for clusters of many nodes on one machine. Logs and exec
are answered in the process: there are no kubelet ports.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from navarch.client.contract import Client
from navarch.node.config import NodeConfig
from navarch.node.host.memory import MemoryHost
from navarch.node.kubelet import Kubelet
from navarch.node.runtime.fake import FakeRuntime
from navarch.node.runtime.script import Scripts
from navarch.node.server import KubeletServer
from navarch.seams.contract import Seams
from navarch.server.subresources.backends import Handle
from navarch.wire.messages import Request


@dataclass(frozen=True, slots=True)
class FakeNode:
    """One pretended node. `index` fixes its addresses."""

    name: str
    index: int

    @property
    def address(self) -> str:
        return str(ipaddress.ip_address("192.168.128.0") + 2 + self.index)

    @property
    def pod_cidr(self) -> str:
        return f"{ipaddress.ip_address('10.128.0.0') + (self.index << 8)}/24"


class FakeNodes:
    """The kubelets of all pretended nodes."""

    def __init__(self, seams: Seams, client_for: Callable[[str], Client], cluster_dns: str) -> None:
        self._seams = seams
        self._client_for = client_for
        self._cluster_dns = cluster_dns
        self._scripts = Scripts()
        self._servers: dict[str, KubeletServer] = {}

    def handler(self, node: str) -> Handle | None:
        """The kubelet API of a node, None for others."""
        server = self._servers.get(node)
        return server.handle if server is not None else None

    def start(self, node: FakeNode, group: asyncio.TaskGroup) -> None:
        host = MemoryHost()
        runtime = FakeRuntime(node.name, self._seams.clock, [node.pod_cidr], self._scripts, host)
        config = NodeConfig(
            node.name,
            addresses=(("InternalIP", node.address), ("Hostname", node.name)),
            pod_cidr=node.pod_cidr,
            cluster_dns=(self._cluster_dns,),
            provider_id=f"fake://{node.name}",
        )
        kubelet = Kubelet(self._client_for(node.name), self._seams, config, runtime, host, runtime)
        self._servers[node.name] = KubeletServer(kubelet, _anyone)
        group.create_task(kubelet.run(), name=f"kubelet {node.name}")


async def _anyone(_request: Request) -> None:
    """Only the API server of this process gets here, which has decided already."""
