"""Labels of nodes that a kubelet may not give itself (NodeRestriction): role and profile.

kubeadm and minikube put them on as administrators once a node has registered; here the control plane's
process does, for every node that comes.
"""

from __future__ import annotations

import asyncio
import logging

from navarch.api.views.node import Node
from navarch.app.config import Place, node_labels
from navarch.base.errors import StatusError
from navarch.base.resource import ObjectKey, Resource
from navarch.client.contract import Client, PatchType, Unreachable
from navarch.client.informer import Informer
from navarch.seams.contract import Seams

log = logging.getLogger(__name__)

NODES = Resource("", "v1", "nodes", "Node", False)
RETRY_S = 1.0


class NodeLabels:
    """Keeps the labels on the nodes of one profile, those too that join it later."""

    def __init__(self, client: Client, seams: Seams, place: Place) -> None:
        self._client = client
        self._place = place
        self._informer = Informer(client, NODES, Node, rng=seams.rng)
        self._lacking: dict[str, dict[str, str]] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Run until cancelled."""
        self._informer.on_change(self._changed)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._informer.run())
            group.create_task(self._work())

    def _changed(self, key: ObjectKey, _old: Node | None, new: Node | None) -> None:
        lacking = lacking_labels(node_labels(self._place, key.name), new) if new is not None else {}
        if lacking:
            self._lacking[key.name] = lacking
            self._wake.set()
        else:
            self._lacking.pop(key.name, None)

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for name, labels in list(self._lacking.items()):
                try:
                    await self._client.patch(NODES, name, {"metadata": {"labels": labels}}, PatchType.MERGE)
                except (StatusError, Unreachable) as error:
                    log.warning("node not labelled node=%s error=%s", name, error)
                    self._wake.set()
            if self._wake.is_set():
                await asyncio.sleep(RETRY_S)


def lacking_labels(wanted: dict[str, str], node: Node) -> dict[str, str]:
    """What of `wanted` the node does not carry as it should."""
    return {name: value for name, value in wanted.items() if node.metadata.labels.get(name) != value}
