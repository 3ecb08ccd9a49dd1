"""The enforcement of network policies on one node: informers in, transactions out.

    await Policies(client, seams, config, open_nft()).run()        # until cancelled

Pods and namespaces are watched only while there is a policy in the cluster. A burst of changes becomes one
transaction; one that is refused is followed by a full one. When it ends the rules stay.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from navarch.api.views.core import Namespace
from navarch.api.views.networking import NetworkPolicy
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey, Resource
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.proxy.config import ProxyConfig
from navarch.proxy.policies import nft
from navarch.proxy.policies.members import Book
from navarch.proxy.policies.nft import Contents
from navarch.proxy.rules import Family
from navarch.proxy.tables import ApplyError
from navarch.seams.contract import Seams

log = logging.getLogger(__name__)

POLICIES: Final = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True)
PODS: Final = Resource("", "v1", "pods", "Pod", True)
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", False)


class Policies:
    """`synced` is set whenever the kernel has been brought up to date. `commit` carries out nft's language, all of
    it or nothing, as what `proxy.apply.open_nft` returns; it raises ApplyError."""

    def __init__(self, client: Client, seams: Seams, config: ProxyConfig, commit: Callable[[str], str]) -> None:
        self.synced = asyncio.Event()
        self._config = config
        self._kernel = commit
        self._book = Book(config.node, config.families)
        #: What the kernel has, by family; None: it is not known.
        self._applied: dict[Family, Contents | None] = dict.fromkeys(config.families)
        self._wake = asyncio.Event()
        self._needed = asyncio.Event()
        self._policies = Informer(client, POLICIES, NetworkPolicy, rng=seams.rng)
        self._pods = Informer(client, PODS, Pod, rng=seams.rng)
        self._namespaces = Informer(client, NAMESPACES, Namespace, rng=seams.rng)

    async def run(self) -> None:
        """Enforce until cancelled."""
        self._policies.on_change(self._policy_changed)
        self._pods.on_change(self._pod_changed)
        self._namespaces.on_change(self._namespace_changed)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._policies.run())
            await self._policies.synced.wait()
            if not self._needed.is_set():
                # Rules of a former life would outlive their policies.
                await self._commit()
            await self._needed.wait()
            for informer in (self._pods, self._namespaces):
                group.create_task(informer.run())
            for informer in (self._pods, self._namespaces):
                await informer.synced.wait()
            group.create_task(self._watch_tables())
            while True:
                await self._commit()
                await self._wake.wait()
                await asyncio.sleep(self._config.coalesce_s)

    def _policy_changed(self, key: ObjectKey, _old: NetworkPolicy | None, new: NetworkPolicy | None) -> None:
        self._book.policy(key, new)
        self._needed.set()
        self._stir()

    def _pod_changed(self, key: ObjectKey, old: Pod | None, new: Pod | None) -> None:
        if old is None or new is None or _concerns(old) != _concerns(new):
            self._book.pod(key, new)
            self._stir()

    def _namespace_changed(self, key: ObjectKey, old: Namespace | None, new: Namespace | None) -> None:
        if old is None or new is None or old.metadata.labels != new.metadata.labels:
            self._book.namespace(key.name, new.metadata.labels if new is not None else None)
            self._stir()

    def _stir(self) -> None:
        self.synced.clear()
        self._wake.set()

    async def _commit(self) -> None:
        self._wake.clear()
        wanted = self._book.wanted()
        for family, before in self._applied.items():
            after = nft.contents(wanted, family)
            text = nft.full(after, family) if before is None else nft.changes(before, after, family)
            if not text:
                continue
            try:
                self._kernel(text)
                self._applied[family] = after
            except ApplyError as error:
                log.error("policies refused full=%s error=%s", before is None, error)
                self._applied[family] = None
                self._wake.set()
                if before is None:
                    await asyncio.sleep(self._config.retry_s)
                return
            log.debug("policies changed full=%s bytes=%d", before is None, len(text))
        self.synced.set()

    async def _watch_tables(self) -> None:
        while True:
            await asyncio.sleep(self._config.check_interval_s)
            for family, before in self._applied.items():
                try:
                    self._kernel(f"list chain {family} {nft.TABLE} forward\n")
                except ApplyError:
                    if before is not None:
                        log.warning("policies are gone, writing them anew")
                        self._applied[family] = None
                        self._wake.set()


def _concerns(pod: Pod) -> tuple[object, ...]:
    """What policies ask of a pod."""
    return (pod.metadata.labels, pod.status.podIPs, pod.status.phase, pod.spec.nodeName)
