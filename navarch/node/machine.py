"""What to do next for one pod: (pod, observed, memory, now) -> ordered actions.

The heart of the kubelet, called by the pod's worker whenever something about the pod changed, and the
counterpart of the kubelet's `computePodActions`. It never waits and never fails: an action that fails is
asked for again at the next call, after the back-off that the worker keeps.

The order: sandbox, ephemeral containers, init containers one by one (sidecars stay and let the next one
start once they are up), then all regular containers.

Worked example: a pod with nothing running gives
    Plan((RunSandbox(0), StartContainer("web", ...)))
but with init containers only the first of them is started; the rest follows from later calls.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import msgspec

from navarch.api.views.pod import Container, Pod
from navarch.base.times import format_duration
from navarch.node.labels import HASH, AnyContainer, restart_count, spec_hash
from navarch.node.memory import Backoff, Kind, Memory, Waiting
from navarch.node.observed import Observed
from navarch.node.runtime.contract import ContainerPhase, ContainerStatus, NamespaceMode, SandboxState, SandboxStatus

#: Source: the kubelet's container back-off (`MaxContainerBackOff`, initial back-off, reset after twice the cap).
BACKOFF_FIRST_S = 10.0
BACKOFF_CAP_S = 300.0
BACKOFF_RESET_S = 2 * BACKOFF_CAP_S


class StopPod(msgspec.Struct, frozen=True):
    """Kill every container, then stop every sandbox."""


class RunSandbox(msgspec.Struct, frozen=True):
    attempt: int


class KillContainer(msgspec.Struct, frozen=True):
    """`restart`: the next call will start it again, so its status must not look final."""

    id: str
    name: str
    message: str
    reason: str
    #: The probe's own grace period, where it has one.
    grace_s: int | None = None


class StartContainer(msgspec.Struct, frozen=True):
    """`attempt` is the restart count it gets; `backoff` the entry to remember once it is asked for."""

    name: str
    attempt: int
    backoff: Backoff | None = None


class Hold(msgspec.Struct, frozen=True):
    """Do not start it yet: a restart or a failed start has to wait. `until` is when that ends."""

    name: str
    until: float
    waiting: Waiting


Action = StopPod | RunSandbox | KillContainer | StartContainer | Hold


class Plan(msgspec.Struct, frozen=True):
    """Carried out in order. `wake_at`: look again then, even if nothing changes (None: never)."""

    actions: tuple[Action, ...] = ()
    wake_at: float | None = None


def is_sidecar(container: AnyContainer) -> bool:
    """An init container that keeps running beside the pod's containers."""
    return isinstance(container, Container) and container.restartPolicy == "Always"


def plan(pod: Pod, observed: Observed, memory: Memory, now: float) -> Plan:
    """The next actions for a pod that is to run. Terminating pods are the worker's business."""
    actions = tuple(_actions(pod, observed, memory, now))
    times = [a.until for a in actions if isinstance(a, Hold)]
    if pod.spec.activeDeadlineSeconds is not None:
        times.append(memory.first_seen + pod.spec.activeDeadlineSeconds)
    return Plan(actions, min(times, default=None))


def past_deadline(pod: Pod, memory: Memory, now: float) -> bool:
    """The pod ran longer than its activeDeadlineSeconds."""
    limit = pod.spec.activeDeadlineSeconds
    return limit is not None and now - memory.first_seen >= limit


def _actions(pod: Pod, observed: Observed, memory: Memory, now: float) -> Iterator[Action]:
    sandbox = usable_sandbox(pod, observed)
    if sandbox is None:
        yield from _new_sandbox(pod, observed, memory, now)
        return
    yield from _ephemeral(pod, observed, memory, now)
    initialized = yield from _init(pod, observed, memory, now, sandbox.id)
    if initialized:
        yield from _regular(pod, observed, memory, now)


def usable_sandbox(pod: Pod, observed: Observed) -> SandboxStatus | None:
    """The newest sandbox if containers can run in it: ready, the right network, with an address."""
    sandbox = observed.sandbox
    if sandbox is None or sandbox.state is not SandboxState.READY:
        return None
    on_host = bool(pod.spec.hostNetwork)
    if (sandbox.network is NamespaceMode.NODE) != on_host or not (on_host or sandbox.ips):
        return None
    return sandbox


def _new_sandbox(pod: Pod, observed: Observed, memory: Memory, now: float) -> Iterator[Action]:
    attempt = observed.sandbox.attempt + 1 if observed.sandbox else 0
    if attempt and pod.spec.restartPolicy == "Never" and observed.containers:
        if observed.running() or observed.ready_sandbox:
            yield StopPod()
        return
    if all(finished_for_good(pod, observed.latest(c.name)) for c in pod.spec.containers):
        if observed.running() or observed.ready_sandbox:
            yield StopPod()
        return
    if observed.running() or observed.ready_sandbox:
        yield StopPod()
    yield RunSandbox(attempt)
    if pod.spec.initContainers:
        yield _start(pod, pod.spec.initContainers[0], observed, memory, now)
        return
    for container in pod.spec.containers:
        if not finished_for_good(pod, observed.latest(container.name)):
            yield _start(pod, container, observed, memory, now)


def _ephemeral(pod: Pod, observed: Observed, memory: Memory, now: float) -> Iterator[Action]:
    for container in pod.spec.ephemeralContainers:
        if observed.latest(container.name) is None:
            yield _start(pod, container, observed, memory, now)


