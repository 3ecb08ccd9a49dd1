"""Pretended nodes in a process of their own: kubelets over TLS, whose containers exist only in memory.

    python -m navarch.app.fake_nodes PROFILE_DIRECTORY

Where a profile has several control planes its pretended nodes belong to none of them. To the API they are as
any node: they come in by its address with certificates of their own, and it reaches them by theirs.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import uvloop

from navarch.app.config import DNS_INDEX, Place
from navarch.app.control_plane import until_signalled
from navarch.app.logfiles import NODE, open_logs
from navarch.client.contract import Client
from navarch.client.http import http_client
from navarch.launch.profile import fake_node_ip, load
from navarch.node.authorize import Gate
from navarch.node.runtime.script import Scripts
from navarch.node.server import KubeletServer
from navarch.seams.contract import Seams
from navarch.seams.real import real_seams
from navarch.testing.nodes import NodeShape, SimNode
from navarch.wire.http import serve
from navarch.wire.messages import Request, Response
from navarch.wire.tls import server_context

log = logging.getLogger("navarch.app.fake_nodes")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files in PEM: a certificate and its key, good for the API and for those who call, and who signs both."""

    certificate: str
    key: str
    authority: str


async def run_fake_node(shape: NodeShape, credentials: Credentials, client: Client, seams: Seams) -> None:
    """Be a node until cancelled; its kubelet listens on a free port of the node's address. Raises: OSError."""
    tls = server_context(credentials.certificate, credentials.key, credentials.authority)
    gate = Gate(client, seams.clock, shape.name)
    nodes: list[SimNode] = []

    async def handle(request: Request) -> Response:
        kubelet = nodes[0].kubelet if nodes else None
        if kubelet is None:
            return Response(503)
        return await KubeletServer(kubelet, gate.check).handle(request)

    listener = await serve(handle, tls, shape.address, 0)
    try:
        async with asyncio.TaskGroup() as group:
            node = SimNode(shape.listening(listener.port), seams, Scripts(), lambda: client)
            nodes.append(node)
            node.start(group.create_task)
            log.info("node started node=%s kubelet=%s:%d", shape.name, shape.address, listener.port)
    finally:
        await listener.close(0.0)
        await client.close()


async def serve_nodes(place: Place) -> None:
    """All nodes of the profile, until cancelled."""
    profile, seams = place.profile, real_seams()
    async with asyncio.TaskGroup() as group:
        for entry in profile.nodes:
            identity = f"kubelet-{entry.name}"
            client = http_client(profile.server, place.client_context(identity), user_agent="kubelet")
            credentials = Credentials(place.pki(f"{identity}.crt"), place.pki(f"{identity}.key"), place.pki("ca.crt"))
            dns = (profile.service_ip(DNS_INDEX),)
            address = fake_node_ip(entry)
            shape = NodeShape(entry.name, entry.index, full_pods=True, cluster_dns=dns, host=address)
            group.create_task(run_fake_node(shape, credentials, client, seams), name=entry.name)


def main() -> int:
    directory = Path(sys.argv[1])
    profile = load(directory)
    if profile is None:
        print(f"{directory} holds no profile", file=sys.stderr)
        return 2
    place = Place(directory, profile)
    open_logs(place.logs, NODE)
    uvloop.run(until_signalled(lambda: serve_nodes(place)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
