"""Leader election by a Lease: one pure decision, and the runner that carries it out.

Callers: control plane components that run in several copies. A copy that does not see the lease
renewed for its duration, by its own clock, may take it. A leader that cannot renew before the
deadline stops leading before anyone else may start; one that is told to end gives the lease back once its
work has ended, so that the next one need not wait.

Worked example:
    decide(Observed(None, 0.0), "a", now=10.0, timing=Timing())  -> Decision.CREATE
    decide(Observed(lease_of_b, seen_at=9.0), "a", 10.0, Timing()) -> Decision.WAIT

Source: client-go leaderelection (durations 15 s, 10 s, 2 s); coordination.k8s.io/v1 Lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from navarch.api.views.base import decode
from navarch.api.views.coordination import Lease
from navarch.base.errors import NavarchError, StatusError
from navarch.base.resource import ObjectKey, Resource
from navarch.base.times import format_micro
from navarch.client.contract import Client, Unreachable
from navarch.schema.types import Tree
from navarch.seams.contract import Seams

log = logging.getLogger(__name__)

LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease", True)


@dataclass(frozen=True, slots=True)
class Timing:
    """`retry_s` < `renew_deadline_s` < `lease_s`."""

    lease_s: int = 15
    renew_deadline_s: float = 10.0
    retry_s: float = 2.0


DEFAULT_TIMING: Final = Timing()


@dataclass(frozen=True, slots=True)
class Observed:
    """The lease as last read, None if there is none, and when this state was first seen."""

    lease: Lease | None
    seen_at: float


class Decision(Enum):
    CREATE = auto()
    TAKE = auto()
    RENEW = auto()
    WAIT = auto()


def decide(observed: Observed, identity: str, now: float, timing: Timing) -> Decision:
    """What `identity` does next. Ages are measured from when a state was seen, never by its own times."""
    if observed.lease is None:
        return Decision.CREATE
    holder = observed.lease.spec.holderIdentity
    if holder == identity:
        return Decision.RENEW
    lease_s = observed.lease.spec.leaseDurationSeconds or timing.lease_s
    if not holder or now - observed.seen_at > lease_s:
        return Decision.TAKE
    return Decision.WAIT


def desired(decision: Decision, key: ObjectKey, identity: str, lease: Lease | None, now: float, timing: Timing) -> Tree:
    """The lease to write for CREATE, TAKE or RENEW."""
    stamp = format_micro(now)
    metadata: Tree = {"name": key.name, "namespace": key.namespace}
    acquired, transitions = stamp, 0
    if lease is not None:
        metadata["resourceVersion"] = lease.metadata.resourceVersion
        transitions = (lease.spec.leaseTransitions or 0) + (decision is Decision.TAKE)
        if decision is Decision.RENEW and lease.spec.acquireTime:
            acquired = lease.spec.acquireTime
    spec = {
        "holderIdentity": identity,
        "leaseDurationSeconds": timing.lease_s,
        "acquireTime": acquired,
        "renewTime": stamp,
        "leaseTransitions": transitions,
    }
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


class LeadershipLost(NavarchError):
    """Raised out of `lead` when the lease could not be kept."""


class Election:
    """One candidate for the lease `key`."""

    def __init__(
        self, client: Client, seams: Seams, key: ObjectKey, identity: str, timing: Timing = DEFAULT_TIMING
    ) -> None:
        self._client = client
        self._seams = seams
        self._key = key
        self._identity = identity
        self._timing = timing
        self._observed = Observed(None, 0.0)

    async def lead(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Wait for the lease, then run `work` as long as it is held. When this is cancelled, or `work` ends,
        the lease is given back.

        Raises: LeadershipLost, after `work` was cancelled.
        """
        while not await self._attempt():
            await self._pause()
        log.info("leading lease=%s identity=%s", self._key, self._identity)
        try:
            await self._held(work)
        except LeadershipLost:
            log.warning("leading no longer lease=%s identity=%s", self._key, self._identity)
            raise
        except BaseException:
            await self._release()
            raise
        await self._release()

    async def _held(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                keeper = group.create_task(self._keep())
                await group.create_task(work())
                keeper.cancel()
        except BaseExceptionGroup as ended:
            # Not `except*`: what is raised in its block may come out in a group again (Python 3.11.2 does so).
            lost, others = ended.split(LeadershipLost)
            if lost is None or others is not None:
                raise
            raise lost.exceptions[0] from None

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        renewed_at = loop.time()
        while True:
            await self._pause()
            if await self._attempt():
                renewed_at = loop.time()
            elif loop.time() - renewed_at > self._timing.renew_deadline_s:
                raise LeadershipLost(f"lease {self._key} could not be renewed")

    async def _attempt(self) -> bool:
        """Read, decide, write. True if the lease is held afterwards."""
        try:
            async with asyncio.timeout(self._timing.renew_deadline_s / 2):
                await self._observe()
                now = self._seams.clock.now()
                decision = decide(self._observed, self._identity, asyncio.get_running_loop().time(), self._timing)
                if decision is Decision.WAIT:
                    return False
                tree = desired(decision, self._key, self._identity, self._observed.lease, now, self._timing)
                if decision is Decision.CREATE:
                    raw = await self._client.create(LEASES, tree, self._key.namespace)
                else:
                    raw = await self._client.update(LEASES, tree)
                self._note(decode(Lease, raw))
                return True
        except (StatusError, Unreachable, TimeoutError) as error:
            log.debug("lease attempt failed lease=%s error=%s", self._key, error)
            return False

    async def _release(self) -> None:
        """Leave the lease to whoever comes next. Source: client-go's ReleaseOnCancel."""
        lease = self._observed.lease
        if lease is None or lease.spec.holderIdentity != self._identity:
            return
        stamp = format_micro(self._seams.clock.now())
        spec = {
            "leaseDurationSeconds": 1,
            "acquireTime": stamp,
            "renewTime": stamp,
            "leaseTransitions": lease.spec.leaseTransitions or 0,
        }
        metadata = {"name": self._key.name, "namespace": self._key.namespace}
        metadata["resourceVersion"] = lease.metadata.resourceVersion
        tree: Tree = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        try:
            async with asyncio.timeout(self._timing.retry_s):
                await self._client.update(LEASES, tree)
            log.info("lease released lease=%s identity=%s", self._key, self._identity)
        except (StatusError, Unreachable, TimeoutError) as error:
            log.warning("lease not released lease=%s error=%s", self._key, error)

    async def _observe(self) -> None:
        try:
            self._note(decode(Lease, await self._client.get(LEASES, self._key.name, self._key.namespace)))
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            self._observed = Observed(None, 0.0)

    def _note(self, lease: Lease) -> None:
        if lease != self._observed.lease:
            self._observed = Observed(lease, asyncio.get_running_loop().time())

    async def _pause(self) -> None:
        await asyncio.sleep(self._seams.rng.uniform(self._timing.retry_s, self._timing.retry_s * 1.2))
