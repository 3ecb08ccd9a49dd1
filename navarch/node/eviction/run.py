"""Watches one node's pressure and relieves it: images and dead containers first, then one pod after the other.

`watch` is called before each report of the node's status; while all is well it costs one look at the machine's
numbers. What has to be done takes a task of its own.

Source: the kubelet's eviction manager.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, Protocol

from navarch.api.views.pod import ObjectReference, Pod
from navarch.node.build import log_directory
from navarch.node.config import NodeConfig
from navarch.node.eviction.pressure import NO_PRESSURE, Gauge, Pressure
from navarch.node.eviction.thresholds import DISK, SIGNALS, Threshold, levels
from navarch.node.eviction.victims import PodUse, has_disk_limits, over_limits, ranked, verdict
from navarch.node.host.contract import Host
from navarch.node.memory import Ended
from navarch.node.parts import Events
from navarch.node.runtime.contract import ContainerStats, Runtime, RuntimeFault
from navarch.node.volumes.setup import empty_dir_path
from navarch.seams.contract import Clock

log = logging.getLogger(__name__)

#: A hard threshold leaves no time. Source: the kubelet's immediateEvictionGracePeriodSeconds.
IMMEDIATE_GRACE_S: Final = 1
#: So long the next pod waits for one that does not come to its end. Source: podCleanupTimeout.
CLEANUP_S: Final = 30.0
#: How often pods with limits on their disk use are looked at.
LIMITS_S: Final = 30.0


class Worker(Protocol):
    """What is asked of a pod's worker."""

    pod: Pod

    @property
    def holds_resources(self) -> bool: ...

    @property
    def is_stopped(self) -> bool: ...

    def evict(self, ended: Ended, grace_s: int) -> None: ...


class Evictor:
    """One node's. `workers` are its pods, `free_disk` makes room as far as that costs no pod. `about_node` is what
    events about the node refer to."""

    def __init__(
        self,
        config: NodeConfig,
        runtime: Runtime,
        host: Host,
        clock: Clock,
        events: Events,
        workers: Callable[[], Iterable[Worker]],
        free_disk: Callable[[], Awaitable[None]],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        about_node: Callable[[], ObjectReference | None],
    ) -> None:
        self.pressure: Pressure = NO_PRESSURE
        self._config = config
        self._runtime = runtime
        self._host = host
        self._clock = clock
        self._events = events
        self._workers = workers
        self._free_disk = free_disk
        self._spawn = spawn
        self._about_node = about_node
        self._gauge = Gauge(config.eviction)
        self._relief: asyncio.Task[None] | None = None
        self._last: tuple[Worker, float] | None = None
        self._limits_at = 0.0

    def watch(self) -> None:
        """Look, and begin what has to be done."""
        self._look()
        if self._relief is not None and not self._relief.done():
            return
        if self.pressure.due:
            self._relief = self._spawn(self._relieve())
        elif self._clock.now() - self._limits_at >= LIMITS_S:
            self._limits_at = self._clock.now()
            limited = [w for w in self._workers() if w.holds_resources and has_disk_limits(w.pod)]
            if limited:
                self._relief = self._spawn(self._enforce_limits(limited))

    def _look(self) -> Pressure:
        self.pressure = self._gauge.read(levels(self._host.usage()), self._clock.now())
        return self.pressure

    async def _relieve(self) -> None:
        """Reclaim what is scarce: at most one pod per call."""
        if self._last is not None:
            worker, since = self._last
            if not worker.is_stopped and self._clock.now() - since < CLEANUP_S:
                return
            self._last = None
        threshold = self.pressure.due[0]
        name = SIGNALS[threshold.signal][1]
        if (about := self._about_node()) is not None:
            self._events.event(about, "Warning", "EvictionThresholdMet", f"Attempting to reclaim {name}")
        if threshold.signal in DISK:
            await self._free_disk()
            if threshold not in self._look().due:
                return
        try:
            self._evict(threshold, await self._uses(threshold.signal in DISK, self._workers()))
        except (RuntimeFault, OSError) as error:
            log.warning("nobody evicted node=%s error=%s", self._config.name, error)

    def _evict(self, threshold: Threshold, uses: list[tuple[Worker, PodUse]]) -> None:
        level = levels(self._host.usage()).get(threshold.signal)
        order = ranked(threshold, [use for _, use in uses])
        if not order or level is None:
            log.warning("nobody to evict node=%s signal=%s", self._config.name, threshold.signal)
            return
        worker = next(worker for worker, use in uses if use is order[0])
        self._end(worker, verdict(threshold, level, order[0]), None if threshold.hard else self._soft_grace(worker.pod))
        self._last = (worker, self._clock.now())

    def _soft_grace(self, pod: Pod) -> int:
        own = pod.spec.terminationGracePeriodSeconds
        most = self._config.eviction.max_pod_grace_s
        return most if own is None else min(most, own)

    def _end(self, worker: Worker, ended: Ended, grace_s: int | None) -> None:
        meta = worker.pod.metadata
        log.warning("pod evicted node=%s pod=%s/%s why=%s", self._config.name, meta.namespace, meta.name, ended.message)
        worker.evict(ended, IMMEDIATE_GRACE_S if grace_s is None else grace_s)

    async def _enforce_limits(self, limited: Iterable[Worker]) -> None:
        """Evict pods that have more on the disk than they may."""
        try:
            for worker, use in await self._uses(True, limited):
                ended = over_limits(use, self._empty_dirs(worker.pod))
                if ended is not None:
                    self._end(worker, ended, None)
        except (RuntimeFault, OSError) as error:
            log.info("disk limits not looked at node=%s error=%s", self._config.name, error)

    async def _uses(self, disk: bool, workers: Iterable[Worker]) -> list[tuple[Worker, PodUse]]:
        active = [worker for worker in workers if worker.holds_resources]
        by_pod: dict[str, list[ContainerStats]] = {}
        for each in await self._runtime.container_stats(disk=disk):
            by_pod.setdefault(each.pod_uid, []).append(each)
        return [(w, self._use(w.pod, by_pod.get(w.pod.metadata.uid, []), disk)) for w in active]

    def _use(self, pod: Pod, stats: list[ContainerStats], disk: bool) -> PodUse:
        memory = {s.name: s.memory_working_set_bytes for s in stats}
        if not disk:
            return PodUse(pod, memory)
        volumes = sum(self._empty_dirs(pod).values()) + self._host.disk_usage(log_directory(self._config, pod))
        return PodUse(pod, memory, {s.name: s.writable_layer_bytes for s in stats}, volumes)

    def _empty_dirs(self, pod: Pod) -> dict[str, int]:
        root, uid = self._config.root_dir, pod.metadata.uid
        names = [v.name for v in pod.spec.volumes if v.emptyDir is not None]
        return {name: self._host.disk_usage(empty_dir_path(root, uid, name)) for name in names}
