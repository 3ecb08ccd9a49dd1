"""Claims the node ports of one cluster on this machine's 127.0.0.1, and tells users which it cannot have.

Runs in the control plane's process, which is in the machine's own network namespace. When it ends, claims stay:
services go on answering. See `launch/drivers/hostports` for how clusters share the machine's ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from navarch.api.views.service import Service
from navarch.base.resource import ObjectKey, Resource
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.client.recorder import Recorder, reference
from navarch.launch.drivers import hostports
from navarch.launch.drivers.hostports import Port
from navarch.proxy.tables import ApplyError
from navarch.seams.contract import Seams

log = logging.getLogger(__name__)

SERVICES = Resource("", "v1", "services", "Service", True)
#: How often a port is asked for that somebody else has.
RETRY_S = 10.0


class NodePorts:
    """`nft` runs one text and returns what it prints; `listening` tells the ports that programs hold."""

    def __init__(
        self,
        client: Client,
        seams: Seams,
        node_ip: str,
        nft: Callable[[str], str],
        listening: Callable[[], set[Port]],
    ) -> None:
        self._node_ip = node_ip
        self._nft = nft
        self._listening = listening
        self._recorder = Recorder(client, seams, "navarch")
        self._services = Informer(client, SERVICES, Service, rng=seams.rng)
        self._wake = asyncio.Event()
        self._told: dict[tuple[ObjectKey, Port], str] = {}

    async def run(self) -> None:
        """Until cancelled."""
        self._services.on_change(lambda _key, _old, _new: self._wake.set())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._services.run())
            group.create_task(self._recorder.run())
            await self._services.synced.wait()
            while True:
                self._wake.clear()
                try:
                    satisfied = self._claim()
                except ApplyError as error:
                    log.warning("node ports not claimed error=%s", error)
                    satisfied = False
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if satisfied else RETRY_S):
                        await self._wake.wait()

    def _claim(self) -> bool:
        """Bring the map in step; whether every port is ours now. Raises: ApplyError."""
        owners = {port: key for key in sorted(self._services.cache.keys()) for port in self._ports(key)}
        try:
            held = hostports.holders(self._nft(hostports.LISTING))
        except ApplyError:  # the table went with another cluster, or was flushed
            self._nft(hostports.CREATION)
            held = {}
        plan = hostports.plan(owners, held, self._listening(), self._node_ip)
        if text := hostports.change(plan.add, plan.remove, self._node_ip):
            self._nft(text)
        for port, why in plan.denied.items():
            self._tell(owners[port], port, why)
        self._told = {about: why for about, why in self._told.items() if plan.denied.get(about[1]) == why}
        return not plan.denied

    def _ports(self, key: ObjectKey) -> list[Port]:
        service = self._services.cache.get(key)
        ports = service.spec.ports if service is not None else ()
        return [Port(port.protocol.lower(), port.nodePort) for port in ports if port.nodePort]

    def _tell(self, key: ObjectKey, port: Port, why: str) -> None:
        """Once for each reason, in the log and as an event of the service."""
        service = self._services.cache.get(key)
        if service is None or self._told.get((key, port)) == why:
            return
        self._told[key, port] = why
        message = (
            f"127.0.0.1:{port.number}/{port.protocol.upper()} belongs to {why}; "
            f"this service answers at {self._node_ip}:{port.number}"
        )
        log.warning("node port denied service=%s/%s %s", key.namespace, key.name, message)
        self._recorder.event(reference(SERVICES, service.metadata), "Warning", "LocalPortTaken", message)
