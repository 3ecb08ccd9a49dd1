"""The scheduler at work: take what waits, plan, write. Everything between two awaits sees one world.

Callers: `run.py`, which imports this file late because numpy takes its time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Set
from functools import partial
from typing import Final

from navarch.api.views.pod import Pod
from navarch.client.contract import Client
from navarch.client.recorder import Recorder
from navarch.scheduler.config import SchedulerConfig
from navarch.scheduler.plan import Decision, plan
from navarch.scheduler.plugins.contract import Change, Reach
from navarch.scheduler.plugins.volume_binding import VOLUME_BINDING
from navarch.scheduler.profile import DEFAULT_PROFILE
from navarch.scheduler.queue import SchedulingQueue
from navarch.scheduler.shape import PodInfo, Shape
from navarch.scheduler.volumes import SELECTED_NODE
from navarch.scheduler.world import World
from navarch.scheduler.write import Writer
from navarch.seams.contract import Seams, routine

log = logging.getLogger(__name__)

GATED: Final = "Scheduling is blocked due to non-empty scheduling gates"

VOLUMES_ONLY: Final = frozenset({VOLUME_BINDING.name})

#: Pods that rest are tried again after this long even if nothing seems to have changed.
FLUSH_S: Final = 300.0


class Cycle:
    """One scheduler."""

    def __init__(self, client: Client, seams: Seams, config: SchedulerConfig) -> None:
        self._seams = seams
        self._config = config
        wakes: dict[str, frozenset[Change]] = {}
        for plugin in DEFAULT_PROFILE:
            wakes[plugin.name] = wakes.get(plugin.name, frozenset()) | plugin.wakes
        self.queue = SchedulingQueue(wakes)
        self.world = World(client, seams.rng, config.name, self.queue, self._changed, self._gated)
        self._recorder = Recorder(client, seams, config.name)
        self._writer = Writer(client, seams.clock, self._recorder, config.name, config.writers)
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._flush_timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Schedule until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for informer in self.world.informers:
                    group.create_task(informer.run())
                for informer in self.world.informers:
                    await informer.synced.wait()
                self.world.start()
                group.create_task(self._recorder.run())
                group.create_task(self._writer.run())
                # A task of its own: who waits within the group cannot be dropped quietly.
                group.create_task(self._schedule())
        finally:
            for timer in (self._timer, self._flush_timer):
                if timer is not None:
                    timer.cancel()

    async def _schedule(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while len(self.queue):
                await self._writer.room()
                # Let what arrives together be planned together.
                await asyncio.sleep(0)
                self._plan(self.queue.pop(self._config.batch, self._cost))
            self._arm()

    def _cost(self, shape: Shape) -> int:
        """What a pod takes to plan, in plain pods: where all nodes must be asked again it is their number."""
        far = any(p.reach(shape) is Reach.CLUSTER for p in DEFAULT_PROFILE)
        return 1 + len(self.world.columns) // 100 if far else 1

    def _plan(self, pods: list[PodInfo]) -> None:
        if not pods:
            return
        decisions = plan(
            self.world.columns,
            pods,
            self._seams.clock.now(),
            seed=self._seams.rng.below(1 << 32),
            nominated=tuple(self.world.nominated.values()),
            budgets=self.world.budgets(),
        )
        now = asyncio.get_running_loop().time()
        for decision in decisions:
            if decision.node and self._await_claims(decision, now):
                continue
            if decision.node:
                self.world.assumed[decision.pod.key] = decision.pod
                self._writer.put(partial(self._bind, decision))
            else:
                self._refuse(decision, now)

    def _await_claims(self, decision: Decision, now: float) -> bool:
        """Does the pod have claims that wait for its node? Then they are told, and the pod tries again when
        they are bound."""
        pod = decision.pod
        claims = self.world.columns.volumes.unbound(pod.key.namespace, pod.shape.claims)
        if not claims:
            return False
        self.world.columns.remove(pod.key)
        self.queue.refused(pod, VOLUMES_ONLY, now)
        for claim in claims:
            if SELECTED_NODE not in claim.metadata.annotations:
                self._writer.put(partial(self._writer.select_node, claim.metadata, decision.node))
        return True

    async def _bind(self, decision: Decision) -> None:
        pod = decision.pod
        error = await self._writer.bind(pod, decision.node)
        if error is None:
            return
        self.world.forget(pod)
        if self.world.still_waits(pod):
            log.warning("binding failed pod=%s node=%s error=%s", pod.key, decision.node, error)
            self.queue.failed(pod, asyncio.get_running_loop().time())
            self._arm()

    def _refuse(self, decision: Decision, now: float) -> None:
        pod = decision.pod
        self.queue.refused(pod, decision.plugins, now)
        self._writer.tell(pod, decision.message)
        view = self.world.pods.cache.get(pod.key)
        preemption = decision.preemption
        if preemption is not None:
            self.world.nominate(pod, preemption.node)
            self._writer.put(partial(self._writer.preempt, pod, preemption))
        if view is not None and view.metadata.uid == pod.uid:
            nominated = preemption.node if preemption is not None else ""
            self._writer.put(partial(self._writer.set_unscheduled, view, "Unschedulable", decision.message, nominated))

    def _gated(self, pod: Pod) -> None:
        self._writer.put(partial(self._writer.set_unscheduled, pod, "SchedulingGated", GATED))

    def _changed(self, changes: Set[Change]) -> None:
        self.queue.changed(changes, asyncio.get_running_loop().time())
        self._arm()

    def _arm(self) -> None:
        """Wake the loop if there is work, and have it woken when there will be."""
        loop = asyncio.get_running_loop()
        if len(self.queue):
            self._wake.set()
        due = self.queue.next_due()
        if due is not None and (self._timer is None or self._timer.when() > due):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(due, self._due)
        if self.queue.resting and self._flush_timer is None:
            with routine():
                self._flush_timer = loop.call_later(FLUSH_S, self._flush)

    def _due(self) -> None:
        self._timer = None
        self.queue.release(asyncio.get_running_loop().time())
        self._arm()

    def _flush(self) -> None:
        self._flush_timer = None
        self.queue.flush(asyncio.get_running_loop().time())
        self._arm()
