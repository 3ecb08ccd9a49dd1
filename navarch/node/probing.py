"""Runs the probes of one pod's containers, on the schedule that the probes declare.

Owned by the pod's worker. A container without probes costs nothing here. Liveness and readiness probes
begin when the container counts as started; results go into the worker's memory, and the worker is woken
only when a result changes.

Source: the kubelet's `prober/prober_manager.go`, `prober/worker.go`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext

from navarch.api.views.pod import Pod, Probe
from navarch.node.labels import AnyContainer
from navarch.node.machine import is_started
from navarch.node.memory import Kind, Memory
from navarch.node.observed import Observed
from navarch.node.parts import Parts
from navarch.node.probes import PERIOD_S, Tally, Target, declared, probed_containers, tally
from navarch.node.runtime.contract import ContainerPhase, ContainerStatus, NotFoundInRuntime
from navarch.node.status import pod_ips
from navarch.seams.contract import routine

#: (container, kind, output)
Unhealthy = Callable[[AnyContainer, Kind, str], None]


class Probing:
    """`changed` is called when a result changed, `unhealthy` at every failed probe."""

    def __init__(self, parts: Parts, memory: Memory, changed: Callable[[], None], unhealthy: Unhealthy) -> None:
        self._parts = parts
        self._memory = memory
        self._changed = changed
        self._unhealthy = unhealthy
        self._tasks: dict[tuple[str, Kind], asyncio.Task[None]] = {}

    def update(self, pod: Pod, observed: Observed) -> None:
        """Start probes of containers that run, end those of containers that do not."""
        wanted: set[tuple[str, Kind]] = set()
        for container in probed_containers(pod):
            probes = declared(container)
            status = observed.latest(container.name) if probes else None
            if status is None or status.phase is not ContainerPhase.RUNNING:
                continue
            started = is_started(container, status, self._memory)
            for kind, probe in probes:
                key = (status.id, kind)
                wanted.add(key)
                if key not in self._tasks and (started or kind is Kind.STARTUP):
                    self._start(pod, container, status, kind, probe, observed)
        for key in [k for k in self._tasks if k not in wanted]:
            self._tasks.pop(key).cancel()
        for key in [k for k in self._memory.probes if k not in wanted]:
            del self._memory.probes[key]

    def stop(self) -> None:
        """End all probes."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    def _start(
        self, pod: Pod, container: AnyContainer, status: ContainerStatus, kind: Kind, probe: Probe, observed: Observed
    ) -> None:
        ips = pod_ips(pod, observed, self._parts.node)
        target = Target(pod, container, status.id, ips[0] if ips else "", status.started_at)
        self._tasks[status.id, kind] = self._parts.spawn(self._run(target, kind, probe))

    async def _run(self, target: Target, kind: Kind, probe: Probe) -> None:
        wait = target.started_at + (probe.initialDelaySeconds or 0) - self._parts.now()
        if wait > 0:
            await asyncio.sleep(wait)
        key = (target.container_id, kind)
        count = Tally(settled=self._memory.probes.get(key))
        if kind is Kind.STARTUP and count.settled:
            return
        while True:
            try:
                answer = await self._parts.prober.probe(target, kind, probe)
            except NotFoundInRuntime:
                return
            if not answer.success:
                self._unhealthy(target.container, kind, answer.output)
            count = tally(count, answer.success, probe)
            if count.settled is not None and self._memory.probes.get(key) is not count.settled:
                self._memory.probes[key] = count.settled
                self._changed()
            if kind is Kind.STARTUP and count.settled is not None:
                return
            if kind is Kind.LIVENESS and count.settled is False:
                return
            steady = answer.success == count.settled
            with routine() if steady else nullcontext():
                await asyncio.sleep(probe.periodSeconds or PERIOD_S)
