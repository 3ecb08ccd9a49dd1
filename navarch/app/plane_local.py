"""What a control plane does for a profile of this machine, beside what is Kubernetes: the pods that stand for its
processes and their logs, labels of nodes, node ports on 127.0.0.1, and the pretended nodes of a single one.

    local = Local(place, 0, seams)
    local.start(plane.client, group)      # in every control plane
    local.lead(plane.client, group)       # in the one whose controllers work
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from navarch.app.config import DNS_INDEX, Place
from navarch.client import identities
from navarch.client.contract import Client
from navarch.launch.profile import DriverName
from navarch.seams.contract import Seams
from navarch.server.subresources.backends import Handle
from navarch.wire.messages import User

if TYPE_CHECKING:
    from navarch.app.component_logs import ComponentLogs
    from navarch.testing.nodes import SimNode

log = logging.getLogger(__name__)

#: (user agent, user) -> a client of the API server in this process.
ClientFor = Callable[[str, User], Client]


class Local:
    """The parts of control plane `number` of a profile."""

    def __init__(self, place: Place, number: int, seams: Seams) -> None:
        self._place = place
        self._number = number
        self._seams = seams
        self._logs: ComponentLogs | None = None
        self._nodes: dict[str, SimNode] = {}

    def handler(self, node: str, path: str) -> Handle | None:
        """Who in this process answers for the kubelet of a node, None when nobody does."""
        if self._logs is not None and (found := self._logs.handler(path)) is not None:
            return found
        simulated = self._nodes.get(node)
        server = simulated.server() if simulated is not None else None
        return server.handle if server is not None else None

    def start(self, client: ClientFor, group: asyncio.TaskGroup) -> None:
        """What every control plane does, each for itself."""
        from navarch.app.component_logs import ComponentLogs
        from navarch.app.mirrors import Mirrors

        place = self._place
        planes = [node.name for node in place.control_plane_nodes]
        members = max(1, place.profile.etcd_members)
        mirrors = Mirrors(client("navarch", identities.ADMIN), self._seams, planes, self._number, members)

        def plane_logs(node: str) -> Path:
            return place.plane_directory(planes.index(node)) / "logs"

        def node_logs(node: str) -> Path:
            return place.directory / "nodes" / node / "logs"

        self._logs = ComponentLogs(mirrors, plane_logs, node_logs, self._seams.clock, group)
        group.create_task(mirrors.run(), name="mirrors")
        if place.profile.driver is DriverName.FAKE and not place.profile.is_shared:
            self._simulate_nodes(client, group)

    def lead(self, client: ClientFor, group: asyncio.TaskGroup) -> None:
        """What one control plane does for all."""
        from navarch.app.node_labels import NodeLabels

        labels = NodeLabels(client("navarch", identities.ADMIN), self._seams, self._place)
        group.create_task(labels.run(), name="node labels")
        if self._place.profile.driver is DriverName.NETNS:
            group.create_task(self._claim_node_ports(client), name="node ports")

    async def _claim_node_ports(self, client: ClientFor) -> None:
        from navarch.app.node_ports import NodePorts
        from navarch.launch.drivers import hostports
        from navarch.proxy.apply import NoNftables, open_nft

        try:
            nft = open_nft()
        except NoNftables as error:
            log.warning("node ports do not answer on 127.0.0.1 error=%s", error)
            return
        await NodePorts(
            client("navarch", identities.ADMIN),
            self._seams,
            self._place.node_ip(self._place.first_node),
            nft,
            lambda: hostports.listening_ports(hostports.socket_tables()),
        ).run()

    def _simulate_nodes(self, client: ClientFor, group: asyncio.TaskGroup) -> None:
        from navarch.node.runtime.script import Scripts
        from navarch.testing.nodes import NodeShape, SimNode

        scripts, dns = Scripts(), self._place.profile.service_ip(DNS_INDEX)
        for entry in self._place.profile.nodes:
            shape = NodeShape(entry.name, entry.index, full_pods=True, cluster_dns=(dns,))
            make_client = partial(client, "kubelet", identities.node(entry.name))
            node = self._nodes[entry.name] = SimNode(shape, self._seams, scripts, make_client)
            node.start(group.create_task)
