"""The node's own objects in the API: the Node, its status, and the Lease that shows it is alive.

The status is computed every `status_interval_s` and written when it changed, or every `status_report_s`; the
lease is renewed every `lease_interval_s`. Nothing here ends because the server does not answer.

Source: the kubelet's `kubelet_node_status.go`, component-helpers `lease/controller.go`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from navarch.api.views.base import decode
from navarch.api.views.node import Node
from navarch.base.errors import StatusError
from navarch.base.resource import Resource
from navarch.base.times import format_micro
from navarch.client.contract import Client, PatchType, Unreachable
from navarch.node.config import NodeConfig
from navarch.node.host.contract import Host
from navarch.node.nodestatus import Seen, differs, node_object, node_status
from navarch.node.runtime.contract import Runtime, RuntimeCondition, RuntimeFault, Version
from navarch.schema.types import Tree
from navarch.seams.contract import Routine, Seams, routine

log = logging.getLogger(__name__)

NODES: Final = Resource("", "v1", "nodes", "Node", False)
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease", True)
LEASE_NAMESPACE: Final = "kube-node-lease"
RETRY_FIRST_S, RETRY_CAP_S = 0.2, 7.0


class Registration:
    """One node's objects. `node` is the Node as it was last seen, None before registration. `watch` is called
    before each look, whether or not the server can be reached; `pressures` are the conditions that are True."""

    def __init__(
        self,
        client: Client,
        seams: Seams,
        config: NodeConfig,
        runtime: Runtime,
        host: Host,
        pressures: Callable[[], frozenset[str]] = frozenset,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self.node: Node | None = None
        self._client = client
        self._seams = seams
        self._config = config
        self._runtime = runtime
        self._host = host
        self._pressures = pressures
        self._watch = watch
        self._written: Tree = {}
        self._written_at = 0.0
        self._written_of: Seen | None = None
        self._found = b""
        self._version = Version("unknown", "")
        self._lease: Tree | None = None

    async def register(self) -> Node:
        """Create the Node, or take over the one there is; retries until that is done."""
        delay = RETRY_FIRST_S
        while True:
            try:
                return await self._register()
            except (StatusError, Unreachable) as error:
                log.info("node not registered node=%s error=%s", self._config.name, error)
            await asyncio.sleep(self._seams.rng.uniform(delay / 2, delay))
            delay = min(delay * 2, RETRY_CAP_S)

    async def _register(self) -> Node:
        obj = node_object(self._config, await self._see(), self._seams.clock.now())
        try:
            raw = await self._client.create(NODES, obj)
            self._written, self._written_at = obj["status"], self._seams.clock.now()
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            raw = await self._client.get(NODES, self._config.name)
            labels = obj["metadata"]["labels"]
            have = msgspec.json.decode(raw)["metadata"].get("labels", {})
            if any(have.get(k) != v for k, v in labels.items()):
                patch = {"metadata": {"labels": labels}}
                raw = await self._client.patch(NODES, self._config.name, patch, PatchType.STRATEGIC)
        self.node = decode(Node, raw)
        return self.node

    async def refresh(self) -> None:
        """Read the Node anew: somebody else may have changed its labels. Without an answer it stays as it is."""
        try:
            self.node = decode(Node, await self._client.get(NODES, self._config.name))
        except (StatusError, Unreachable) as error:
            log.info("node not read node=%s error=%s", self._config.name, error)

    async def run(self) -> None:
        """Renew lease and status until cancelled. `register` comes first."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_lease())
            group.create_task(self._keep_status())

    async def _keep_status(self) -> None:
        # The object that is there may be an older one's: say at once how things are.
        delay = 0.0 if not self._written else self._config.status_interval_s
        while True:
            with routine(Routine.HEARTBEAT):
                await asyncio.sleep(delay)
            delay = self._config.status_interval_s
            self._watch()
            try:
                await self.report()
            except StatusError as error:
                if error.reason == "NotFound":
                    await self.register()
                else:
                    log.warning("node status refused node=%s error=%s", self._config.name, error)
            except Unreachable:
                delay = self._seams.rng.uniform(RETRY_FIRST_S, 2.0)

    async def report(self) -> None:
        """Write the status if it changed or was not written for long."""
        if self.node is not None and self._written and await self._taken_for_dead():
            self._written = {}
        now, seen = self._seams.clock.now(), await self._see()
        due = not self._written or now - self._written_at >= self._config.status_report_s
        if seen == self._written_of and not due:
            return
        before = {c["type"]: c for c in self._written.get("conditions", ())}
        status = node_status(self._config, seen, before, now)
        if due or differs(self._written, status):
            raw = await self._client.patch(
                NODES, self._config.name, {"status": status}, PatchType.STRATEGIC, subresource="status"
            )
            self.node = decode(Node, raw)
            self._written, self._written_at = status, now
        self._written_of = seen

    async def _taken_for_dead(self) -> bool:
        """Whether somebody else wrote over our conditions, as the node lifecycle does when we are silent."""
        raw = await self._client.get(NODES, self._config.name)
        if raw == self._found:
            return False
        found: Tree = msgspec.json.decode(raw)
        ours = {c["type"]: c["status"] for c in self._written.get("conditions", ())}
        theirs = {c["type"]: c["status"] for c in found.get("status", {}).get("conditions", ())}
        taken = any(theirs.get(type_) != status for type_, status in ours.items())
        self._found = b"" if taken else raw
        return taken

    async def _see(self) -> Seen:
        try:
            self._version = await self._runtime.version()
            conditions = await self._runtime.status()
            images = await self._runtime.list_images()
        except RuntimeFault as error:
            conditions, images = (RuntimeCondition("RuntimeReady", False, "RuntimeUnavailable", str(error)),), ()
        return Seen(self._host.facts(), self._host.usage(), self._version, conditions, images, self._pressures())

    async def _keep_lease(self) -> None:
        while True:
            delay = self._config.lease_interval_s
            try:
                await self._renew()
            except StatusError as error:
                self._lease = None
                if error.reason not in ("Conflict", "NotFound", "AlreadyExists"):
                    log.warning("lease refused node=%s error=%s", self._config.name, error)
                delay = self._seams.rng.uniform(RETRY_FIRST_S, 2.0)
            except Unreachable:
                delay = self._seams.rng.uniform(RETRY_FIRST_S, 2.0)
            with routine(Routine.HEARTBEAT):
                await asyncio.sleep(delay)

    async def _renew(self) -> None:
        renewed = format_micro(self._seams.clock.now())
        if self._lease is None:
            self._lease = await self._find_lease(renewed)
        spec = {**self._lease["spec"], "renewTime": renewed, "holderIdentity": self._config.name}
        self._lease = msgspec.json.decode(await self._client.update(LEASES, {**self._lease, "spec": spec}))

    async def _find_lease(self, renewed: str) -> Tree:
        name = self._config.name
        try:
            found: Tree = msgspec.json.decode(await self._client.get(LEASES, name, LEASE_NAMESPACE))
            return found
        except StatusError as error:
            if error.reason != "NotFound":
                raise
        metadata: Tree = {"name": name, "namespace": LEASE_NAMESPACE}
        if self.node is not None:
            owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": self.node.metadata.uid}
            metadata["ownerReferences"] = [owner]
        spec = {
            "holderIdentity": name,
            "leaseDurationSeconds": self._config.lease_duration_s,
            "renewTime": renewed,
        }
        lease = {"apiVersion": LEASES.api_version, "kind": "Lease", "metadata": metadata, "spec": spec}
        created: Tree = msgspec.json.decode(await self._client.create(LEASES, lease, LEASE_NAMESPACE))
        return created
