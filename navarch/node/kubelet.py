"""The kubelet: hears of the pods bound to its node and keeps one worker for each.

    kubelet = Kubelet(client, seams, config, runtime, host, prober)
    await kubelet.run()        # until cancelled; containers live on

It registers the node, watches pods, follows the runtime's events, brings volumes up to date when objects
change, and removes what a former life left behind. What happens to one pod is `worker.py`'s business.

Containers survive it: a new kubelet finds them by their labels and goes on where the old one stopped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any

from navarch.api.views.node import Node
from navarch.api.views.pod import ObjectReference, Pod
from navarch.api.views.service import Service
from navarch.base.resource import ObjectKey, Resource
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.client.recorder import Recorder, reference
from navarch.node import admission
from navarch.node.config import NodeConfig
from navarch.node.eviction import victims
from navarch.node.eviction.run import Evictor
from navarch.node.host.contract import Host
from navarch.node.image_gc import ImageGcConfig
from navarch.node.image_gc_run import ImageCollector
from navarch.node.images import Images
from navarch.node.labels import is_mirror, is_static
from navarch.node.logrotation import rotate
from navarch.node.memory import Ended
from navarch.node.nodestatus import allocatable
from navarch.node.objects import Objects
from navarch.node.observe import Relist
from navarch.node.orphans import remove_orphan_directories, remove_orphans
from navarch.node.parts import Events, NoEvents, Parts
from navarch.node.probes import Prober
from navarch.node.register import NODES, Registration
from navarch.node.resources import amounts
from navarch.node.runtime.contract import Runtime, RuntimeFault
from navarch.node.static import StaticPods
from navarch.node.status import FINAL, NodeFacts
from navarch.node.statuses import PODS, Statuses
from navarch.node.worker import PodWorker
from navarch.seams.contract import Seams, routine

log = logging.getLogger(__name__)

SERVICES = Resource("", "v1", "services", "Service", True)
TOKENS_S = 30.0
EVENTS_RETRY_S = 1.0


class Kubelet:
    """`workers` are the pods on the node by uid. Give `events` to record elsewhere, or `NoEvents()`."""

    def __init__(
        self,
        client: Client,
        seams: Seams,
        config: NodeConfig,
        runtime: Runtime,
        host: Host,
        prober: Prober,
        events: Events | None = None,
    ) -> None:
        self.config = config
        self.runtime = runtime
        self.host = host
        self.workers: dict[str, PodWorker] = {}
        #: Pods by uid that the node, as it was known, does not suit.
        self._doubtful: set[str] = set()
        self.started = asyncio.Event()
        self._client = client
        self._seams = seams
        self._prober = prober
        self._recorder = Recorder(client, seams, "kubelet", host=config.name) if events is None else None
        self._events: Events = events or self._recorder or NoEvents()
        self._pods = Informer(client, PODS, Pod, field_selector=f"spec.nodeName={config.name}", rng=seams.rng)
        self._services = Informer(client, SERVICES, Service, rng=seams.rng)
        self._images = ImageCollector(config.image_gc or ImageGcConfig(), runtime, host, seams.clock, self._is_over)
        self._evictor = Evictor(
            config,
            runtime,
            host,
            seams.clock,
            self._events,
            self.workers.values,
            self._images.free_all,
            self.spawn,
            self._about_node,
        )
        self._registration = Registration(
            client, seams, config, runtime, host, lambda: self._evictor.pressure.conditions, self._evictor.watch
        )
        self._static = StaticPods(client, seams, config, host)
        self._parts: Parts | None = None
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Be the node's kubelet until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            await self._run(group)

    def now(self) -> float:
        return self._seams.clock.now()

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that ends with the kubelet. What breaks in it is logged and breaks nothing else."""
        assert self._group is not None
        task = self._group.create_task(_guarded(coroutine))
        # One that is cancelled before its first step never comes to await the coroutine.
        task.add_done_callback(lambda _: coroutine.close())
        return task

    async def _run(self, group: asyncio.TaskGroup) -> None:
        parts = self._parts = await self._make_parts(group)
        if self._recorder is not None:
            group.create_task(self._recorder.run())
        group.create_task(parts.statuses.run())
        self._begin_static()
        node = await self._registration.register()
        self._static.node_uid = node.metadata.uid
        self._note_node(node, "Starting", "Starting kubelet.")
        group.create_task(self._registration.run())
        if self.config.service_environment:
            group.create_task(self._services.run())
            await self._services.synced.wait()
        self._pods.on_change(self._pod_changed)
        group.create_task(self._pods.run())
        await self._pods.synced.wait()
        group.create_task(self._follow_events())
        self.spawn(self._remove_leftovers())
        group.create_task(self._static.run(self._static_changed, self._mirror))
        if not self.runtime.complete_events:
            group.create_task(self._relist())
        group.create_task(self._renew_tokens())
        if self.config.image_gc is not None and not self.config.image_gc.never:
            group.create_task(self._images.run())
        if self.config.log_check_s:
            group.create_task(self._rotate_logs())
        self.started.set()

    async def _make_parts(self, group: asyncio.TaskGroup) -> Parts:
        machine = self.host.facts()
        version = await self._version()
        return Parts(
            config=self.config,
            client=self._client,
            seams=self._seams,
            runtime=self.runtime,
            host=self.host,
            prober=self._prober,
            images=Images(self.runtime, self._seams.clock),
            objects=Objects(
                self._client, self._seams, self.spawn, self._poke, request_tokens=self.config.request_tokens
            ),
            statuses=Statuses(self._client, self._seams.rng),
            events=self._events,
            spawn=self.spawn,
            node=NodeFacts(self.config.host_ips, version),
            machine_memory_bytes=machine.memory_bytes,
            starting=asyncio.Semaphore(self.config.start_concurrency),
            services=self._services.cache.values if self.config.service_environment else tuple,
            allocatable=allocatable(self.config, machine),
            holders=self._holders,
        )

    async def _version(self) -> str:
        """The runtime's name, as in `containerd://…`; waits until it answers."""
        while True:
            try:
                return (await self.runtime.version()).name
            except RuntimeFault as error:
                log.warning("container runtime does not answer node=%s error=%s", self.config.name, error)
            await asyncio.sleep(EVENTS_RETRY_S)

    # --- pods

    def _pod_changed(self, key: ObjectKey, old: Pod | None, new: Pod | None) -> None:
        if new is None:
            assert old is not None
            self._pod_gone(old)
            return
        if is_mirror(new):
            self._static.mirrors[key] = new
            self._mirror(key, new)
            return
        worker = self.workers.get(new.metadata.uid)
        if worker is not None:
            worker.update(new)
        else:
            self._add(new)

    def _pod_gone(self, pod: Pod) -> None:
        if is_mirror(pod):
            key = ObjectKey(pod.metadata.namespace, pod.metadata.name)
            self._static.mirrors.pop(key, None)
            self._mirror(key, None)
            return
        worker = self.workers.get(pod.metadata.uid)
        if worker is not None:
            worker.remove()

    def _add(self, pod: Pod) -> None:
        if pod.metadata.uid in self._doubtful:
            return
        refused = None
        if pod.status.phase not in FINAL and pod.metadata.deletionTimestamp is None and not _adopted(pod):
            refused = self._refusal(pod)
        if refused is not None and refused.reason == admission.NODE_AFFINITY:
            self._doubtful.add(pod.metadata.uid)
            self.spawn(self._add_after_look(pod))
        else:
            self._begin(pod, refused)

    async def _add_after_look(self, pod: Pod) -> None:
        """The scheduler knew labels of the node that are news here: look at the node before the pod is refused."""
        await self._registration.refresh()
        self._doubtful.discard(pod.metadata.uid)
        now = self._pods.cache.get(ObjectKey(pod.metadata.namespace, pod.metadata.name))
        if now is not None and now.metadata.uid == pod.metadata.uid and pod.metadata.uid not in self.workers:
            self._begin(now, self._refusal(now) if now.metadata.deletionTimestamp is None else None)

    def _begin(self, pod: Pod, refused: Ended | None) -> None:
        assert self._parts is not None
        if refused is not None:
            self._events.event(reference(PODS, pod.metadata), "Warning", refused.reason, refused.message)
        worker = self.workers[pod.metadata.uid] = PodWorker(self._parts, pod, refused)
        self.spawn(self._work(worker)).set_name(f"pod {worker.key}")

    def _refusal(self, pod: Pod) -> Ended | None:
        assert self._parts is not None
        if self._registration.node is None:
            return None
        pressed = victims.refusal(pod, self._evictor.pressure.conditions)
        return pressed or admission.refusal(
            pod, self._holders(), self._registration.node, amounts(self._parts.allocatable)
        )

    def _is_over(self, uid: str) -> bool:
        worker = self.workers.get(uid)
        return worker is not None and worker.is_stopped

    def _about_node(self) -> ObjectReference | None:
        node = self._registration.node
        return reference(NODES, node.metadata) if node is not None else None

    def _holders(self) -> list[Pod]:
        return [w.pod for w in self.workers.values() if w.holds_resources]

    async def _work(self, worker: PodWorker) -> None:
        await worker.run()
        if self.workers.get(worker.pod.metadata.uid) is worker:
            del self.workers[worker.pod.metadata.uid]

    # --- static pods

    def _begin_static(self) -> None:
        """Static pods run before, and without, the API server."""
        for pod in self._static.read():
            self._add(pod)

    def _static_changed(self, pods: Iterable[Pod]) -> None:
        wanted = {pod.metadata.uid: pod for pod in pods}
        for uid, worker in list(self.workers.items()):
            if is_static(worker.pod) and uid not in wanted:
                worker.remove()
        for uid, pod in wanted.items():
            if uid not in self.workers:
                self._add(pod)

    def _mirror(self, key: ObjectKey, mirror: Pod | None) -> None:
        for worker in self.workers.values():
            meta = worker.pod.metadata
            if is_static(worker.pod) and (meta.namespace, meta.name) == key:
                worker.mirror = mirror
                worker.poke()

    # --- the runtime

    async def _follow_events(self) -> None:
        while True:
            try:
                async for event in self.runtime.events():
                    self._poke({event.pod_uid} if event.pod_uid else set(self.workers))
            except RuntimeFault as error:
                log.info("runtime events ended node=%s error=%s", self.config.name, error)
            await asyncio.sleep(EVENTS_RETRY_S)
            self._poke(set(self.workers))

    async def _relist(self) -> None:
        relist = Relist()
        while True:
            with routine():
                await asyncio.sleep(self.config.relist_interval_s)
            try:
                self._poke(await relist.changed(self.runtime))
            except RuntimeFault as error:
                log.info("relist failed node=%s error=%s", self.config.name, error)

    def _poke(self, uids: Iterable[str]) -> None:
        for uid in uids:
            worker = self.workers.get(uid)
            if worker is not None:
                worker.poke()

    async def _remove_leftovers(self) -> None:
        """What belongs to pods that were deleted while no kubelet ran."""
        while True:
            try:
                await remove_orphans(self.runtime, self.workers.__contains__)
                break
            except RuntimeFault as error:
                log.warning("leftovers not removed node=%s error=%s", self.config.name, error)
            await asyncio.sleep(EVENTS_RETRY_S)
        remove_orphan_directories(self.host, self.config.root_dir, self.workers.__contains__)

    async def _renew_tokens(self) -> None:
        assert self._parts is not None
        while True:
            with routine():
                await asyncio.sleep(TOKENS_S)
            self._poke(self._parts.objects.due_tokens())

    async def _rotate_logs(self) -> None:
        while True:
            await asyncio.sleep(self.config.log_check_s)
            for status in [each for worker in self.workers.values() for each in worker.observed.running()]:
                try:
                    if await rotate(self.host, self.runtime, status, self.now()):
                        log.info("log rotated node=%s container=%s", self.config.name, status.id)
                except (OSError, RuntimeFault) as error:
                    log.warning("log not rotated node=%s container=%s error=%s", self.config.name, status.id, error)

    def _note_node(self, node: Node, reason: str, message: str) -> None:
        self._events.event(reference(NODES, node.metadata), "Normal", reason, message)


async def _guarded(coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        await coroutine
    except Exception:
        log.exception("a task of the kubelet broke")


def _adopted(pod: Pod) -> bool:
    """It was admitted by a former life of this kubelet."""
    return pod.status.startTime is not None