def _init(pod: Pod, observed: Observed, memory: Memory, now: float, sandbox_id: str) -> Generator[Action, None, bool]:
    """Init containers of the current sandbox; returns whether regular containers may run. Once a
    regular one exists there, only sidecars matter."""
    initialized = any(observed.latest(c.name, sandbox_id) for c in pod.spec.containers)
    done = all(finished_for_good(pod, observed.latest(c.name)) for c in pod.spec.containers)
    containers = pod.spec.initContainers
    for index, container in enumerate(containers):
        status = observed.latest(container.name, sandbox_id)
        if is_sidecar(container):
            later = initialized or any(observed.latest(c.name, sandbox_id) for c in containers[index + 1 :])
            if initialized and done:
                continue
            up = yield from _sidecar(pod, container, status, observed, memory, now)
            if not up and not later:
                return False
            continue
        if initialized:
            continue
        if status is None or status.phase is not ContainerPhase.EXITED:
            if status is None or status.phase is ContainerPhase.CREATED:
                yield _start(pod, container, observed, memory, now)
            return False
        if status.exit_code != 0:
            if pod.spec.restartPolicy != "Never":
                yield _start(pod, container, observed, memory, now)
            elif observed.running() or observed.ready_sandbox:
                yield StopPod()
            return False
    return True


def _sidecar(
    pod: Pod, container: Container, status: ContainerStatus | None, observed: Observed, memory: Memory, now: float
) -> Generator[Action, None, bool]:
    """Keep a sidecar running; returns whether it is up, so that the next container may start."""
    if status is None or status.phase is not ContainerPhase.RUNNING:
        if status is not None and status.phase is ContainerPhase.UNKNOWN:
            yield _unknown(status)
        yield _start(pod, container, observed, memory, now)
        return False
    kill = _must_die(pod, container, status, memory)
    if kill is not None:
        yield kill
        return False
    return is_started(container, status, memory)


def _regular(pod: Pod, observed: Observed, memory: Memory, now: float) -> Iterator[Action]:
    kept = 0
    actions: list[Action] = []
    for container in pod.spec.containers:
        status = observed.latest(container.name)
        if status is not None and status.phase is ContainerPhase.RUNNING:
            kill = _must_die(pod, container, status, memory)
            if kill is None:
                kept += 1
            else:
                actions.append(kill)
            continue
        if not finished_for_good(pod, status):
            if status is not None and status.phase is ContainerPhase.UNKNOWN:
                actions.append(_unknown(status))
            actions.append(_start(pod, container, observed, memory, now))
    if not actions and not kept:
        if observed.running() or observed.ready_sandbox:
            yield StopPod()
        return
    yield from actions


def finished_for_good(pod: Pod, status: ContainerStatus | None) -> bool:
    """It exited, and the restart policy leaves it so."""
    if status is None or status.phase is not ContainerPhase.EXITED:
        return False
    policy = pod.spec.restartPolicy
    return policy == "Never" or (policy == "OnFailure" and status.exit_code == 0)


def _unknown(status: ContainerStatus) -> KillContainer:
    message = f'Container "{status.name}" is in unknown state, try killing it before restart'
    return KillContainer(status.id, status.name, message, "Unknown")


def _must_die(pod: Pod, container: Container, status: ContainerStatus, memory: Memory) -> KillContainer | None:
    """Why a running container has to be killed: another image, or a failed probe."""
    made_from = status.annotations.get(HASH)
    if made_from is not None and made_from != spec_hash(container):
        message = f"Container {container.name} definition changed, will be restarted"
        return KillContainer(status.id, container.name, message, "SpecChanged")
    for kind, probe in ((Kind.LIVENESS, container.livenessProbe), (Kind.STARTUP, container.startupProbe)):
        if probe is not None and memory.probes.get((status.id, kind)) is False:
            text = f"Container {container.name} failed {kind.value.lower()} probe"
            if pod.spec.restartPolicy != "Never" or is_sidecar(container):
                text += ", will be restarted"
            return KillContainer(
                status.id, container.name, text, f"{kind.value}ProbeFailed", probe.terminationGracePeriodSeconds
            )
    return None


def is_started(container: AnyContainer, status: ContainerStatus, memory: Memory) -> bool:
    """It runs, its postStart hook is through and its startup probe, if any, has succeeded."""
    if status.phase is not ContainerPhase.RUNNING or status.id in memory.post_start:
        return False
    return container.startupProbe is None or memory.probes.get((status.id, Kind.STARTUP), False)


def _start(pod: Pod, container: AnyContainer, observed: Observed, memory: Memory, now: float) -> StartContainer | Hold:
    """Start it, or hold it while its restart back-off runs."""
    last = observed.latest(container.name)
    retry_at = memory.retry_at.get(container.name, now)
    if retry_at > now and container.name in memory.waiting:
        return Hold(container.name, retry_at, memory.waiting[container.name])
    if last is None:
        return StartContainer(container.name, 0)
    attempt = restart_count(last.annotations, last.attempt) + 1
    if last.phase is not ContainerPhase.EXITED:
        return StartContainer(container.name, attempt)
    entry = memory.backoffs.get(container.name)
    if entry is not None and last.finished_at - entry.raised_at > BACKOFF_RESET_S:
        entry = None
    if entry is not None and now - last.finished_at < entry.delay_s:
        return Hold(container.name, last.finished_at + entry.delay_s, _crash_loop(pod, container, entry))
    delay = BACKOFF_FIRST_S if entry is None else min(2 * entry.delay_s, BACKOFF_CAP_S)
    return StartContainer(container.name, attempt, Backoff(delay, now))


def _crash_loop(pod: Pod, container: AnyContainer, entry: Backoff) -> Waiting:
    meta = pod.metadata
    message = (
        f"back-off {format_duration(entry.delay_s)} restarting failed container={container.name} "
        f"pod={meta.name}_{meta.namespace}({meta.uid})"
    )
    return Waiting("CrashLoopBackOff", message)
