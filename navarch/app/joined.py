"""`navarch node join`: be a node of a cluster elsewhere, in the foreground.

With `--cri-socket=fake` containers are only pretended. With a real runtime the machine itself is the node: its
kubelet and proxy run here, and the other nodes' pods are reached by routes or through VXLAN (`node/podnet.py`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from navarch.app.control_plane import until_signalled
from navarch.app.fake_nodes import Credentials, run_fake_node
from navarch.app.join import CA, SERVING, Joined, Wanted, bootstrap, ensure_serving, kubelet_settings, pod_range
from navarch.app.logfiles import NODE, open_logs
from navarch.base.files import replace_file
from navarch.launch.drivers.containerd import cni_config
from navarch.launch.output import Output
from navarch.node.podnet import Mode
from navarch.seams.contract import Seams
from navarch.seams.real import real_seams
from navarch.testing.nodes import NodeShape

log = logging.getLogger("navarch.app.joined")

FAKE = "fake"
KUBELET_PORT = 10250
CNI_DIRECTORY = Path("/etc/cni/net.d")


@dataclass(frozen=True, slots=True)
class Options:
    """`address` "" asks the machine by which address it reaches the server. `socket` is the runtime's, or "fake";
    in `cni_directory` the runtime looks for the network of pods."""

    wanted: Wanted
    directory: Path
    socket: str
    address: str
    network: Mode
    cni_directory: Path = CNI_DIRECTORY


def run(options: Options, out: Output) -> int:
    """Until SIGTERM or Ctrl-C. Raises: LaunchError when the cluster does not take this node."""
    open_logs(options.directory / "logs", NODE)
    uvloop.run(until_signalled(lambda: _run(options, out)))
    return os.EX_OK


async def _run(options: Options, out: Output) -> None:
    wanted = options.wanted
    joined = await bootstrap(wanted, options.directory / "pki")
    address = options.address or own_address(joined.server)
    client = joined.client("kubelet")
    try:
        await ensure_serving(joined, client, address)
        cidr = await pod_range(client, wanted.node)
        dns, domain = await kubelet_settings(client)
    finally:
        await client.close()
    node = Node(joined, address, cidr, dns, domain)
    out.line("🏄", f"This node has joined the cluster: {wanted.node} at {address}, pods in {cidr}")
    if options.socket == FAKE:
        await _fake(node)
        return
    async with asyncio.TaskGroup() as group:
        await _real(node, options, group)


@dataclass(frozen=True, slots=True)
class Node:
    """What the node has learned of itself."""

    joined: Joined
    address: str
    pod_cidr: str
    dns: tuple[str, ...]
    domain: str


async def _fake(node: Node) -> None:
    joined = node.joined
    credentials = Credentials(joined.file(f"{SERVING}.crt"), joined.file(f"{SERVING}.key"), joined.file(f"{CA}.crt"))
    shape = NodeShape(joined.node, 0, full_pods=True, cluster_dns=node.dns, host=node.address, pod_range=node.pod_cidr)
    await run_fake_node(shape, credentials, joined.client("kubelet"), real_seams())


async def _real(node: Node, options: Options, group: asyncio.TaskGroup) -> None:
    from navarch.node.authorize import Gate
    from navarch.node.config import NodeConfig
    from navarch.node.host.real import RealHost
    from navarch.node.kubelet import Kubelet
    from navarch.node.podnet_run import PodNetwork
    from navarch.node.prober import NetworkProber
    from navarch.node.runtime.cri import CriRuntime
    from navarch.node.server import KubeletServer
    from navarch.wire.http import serve
    from navarch.wire.tls import server_context

    joined, seams = node.joined, real_seams()
    await asyncio.to_thread(write_cni, options.cni_directory, options.directory, node.pod_cidr)
    config = NodeConfig(
        joined.node,
        addresses=(("InternalIP", node.address), ("Hostname", joined.node)),
        pod_cidr=node.pod_cidr,
        port=KUBELET_PORT,
        cluster_dns=node.dns,
        cluster_domain=node.domain,
    )
    client = joined.client("kubelet")
    runtime = CriRuntime(options.socket.removeprefix("unix://"), seams.clock)
    kubelet = Kubelet(client, seams, config, runtime, RealHost(config.root_dir), NetworkProber(runtime))
    server = KubeletServer(kubelet, Gate(client, seams.clock, joined.node).check)
    tls = server_context(joined.file(f"{SERVING}.crt"), joined.file(f"{SERVING}.key"), joined.file(f"{CA}.crt"))
    await serve(server.handle, tls, node.address, KUBELET_PORT)
    network = PodNetwork(joined.client("navarch"), seams, joined.node, options.network)
    group.create_task(network.run(), name="pod network")
    group.create_task(_proxy(node, seams), name="kube-proxy")
    group.create_task(kubelet.run(), name="kubelet")


async def _proxy(node: Node, seams: Seams) -> None:
    from navarch.proxy.apply import NftApplier
    from navarch.proxy.config import ProxyConfig
    from navarch.proxy.health import HealthServers
    from navarch.proxy.run import Proxy, network_of

    config = ProxyConfig(node.joined.node, pod_cidrs=(node.pod_cidr,))
    client = node.joined.client("kube-proxy")
    await Proxy(client, seams, config, NftApplier(network_of(config)), HealthServers()).run()


def write_cni(place: Path, directory: Path, pod_cidr: str) -> None:
    """Tell the container runtime of the bridge for pods, before any other network that may be configured."""
    place.mkdir(parents=True, exist_ok=True)
    replace_file(place / "05-navarch.conflist", cni_config(directory, pod_cidr).encode())


def own_address(server: str) -> str:
    """The address of this machine from which the server is reached; nothing is sent."""
    parts = urlsplit(server)
    family = socket.AF_INET6 if ":" in (parts.hostname or "") else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((parts.hostname, parts.port or 443))
        return str(probe.getsockname()[0])
