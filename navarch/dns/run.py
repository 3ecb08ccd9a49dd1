"""The DNS server of a cluster: keeps the zone in step with services, and answers.

    dns = Dns(client, seams, DnsConfig("node-1", listen=("192.168.49.2",)))
    await dns.run()        # until cancelled

It runs inside a node, where pods can reach it. Until the first services are known it does not listen: a name
must not be denied because it has not been heard of yet. Without `listen` there are no sockets, only `lookup`.
"""

from __future__ import annotations

import asyncio
import logging

from navarch.api.views.discovery import EndpointSlice
from navarch.api.views.service import Service
from navarch.base.errors import StatusError
from navarch.base.resource import ObjectKey
from navarch.client.contract import Client, Unreachable
from navarch.client.informer import Informer
from navarch.dns.answer import Answer
from navarch.dns.chain import Chain
from navarch.dns.config import DnsConfig
from navarch.dns.forward import UpstreamForwarder
from navarch.dns.metrics import page
from navarch.dns.records import service_records
from navarch.dns.serve import Listener
from navarch.dns.service import ENDPOINTSLICES, SERVICES, ensure_service
from navarch.dns.zone import NOTHING, Zone
from navarch.seams.contract import Seams, routine
from navarch.wire.http import Server, serve
from navarch.wire.messages import Request, Response

log = logging.getLogger(__name__)

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
#: While the objects of the DNS service cannot be written, and then to repair them.
RETRY_S = 1.0
REPAIR_S = 60.0


class Dns:
    """`ready` is set once the zone is known and the sockets are open."""

    def __init__(self, client: Client, seams: Seams, config: DnsConfig) -> None:
        self.config = config
        self.ready = asyncio.Event()
        self.zone = Zone(config.domain, config.ttl_s)
        forwarder = UpstreamForwarder(config, seams.rng) if config.upstreams else None
        self.chain = Chain(self.zone, config, seams.clock, forwarder)
        self.listeners: list[Listener] = []
        self._client = client
        self._services = Informer(client, SERVICES, Service, rng=seams.rng)
        self._slices = Informer(
            client,
            ENDPOINTSLICES,
            EndpointSlice,
            label_selector=SERVICE_NAME_LABEL,
            indexes={"service": lambda s: (_service_of(s),)},
            rng=seams.rng,
        )
        self._http: Server | None = None

    def lookup(self, name: str, type_: int) -> Answer | None:
        """What the cluster knows of a name (lower case, no last dot); None if it is not the cluster's."""
        return self.chain.lookup(name, type_)

    async def run(self) -> None:
        """Serve until cancelled. Raises: OSError when an address cannot be bound."""
        self._services.on_change(lambda key, _old, _new: self._refresh(key))
        self._slices.on_change(self._slice_changed)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._services.run())
                group.create_task(self._slices.run())
                await self._services.synced.wait()
                await self._slices.synced.wait()
                await self._open(group)
                self.ready.set()
                if self.config.node:
                    group.create_task(self._keep_service())
        finally:
            for listener in self.listeners:
                listener.close()
            if self._http is not None:
                await self._http.close()

    def _slice_changed(self, _key: ObjectKey, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        for endpoint_slice in (old, new):
            if endpoint_slice is not None:
                self._refresh(_service_of(endpoint_slice))

    def _refresh(self, key: ObjectKey) -> None:
        service = self._services.cache.get(key)
        slices = self._slices.cache.by_index("service", key)
        records = NOTHING if service is None else service_records(service, slices, self.config.domain)
        self.zone.replace(key, records)

    async def _open(self, group: asyncio.TaskGroup) -> None:
        for address in self.config.listen:
            listener = Listener(self.chain, self.config, address, group)
            await listener.open()
            self.listeners.append(listener)
            log.info("dns serves address=%s port=%d services=%d", address, listener.port, len(self.zone))
        if self.config.listen:
            try:
                self._http = await serve(self._page, None, self.config.listen[0], self.config.metrics_port)
            except OSError as error:
                log.warning("dns metrics not served port=%d error=%s", self.config.metrics_port, error)

    async def _page(self, request: Request) -> Response:
        match request.path:
            case "/health":
                return Response(200, b"OK", "text/plain")
            case "/ready":
                return Response(200, b"OK", "text/plain") if self.ready.is_set() else Response(503, b"", "text/plain")
            case "/metrics":
                return Response(200, page(self.chain.counts, len(self.zone)), "text/plain; version=0.0.4")
        return Response(404, b"404 page not found\n", "text/plain")

    async def _keep_service(self) -> None:
        """See to it that pods find the way here, also when somebody deletes the objects."""
        while True:
            delay_s = REPAIR_S
            try:
                await ensure_service(self._client, self.config)
            except (StatusError, Unreachable) as error:
                log.warning("dns service not written error=%s", error)
                delay_s = RETRY_S
            with routine():
                await asyncio.sleep(delay_s)


def _service_of(endpoint_slice: EndpointSlice) -> ObjectKey:
    metadata = endpoint_slice.metadata
    return ObjectKey(metadata.namespace, metadata.labels.get(SERVICE_NAME_LABEL, ""))
