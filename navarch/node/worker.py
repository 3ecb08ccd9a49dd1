"""One pod on this node: its worker looks, asks the machine what to do, and does it.

The kubelet makes a worker for every pod it hears of; the worker ends when nothing of the pod is left. It is
one task: it sleeps until something about its pod changed (spec, runtime event, probe result, an object it is
made of) or a back-off ends, so a pod that just runs costs nothing.

    running -> (deleted, deadline, rejected, all containers done) -> stopping -> cleaned -> gone

What it decides is in `machine.py` and `status.py`; how things start and stop in `starting.py` and `killing.py`.

Source: the kubelet's `pod_workers.go` (SyncPod, SyncTerminatingPod, SyncTerminatedPod).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec

from navarch.api.views.pod import Pod
from navarch.base.errors import StatusError
from navarch.base.resource import ObjectKey
from navarch.base.times import parse
from navarch.client.contract import Preconditions, Unreachable
from navarch.client.recorder import reference
from navarch.node import cgroups, machine, resizing
from navarch.node.build import log_directory
from navarch.node.conditions import RESIZE_PENDING
from navarch.node.killing import kill_container, kill_pod
from navarch.node.labels import AnyContainer, all_containers, is_static
from navarch.node.lastwords import last_words
from navarch.node.logrotation import remove_logs
from navarch.node.machine import Hold, KillContainer, RunSandbox, StartContainer, StopPod
from navarch.node.memory import Ended, Kind, Memory, Waiting
from navarch.node.observe import look
from navarch.node.observed import NOTHING, Observed, surplus
from navarch.node.parts import Parts
from navarch.node.probing import Probing
from navarch.node.resources import amounts, container_resources
from navarch.node.runtime.contract import ContainerPhase, ContainerStatus, RuntimeFault, SandboxError
from navarch.node.starting import NotStarted, prepare, run_sandbox, start_container
from navarch.node.status import FINAL, pod_ips, pod_status
from navarch.node.statuses import PODS
from navarch.node.volumes.payload import MountError
from navarch.node.volumes.setup import tear_down

log = logging.getLogger(__name__)

DEFAULT_GRACE_S: Final = 30
#: After a failed step. Doubles up to the cap while it goes on failing.
RETRY_FIRST_S, RETRY_CAP_S = 1.0, 30.0
LEAST_WAIT_S: Final = 0.001
#: Steps without a pause; more than any pod needs, so that one that never settles cannot spin.
STEPS_AT_ONCE: Final = 50


class PodWorker:
    """`mirror` is the API's image of a static pod, None for pods of the API itself."""

    def __init__(self, parts: Parts, pod: Pod, rejected: Ended | None = None) -> None:
        self.pod = pod
        self.mirror: Pod | None = None
        self.observed: Observed = NOTHING
        self.memory = Memory(first_seen=parse(pod.status.startTime) if pod.status.startTime else parts.now())
        self.memory.ended = rejected
        self.finished = asyncio.Event()
        self._parts = parts
        self._dirty = asyncio.Event()
        self._dirty.set()
        self._deleted = pod.metadata.deletionTimestamp is not None
        self._gone = False
        self._stopped = False
        self._grace_s: int | None = None
        self._step: asyncio.Task[None] | None = None
        self._failures = 0
        self._probing = Probing(parts, self.memory, self.poke, self._unhealthy)
        self._remember(pod)

    @property
    def holds_resources(self) -> bool:
        """It runs or will run, so that it counts against what the node can give."""
        return self.memory.ended is None and not self.memory.final_phase and self.pod.status.phase not in FINAL

    # --- what the kubelet tells it

    def poke(self) -> None:
        """Something changed: look again."""
        self._dirty.set()

    def update(self, pod: Pod) -> None:
        """The pod's object changed."""
        before, self.pod = self.pod, pod
        self._parts.statuses.seen(self._api_uid(), pod.status)
        if pod.metadata.deletionTimestamp is not None:
            self._begin_deletion(pod.metadata.deletionGracePeriodSeconds)
        if matters(before, pod):
            self.memory.retry_at.clear()
            self.poke()

    @property
    def is_stopped(self) -> bool:
        """Nothing of it runs any more."""
        return self._stopped or self.finished.is_set()

    def evict(self, ended: Ended, grace_s: int) -> None:
        """The node needs what the pod uses."""
        if not self.holds_resources or self._deleted:
            return
        self.memory.ended = ended
        self._grace_s = grace_s
        self._note_pod("Warning", ended.reason, ended.message)
        self._interrupt()
        self.poke()

    def remove(self) -> None:
        """The pod's object is gone from the API (or its manifest from the disk)."""
        self._gone = True
        self._begin_deletion(self._grace_s)
        self._parts.statuses.forget(self._api_uid())
        self.poke()

    def _begin_deletion(self, grace_s: int | None) -> None:
        shorter = self._grace_s is None or (grace_s is not None and grace_s < self._grace_s)
        if not self._deleted or shorter:
            self._grace_s = grace_s
            self._interrupt()
        self._deleted = True

    def _interrupt(self) -> None:
        """Whatever the worker is waiting for (a pull, a hook, a longer grace period) is moot."""
        if self._step is not None:
            self._step.cancel()

    # --- the loop

    async def run(self) -> None:
        """Live as long as the pod does."""
        at_once = 0
        while not self.finished.is_set():
            self._dirty.clear()
            retry_s = await self._interruptible()
            if self.finished.is_set():
                break
            at_once = at_once + 1 if retry_s == 0.0 else 0
            if at_once >= STEPS_AT_ONCE:
                await asyncio.sleep(RETRY_FIRST_S)
            elif not self._dirty.is_set() and retry_s != 0.0:
                await self._sleep(retry_s)
        self._probing.stop()

    async def _sleep(self, seconds: float | None) -> None:
        if seconds is None:
            await self._dirty.wait()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._dirty.wait()
        except TimeoutError:
            pass

    async def _interruptible(self) -> float | None:
        """One step as a task of its own, so that a deletion can cut it short. Seconds until the next."""
        outcome: list[float | None] = []
        self._step = self._parts.spawn(self._guarded(outcome))
        self._step.set_name(f"pod {self.key}")
        try:
            await asyncio.wait([self._step])
        finally:
            self._step = None
        return outcome[0] if outcome else 0.0

    async def _guarded(self, outcome: list[float | None]) -> None:
        try:
            outcome.append(await self._one_step())
            self._failures = 0
        except (RuntimeFault, StatusError, Unreachable, MountError, OSError) as error:
            self._failures = min(self._failures + 1, 10)
            delay = min(RETRY_FIRST_S * 2.0 ** (self._failures - 1), RETRY_CAP_S)
            log.info("pod step failed pod=%s error=%s retry_s=%s", self.key, error, delay)
            outcome.append(delay)
        except Exception:
            # A fault that one pod brings to light must not take the node's other pods down.
            log.exception("pod step broke pod=%s", self.key)
            outcome.append(RETRY_CAP_S)

    async def _one_step(self) -> float | None:
        await self._look()
        if self.memory.ended is None and machine.past_deadline(self.pod, self.memory, self._parts.now()):
            text = "Pod was active on the node longer than the specified deadline"
            self.memory.ended = Ended("DeadlineExceeded", text)
            self._note_pod("Normal", "DeadlineExceeded", text)
        if self._deleted or self.memory.ended is not None or self.memory.final_phase:
            return await self._stop()
        return await self._sync()

    async def _look(self) -> None:
        """See what the runtime has, and keep what only a moment tells: last words, probe results."""
        self.observed = await look(self._parts.runtime, self.pod.metadata.uid)
        for status in self.observed.containers:
            if status.phase is ContainerPhase.EXITED and status.id not in self.memory.last_words:
                self.memory.last_words[status.id] = self._last_words(status)
        if not self.memory.terminating:
            self._probing.update(self.pod, self.observed)

    # --- running

    async def _sync(self) -> float | None:
        plan = machine.plan(self.pod, self.observed, self.memory, self._parts.now())
        self._hold(plan.actions)
        self._publish()
        if self.memory.final_phase:
            return 0.0
        await self._volumes(plan.actions)
        changed = False
        for action in plan.actions:
            if isinstance(action, Hold):
                continue
            changed = True
            try:
                await self._act(action)
            except NotStarted as error:
                assert isinstance(action, StartContainer)
                self.memory.waiting[action.name] = error.waiting
                self.memory.retry_at[action.name] = self._parts.now() + error.retry_s
        if changed:
            # Show at once what was done: a status that is out of date before it is written costs a write.
            await self._look()
            self._hold(())
            self._publish()
            return 0.0
        if await self._resize():
            return 0.0
        await self._remove_surplus()
        waits = [] if plan.wake_at is None else [max(plan.wake_at - self._parts.now(), LEAST_WAIT_S)]
        if self.memory.resize_pending is not None:
            waits.append(RETRY_CAP_S)
        return min(waits, default=None)

    async def _resize(self) -> bool:
        """Give running containers the resources of the spec, where the node has them. Whether anything was done."""
        memory, parts = self.memory, self._parts
        wanted = resizing.resizes(self.pod, self.observed, memory.applied)
        had = resizing.as_applied(self.pod, self.observed, memory.applied) if wanted else self.pod
        others = (pod for pod in parts.holders() if pod.metadata.uid != self.pod.metadata.uid)
        waits = resizing.obstacle(self.pod, had, others, amounts(parts.allocatable)) if wanted else None
        if waits != memory.resize_pending:
            memory.resize_pending = waits
            self._publish()
        if waits is not None or not wanted:
            return False
        cgroup = cgroups.pod_path(parts.config.cgroup_root, self.pod)
        if cgroup:
            parts.host.apply_cgroup(cgroup, resizing.widest(self.pod, had))
        for each in wanted:
            if each.restart:
                text = f"Container {each.container.name} resize requires restart"
                await self._kill(KillContainer(each.status.id, each.container.name, text, "ResizeRestart"))
                continue
            resources = container_resources(self.pod, each.container, parts.machine_memory_bytes)
            await parts.runtime.update_container_resources(each.status.id, resources)
            memory.applied[each.status.id] = each.container.resources or resizing.NOTHING
        cgroups.create(parts.host, parts.config.cgroup_root, self.pod)
        await self._look()
        self._publish()
        return True

    async def _remove_surplus(self) -> None:
        """A container that restarts for days leaves only its last two instances behind."""
        containers, sandboxes = surplus(self.observed)
        for status in containers:
            await self._parts.runtime.remove_container(status.id)
            remove_logs(self._parts.host, status.log_path)
            self.memory.last_words.pop(status.id, None)
            self.memory.applied.pop(status.id, None)
        for sandbox in sandboxes:
            await self._parts.runtime.remove_pod_sandbox(sandbox.id)

    def _hold(self, actions: tuple[machine.Action, ...]) -> None:
        """Show restart back-offs, and forget waiting reasons that are over."""
        for action in actions:
            if isinstance(action, Hold) and self.memory.waiting.get(action.name) != action.waiting:
                self.memory.waiting[action.name] = action.waiting
                meta = self.pod.metadata
                self._note(
                    action.name,
                    "Warning",
                    "BackOff",
                    f"Back-off restarting failed container {action.name} in pod "
                    f"{meta.name}_{meta.namespace}({meta.uid})",
                )
        for status in self.observed.running():
            self.memory.waiting.pop(status.name, None)

    async def _volumes(self, actions: tuple[machine.Action, ...]) -> None:
        """Volumes come before the sandbox, and are brought up to date whenever the pod is looked at."""
        if not self.pod.spec.volumes:
            return
        if not any(isinstance(a, RunSandbox) for a in actions) and actions:
            return
        try:
            await prepare(self._parts, self.pod, pod_ips(self.pod, self.observed, self._parts.node))
        except MountError as error:
            self._note_pod("Warning", "FailedMount", str(error))
            raise

    async def _act(self, action: machine.Action) -> None:
        match action:
            case StopPod():
                await kill_pod(self._parts, self.pod, self.observed, self._spec_grace(), self._note)
            case RunSandbox(attempt):
                await self._run_sandbox(attempt)
            case KillContainer():
                await self._kill(action)
            case StartContainer(name, attempt, backoff):
                if backoff is not None:
                    self.memory.backoffs[name] = backoff
                container = next(c for c in all_containers(self.pod) if c.name == name)
                await self._start(container, attempt)

    async def _run_sandbox(self, attempt: int) -> None:
        if attempt:
            self._note_pod("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
        try:
            await run_sandbox(self._parts, self.pod, attempt)
        except SandboxError as error:
            self._note_pod("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
            raise
        self.observed = await look(self._parts.runtime, self.pod.metadata.uid)

    async def _start(self, container: AnyContainer, attempt: int) -> None:
        await start_container(self._parts, self.pod, self.memory, self.observed, container, attempt, self._note)
        self.memory.waiting.pop(container.name, None)
        self.memory.retry_at.pop(container.name, None)
        if self.memory.post_start:
            self.poke()

    async def _kill(self, action: KillContainer) -> None:
        status = next((s for s in self.observed.containers if s.id == action.id), None)
        if status is None:
            return
        grace = self._spec_grace() if action.grace_s is None else float(action.grace_s)
        await kill_container(self._parts, self.pod, self.observed, status, grace, action.message, self._note)

    # --- ending

    async def _stop(self) -> float | None:
        """Stop what runs, say how it ended, take everything away, and last of all the API object."""
        self.memory.terminating = True
        self._probing.stop()
        parts = self._parts
        if not self._stopped:
            self._publish()
            await kill_pod(parts, self.pod, self.observed, self._grace(), self._note)
            await self._look()
            if self.observed.running():
                return RETRY_FIRST_S
            self._stopped = True
            self._settle()
        self._publish()
        if not self._deleted:
            self._clean()
            return None
        if not self._gone and self.mirror is None:
            await parts.statuses.written(self._api_uid())
        for sandbox in self.observed.sandboxes:
            await parts.runtime.remove_pod_sandbox(sandbox.id)
        for status in self.observed.containers:
            await parts.runtime.remove_container(status.id)
        self._clean()
        if not self._gone and not is_static(self.pod):
            await self._delete_object()
        parts.images.forget(self.pod.metadata.uid)
        parts.objects.forget(self.pod.metadata.uid)
        parts.statuses.forget(self._api_uid())
        self.finished.set()
        return None

    def _settle(self) -> None:
        """The phase that stays, from how the containers ended."""
        status = pod_status(self.pod, self.observed, self.memory, self._parts.node, self._parts.now())
        self.memory.final_phase = status["phase"] if status["phase"] in FINAL else "Failed"

    def _clean(self) -> None:
        tear_down(self._parts.host, self._parts.config.root_dir, self.pod.metadata.uid)
        cgroups.remove(self._parts.host, self._parts.config.cgroup_root, self.pod)
        if self._deleted:
            self._parts.host.remove_tree(log_directory(self._parts.config, self.pod))

    async def _delete_object(self) -> None:
        meta = self.pod.metadata
        try:
            await self._parts.client.delete(
                PODS, meta.name, meta.namespace, preconditions=Preconditions(uid=meta.uid), grace_period_s=0
            )
        except StatusError as error:
            if error.code not in (404, 409):
                raise

    def _grace(self) -> float:
        """Seconds that containers get now that the pod ends."""
        if self._grace_s is not None:
            return float(max(self._grace_s, 1))
        if self.pod.metadata.deletionGracePeriodSeconds is not None:
            return float(max(self.pod.metadata.deletionGracePeriodSeconds, 1))
        return self._spec_grace()

    def _spec_grace(self) -> float:
        grace = self.pod.spec.terminationGracePeriodSeconds
        return float(DEFAULT_GRACE_S if grace is None else grace)

    # --- telling

    def _publish(self) -> None:
        """Compute the status and hand it to the writer."""
        if self._gone or (is_static(self.pod) and self.mirror is None):
            return
        shown = self.pod if self.mirror is None else replace_status(self.pod, self.mirror)
        status = pod_status(shown, self.observed, self.memory, self._parts.node, self._parts.now())
        for condition in status.get("conditions", ()):
            self.memory.transitions[condition["type"]] = (condition["status"], condition["lastTransitionTime"])
        if status["phase"] in FINAL and not self.memory.terminating:
            self.memory.final_phase = status["phase"]
        self._parts.statuses.put(self._api_uid(), self.key, status, shown.status)

    def _api_uid(self) -> str:
        return self.mirror.metadata.uid if self.mirror is not None else self.pod.metadata.uid

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.pod.metadata.namespace, self.pod.metadata.name)

    def _last_words(self, status: ContainerStatus) -> str:
        container = next((c for c in all_containers(self.pod) if c.name == status.name), None)
        if container is None:
            return ""
        return last_words(self._parts.host, self._parts.config.root_dir, self.pod, container, status)

    def _note(self, container: str, type_: str, reason: str, message: str) -> None:
        """An event about one container."""
        lists = (
            ("initContainers", self.pod.spec.initContainers),
            ("containers", self.pod.spec.containers),
            ("ephemeralContainers", self.pod.spec.ephemeralContainers),
        )
        path = next((f"spec.{k}{{{container}}}" for k, cs in lists if any(c.name == container for c in cs)), "")
        self._parts.events.event(reference(PODS, self.pod.metadata, path), type_, reason, message)

    def _note_pod(self, type_: str, reason: str, message: str) -> None:
        self._parts.events.event(reference(PODS, self.pod.metadata), type_, reason, message)

    def _unhealthy(self, container: AnyContainer, kind: Kind, output: str) -> None:
        self._note(container.name, "Warning", "Unhealthy", f"{kind.value} probe failed: {output}")

    def _remember(self, pod: Pod) -> None:
        """After a restart of the kubelet, what its last status said still holds for what still runs."""
        for status in (*pod.status.initContainerStatuses, *pod.status.containerStatuses):
            container_id = status.containerID.partition("://")[2]
            if container_id and status.ready:
                self.memory.probes[container_id, Kind.READINESS] = True
            if container_id and status.started:
                self.memory.probes[container_id, Kind.STARTUP] = True
            if container_id and status.state is not None and status.state.running is not None:
                self.memory.applied[container_id] = status.resources or resizing.NOTHING
            waiting = status.state.waiting if status.state is not None else None
            if waiting is not None and waiting.reason == "CrashLoopBackOff":
                self.memory.waiting[status.name] = Waiting(waiting.reason, waiting.message)
        for condition in pod.status.conditions:
            if condition.type == RESIZE_PENDING:
                self.memory.resize_pending = Waiting(condition.reason, condition.message)


def matters(before: Pod, after: Pod) -> bool:
    """More than the status that this kubelet wrote itself has changed."""
    old, new = before.metadata, after.metadata
    return (
        old.generation != new.generation
        or new.generation is None
        or old.deletionTimestamp != new.deletionTimestamp
        or old.labels != new.labels
        or old.annotations != new.annotations
        or bool(after.spec.readinessGates and before.status.conditions != after.status.conditions)
    )


def replace_status(pod: Pod, mirror: Pod) -> Pod:
    """A static pod as the API knows it: the mirror's status and generation."""
    metadata = msgspec.structs.replace(pod.metadata, generation=mirror.metadata.generation)
    return msgspec.structs.replace(pod, status=mirror.status, metadata=metadata)
