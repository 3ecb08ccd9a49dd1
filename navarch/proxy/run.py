"""The proxy of one node: keeps the node's tables in step with services and endpoint slices.

    proxy = Proxy(client, seams, ProxyConfig("node-1"), NftApplier(network))
    await proxy.run()        # until cancelled

It must run in the node's network namespace. Informers mark services as changed; a burst of changes becomes
one transaction. A transaction that is refused means that the tables are not what they should be: then all
is written anew, in one transaction too, so that there is never a moment without rules.

When it ends the tables stay, and services go on working as they were.
"""

from __future__ import annotations

import asyncio
import logging

from navarch.api.views.discovery import EndpointSlice
from navarch.api.views.node import Node
from navarch.api.views.service import Service
from navarch.base.resource import ObjectKey, Resource
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.proxy.apply import Applier
from navarch.proxy.config import ProxyConfig
from navarch.proxy.health import Health, HealthAnswers
from navarch.proxy.ledger import Ledger
from navarch.proxy.nft import Network
from navarch.proxy.rules import NO_RULES, PROXY_NAME_LABEL, HealthCheck, Place, service_of, service_rules
from navarch.proxy.tables import ApplyError
from navarch.seams.contract import Seams

log = logging.getLogger(__name__)

SERVICES = Resource("", "v1", "services", "Service", True)
ENDPOINTSLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True)
NODES = Resource("", "v1", "nodes", "Node", False)
#: Slices of headless services are of no use to a proxy.
SLICE_SELECTOR = f"!service.kubernetes.io/headless,!{PROXY_NAME_LABEL}"
ZONE_LABEL = "topology.kubernetes.io/zone"
#: Services computed before others on the loop get a turn: some 20 ms.
YIELD_EVERY = 200


class Proxy:
    """`synced` is set once the first tables stand. Give `health` to answer healthCheckNodePorts."""

    def __init__(
        self, client: Client, seams: Seams, config: ProxyConfig, applier: Applier, health: Health | None = None
    ) -> None:
        self.config = config
        self.synced = asyncio.Event()
        self._applier = applier
        self._health = health or HealthAnswers()
        self._clock = seams.clock
        self._place = Place(config.node, families=config.families)
        self._ledger = Ledger(network_of(config))
        self._checks: dict[ObjectKey, HealthCheck] = {}
        self._checks_changed = False
        self._dirty: set[ObjectKey] = set()
        self._wake = asyncio.Event()
        self._services = Informer(client, SERVICES, Service, rng=seams.rng)
        self._slices = Informer(
            client,
            ENDPOINTSLICES,
            EndpointSlice,
            label_selector=SLICE_SELECTOR,
            indexes={"service": lambda s: (service_of(s),)},
            rng=seams.rng,
        )
        self._nodes = Informer(client, NODES, Node, field_selector=f"metadata.name={config.node}", rng=seams.rng)

    async def run(self) -> None:
        """Be the node's proxy until cancelled."""
        self._services.on_change(lambda key, _old, _new: self._mark(key))
        self._slices.on_change(self._slice_changed)
        self._nodes.on_change(self._node_changed)
        try:
            async with asyncio.TaskGroup() as group:
                for informer in (self._services, self._slices, self._nodes):
                    group.create_task(informer.run())
                for informer in (self._services, self._slices, self._nodes):
                    await informer.synced.wait()
                group.create_task(self._watch_tables())
                log.info("starts node=%s services=%d", self.config.node, len(self._services.cache.keys()))
                await self._apply_for_ever()
        finally:
            await self._health.close()
            await self._applier.close(remove=self.config.remove_on_stop)

    def _mark(self, key: ObjectKey) -> None:
        self._dirty.add(key)
        self._wake.set()

    def _slice_changed(self, _key: ObjectKey, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        for endpoint_slice in (old, new):
            if endpoint_slice is not None:
                self._mark(service_of(endpoint_slice))

    def _node_changed(self, _key: ObjectKey, _old: Node | None, new: Node | None) -> None:
        zone = new.metadata.labels.get(ZONE_LABEL, "") if new is not None else ""
        if zone != self._place.zone:
            self._place = Place(self.config.node, zone, self.config.families)
            self._dirty.update(self._services.cache.keys())
            self._wake.set()

    async def _apply_for_ever(self) -> None:
        while True:
            await self._apply()
            self.synced.set()
            await self._wake.wait()
            await asyncio.sleep(self.config.coalesce_s)

    async def _apply(self) -> None:
        """Compute what changed and commit it; a refused transaction is followed by a full one."""
        self._wake.clear()
        await self._recompute()
        transaction = self._ledger.take()
        if transaction is not None:
            started = self._clock.now()
            try:
                await self._applier.apply(transaction)
            except ApplyError as error:
                log.error("tables refused full=%s error=%s", transaction.full, error)
                self._ledger.start_over()
                self._wake.set()
                if transaction.full:
                    await asyncio.sleep(self.config.retry_s)
                return
            log.debug(
                "tables changed full=%s removed=%d added=%d seconds=%.4f",
                transaction.full,
                len(transaction.removed),
                len(transaction.added),
                self._clock.now() - started,
            )
        if self._checks_changed:
            self._checks_changed = False
            await self._health.update(self._checks.values())

    async def _recompute(self) -> None:
        dirty, self._dirty = self._dirty, set()
        for n, key in enumerate(sorted(dirty), 1):
            if n % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            service = self._services.cache.get(key)
            slices = self._slices.cache.by_index("service", key)
            rules = NO_RULES if service is None else service_rules(service, slices, self._place)
            self._ledger.replace(key, rules)
            if self._checks.get(key) != rules.health:
                self._checks_changed = True
                self._checks.pop(key, None)
                if rules.health is not None:
                    self._checks[key] = rules.health

    async def _watch_tables(self) -> None:
        await self.synced.wait()
        while True:
            await asyncio.sleep(self.config.check_interval_s)
            if not await self._applier.intact():
                log.warning("tables are gone, writing them anew")
                self._ledger.start_over()
                self._wake.set()


def network_of(config: ProxyConfig) -> Network:
    return Network(config.families, config.pod_cidrs, config.service_cidrs)
