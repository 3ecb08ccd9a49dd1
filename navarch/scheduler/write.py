"""Carries out decisions: bindings, conditions, preemption, events; many at a time, but not without bound.

Callers: `cycle.py`. The only place of the scheduler that writes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from navarch.api.views.meta import ObjectMeta
from navarch.api.views.pod import Pod, PodCondition
from navarch.base.errors import StatusError
from navarch.base.times import format_time
from navarch.client.contract import Client, PatchType, Preconditions, Unreachable
from navarch.client.recorder import Recorder, reference
from navarch.scheduler.pods import Placed
from navarch.scheduler.preemption import Preemption
from navarch.scheduler.shape import PodInfo
from navarch.scheduler.volumes import SELECTED_NODE
from navarch.scheduler.world import CLAIMS, PODS
from navarch.schema.types import Tree
from navarch.seams.contract import Clock

log = logging.getLogger(__name__)

Write = Callable[[], Awaitable[None]]


class Writer:
    """`workers` writes are under way at a time; `room` waits while too many are queued."""

    def __init__(self, client: Client, clock: Clock, recorder: Recorder, scheduler_name: str, workers: int) -> None:
        self._client = client
        self._clock = clock
        self._recorder = recorder
        self._name = scheduler_name
        self._workers = workers
        self._queued: deque[Write] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def run(self) -> None:
        """Write what is queued, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def room(self) -> None:
        """Wait until the workers can take more."""
        await self._room.wait()

    def put(self, write: Write) -> None:
        """Queue a write. It must handle its own errors."""
        self._queued.append(write)
        self._filled.set()
        if len(self._queued) >= 4 * self._workers:
            self._room.clear()

    async def _work(self) -> None:
        while True:
            while not self._queued:
                self._filled.clear()
                await self._filled.wait()
            write = self._queued.popleft()
            if len(self._queued) < 2 * self._workers:
                self._room.set()
            await write()

    async def bind(self, pod: PodInfo, node: str) -> StatusError | Unreachable | None:
        """Bind a pod; returns what went wrong."""
        key = pod.key
        binding: Tree = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": key.name, "namespace": key.namespace, "uid": pod.uid},
            "target": {"kind": "Node", "name": node},
        }
        try:
            await self._client.create(PODS, binding, key.namespace, name=key.name, subresource="binding")
        except (StatusError, Unreachable) as error:
            if not (isinstance(error, StatusError) and error.reason == "NotFound"):
                why = f'binding rejected: running Bind plugin "DefaultBinder": {error}'
                self._event(pod, "Warning", "FailedScheduling", why)
            return error
        self._event(pod, "Normal", "Scheduled", f"Successfully assigned {key.namespace}/{key.name} to {node}")
        return None

    def tell(self, pod: PodInfo, message: str) -> None:
        """Let users know why a pod has no node."""
        self._event(pod, "Warning", "FailedScheduling", message)

    async def set_unscheduled(self, pod: Pod, reason: str, message: str, nominated: str = "") -> None:
        """Set the condition PodScheduled to False, and the nominated node, where that says anything new."""
        known = next((c for c in pod.status.conditions if c.type == "PodScheduled"), None)
        status: dict[str, Any] = {}
        if known is None or (known.status, known.reason, known.message) != ("False", reason, message):
            status["conditions"] = [self._condition(pod, known, reason, message)]
        if nominated and nominated != pod.status.nominatedNodeName:
            status["nominatedNodeName"] = nominated
        if status:
            metadata = pod.metadata
            await self._try(
                self._client.patch(
                    PODS,
                    metadata.name,
                    {"metadata": {"uid": metadata.uid}, "status": status},
                    PatchType.STRATEGIC,
                    metadata.namespace,
                    subresource="status",
                )
            )

    async def select_node(self, claim: ObjectMeta, node: str) -> None:
        """Note on a claim for which node a volume is wanted."""
        patch = {"metadata": {"uid": claim.uid, "annotations": {SELECTED_NODE: node}}}
        await self._try(self._client.patch(CLAIMS, claim.name, patch, PatchType.MERGE, claim.namespace))

    async def preempt(self, pod: PodInfo, preemption: Preemption) -> None:
        """Delete the victims."""
        for victim in preemption.victims:
            await self._evict(pod, victim, preemption.node)

    async def _evict(self, pod: PodInfo, victim: Placed, node: str) -> None:
        key = victim.key
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": f"{self._name}: preempting to accommodate a higher priority pod",
            "lastTransitionTime": format_time(self._clock.now()),
        }
        patch = {"metadata": {"uid": victim.uid}, "status": {"conditions": [condition]}}
        await self._try(
            self._client.patch(PODS, key.name, patch, PatchType.STRATEGIC, key.namespace, subresource="status")
        )
        deleted = await self._try(
            self._client.delete(PODS, key.name, key.namespace, preconditions=Preconditions(uid=victim.uid))
        )
        if deleted:
            about = reference(PODS, ObjectMeta(name=key.name, namespace=key.namespace, uid=victim.uid))
            self._recorder.event(about, "Normal", "Preempted", f"Preempted by pod {pod.uid} on node {node}")

    def _condition(self, pod: Pod, known: PodCondition | None, reason: str, message: str) -> Tree:
        condition: Tree = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
        if pod.metadata.generation is not None:
            condition["observedGeneration"] = pod.metadata.generation
        if known is None or known.status != "False":
            condition["lastTransitionTime"] = format_time(self._clock.now())
        return condition

    async def _try(self, call: Awaitable[bytes]) -> bool:
        """Make a call whose failure the next try of the pod makes good."""
        try:
            await call
        except StatusError as error:
            if error.reason not in ("NotFound", "Conflict"):
                log.warning("write refused error=%s", error)
            return False
        except Unreachable as error:
            log.warning("write failed error=%s", error)
            return False
        return True

    def _event(self, pod: PodInfo, type_: str, reason: str, message: str) -> None:
        about = reference(PODS, ObjectMeta(name=pod.key.name, namespace=pod.key.namespace, uid=pod.uid))
        self._recorder.event(about, type_, reason, message)
