"""A node's process: kubelet, service proxy, the registry of built images, and DNS on the first node.

    python -m navarch.app.agent PROFILE_DIRECTORY NODE kubelet,kube-proxy,coredns

It runs as root inside the node's namespaces, because containerd's streams, the node's address and its
nftables are there. Killed, it leaves containers running and tables in place; started again, it adopts them.
The control plane may come later, or go and come back.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

import uvloop

from navarch.app.config import CLUSTER_DOMAIN, DNS_INDEX, KUBELET_PORT, Place, node_config
from navarch.app.control_plane import until_signalled
from navarch.app.logfiles import NODE, open_logs
from navarch.base import garbage
from navarch.client.contract import Client
from navarch.client.http import http_client
from navarch.launch import registry
from navarch.launch.drivers.containerd import SOCKET
from navarch.launch.drivers.contract import NodeSpec
from navarch.launch.images.layout import Layout
from navarch.launch.profile import NodeEntry, load, node_spec
from navarch.seams.contract import Seams
from navarch.seams.real import real_seams
from navarch.wire.http import serve
from navarch.wire.tls import server_context

#: Run as a program, this module has another name.
log = logging.getLogger("navarch.app.agent")

KUBELET, PROXY, DNS = "kubelet", "kube-proxy", "coredns"


@dataclass(frozen=True, slots=True)
class Agent:
    """What runs on one node. `images` is the directory of the images that were built on this machine."""

    place: Place
    node: NodeEntry
    components: frozenset[str]
    images: Path
    seams: Seams

    @property
    def spec(self) -> NodeSpec:
        return node_spec(self.place.directory, self.place.profile, self.node)

    async def run(self) -> None:
        """Until cancelled. Raises: OSError when a port of the node is taken."""
        async with asyncio.TaskGroup() as group:
            await self._serve_images()
            if KUBELET in self.components:
                group.create_task(self._kubelet(group), name=KUBELET)
            if PROXY in self.components:
                group.create_task(self._proxy(), name=PROXY)
            if DNS in self.components:
                group.create_task(self._dns(), name=DNS)
            garbage.settle()

    def _client(self, identity: str, agent: str) -> Client:
        return http_client(self.place.profile.server, self._context(identity), user_agent=agent)

    def _context(self, identity: str) -> ssl.SSLContext:
        return self.place.client_context(identity)

    async def _serve_images(self) -> None:
        if self.images.is_dir():
            await registry.serve(Layout(self.images), say=log.info)

    async def _kubelet(self, group: asyncio.TaskGroup) -> None:
        from navarch.node.authorize import Gate
        from navarch.node.host.real import RealHost
        from navarch.node.kubelet import Kubelet
        from navarch.node.prober import NetworkProber
        from navarch.node.runtime.cri import CriRuntime
        from navarch.node.server import KubeletServer

        name = self.node.name
        config = node_config(self.place, self.node)
        client = self._client(f"kubelet-{name}", "kubelet")
        runtime = CriRuntime(SOCKET, self.seams.clock)
        host = RealHost(config.root_dir, image_dir=str(self.spec.directory / "containerd"))
        kubelet = Kubelet(client, self.seams, config, runtime, host, NetworkProber(runtime))
        server = KubeletServer(kubelet, Gate(client, self.seams.clock, name).check)
        place = self.place
        tls = server_context(place.pki(f"kubelet-{name}.crt"), place.pki(f"kubelet-{name}.key"), place.pki("ca.crt"))
        await serve(server.handle, tls, self.spec.ip, KUBELET_PORT)
        await serve(server.handle, tls, "127.0.0.1", KUBELET_PORT)
        log.info("kubelet serves address=%s:%d", self.spec.ip, KUBELET_PORT)
        await kubelet.run()

    async def _proxy(self) -> None:
        from navarch.proxy.apply import NftApplier, open_nft
        from navarch.proxy.config import ProxyConfig
        from navarch.proxy.health import HealthServers
        from navarch.proxy.policies.run import Policies
        from navarch.proxy.run import Proxy, network_of

        spec = self.spec
        config = ProxyConfig(
            self.node.name, pod_cidrs=(spec.pod_cidr,), service_cidrs=(self.place.profile.service_cidr,)
        )
        applier = NftApplier(network_of(config))
        client = self._client("proxy", PROXY)
        async with asyncio.TaskGroup() as group:
            group.create_task(Proxy(client, self.seams, config, applier, HealthServers()).run())
            group.create_task(Policies(client, self.seams, config, open_nft()).run())

    async def _dns(self) -> None:
        from navarch.dns.config import DnsConfig, upstreams_of
        from navarch.dns.run import Dns

        spec, profile = self.spec, self.place.profile
        resolvers = Path("/etc/resolv.conf").read_text()  # noqa: ASYNC240 - once, before anything else runs
        config = DnsConfig(
            self.node.name,
            listen=(spec.ip,),
            cluster_ip=profile.service_ip(DNS_INDEX),
            domain=CLUSTER_DOMAIN,
            hosts={"host.minikube.internal": (profile.host,), "control-plane.minikube.internal": (profile.host,)},
            upstreams=upstreams_of(resolvers, (spec.ip, profile.service_ip(DNS_INDEX))),
        )
        await Dns(self._client("dns", DNS), self.seams, config).run()


def main() -> int:
    directory, name, listed, images = sys.argv[1:5]
    profile = load(Path(directory))
    node = next((n for n in profile.nodes if n.name == name), None) if profile else None
    if profile is None or node is None:
        print(f"{directory} has no node {name}", file=sys.stderr)
        return 2
    place = Place(Path(directory), profile)
    open_logs(node_spec(place.directory, profile, node).logs, NODE)
    garbage.begin()
    agent = Agent(place, node, frozenset(listed.split(",")), Path(images), real_seams())
    try:
        uvloop.run(until_signalled(agent.run))
    except BaseExceptionGroup:
        # What broke is in the log; the node's supervisor starts the agent again.
        log.exception("the agent ended")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
