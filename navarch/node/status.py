"""The PodStatus of a pod on this node: (pod, observed, memory, node, now) -> tree.

Called by the pod's worker after every look at the runtime; the result goes to the API server only if it
differs from what was written last. It holds exactly the fields that the kubelet owns.

Source: the kubelet's `generateAPIPodStatus`, `convertToAPIContainerStatuses`, `getPhase` and `status/generate.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from navarch.api.views.pod import Pod, ResourceRequirements
from navarch.base.times import format_time
from navarch.node.conditions import pod_conditions
from navarch.node.labels import AnyContainer, restart_count
from navarch.node.machine import finished_for_good, is_sidecar, is_started
from navarch.node.memory import Kind, Memory, Waiting
from navarch.node.observed import Observed
from navarch.node.qos import qos_class
from navarch.node.runtime.contract import ContainerPhase, ContainerStatus
from navarch.schema.types import Tree

CREATING = Waiting("ContainerCreating")
INITIALIZING = Waiting("PodInitializing")
FINAL = ("Succeeded", "Failed")

#: How a container that never ran ends with its pod.
_NEVER_FOUND = {
    "exitCode": 137,
    "reason": "ContainerStatusUnknown",
    "message": "The container could not be located when the pod was terminated",
    "startedAt": None,
    "finishedAt": None,
}


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What of the node a pod's status repeats. `runtime` is the id scheme, as in `containerd://…`."""

    ips: tuple[str, ...]
    runtime: str


def pod_status(pod: Pod, observed: Observed, memory: Memory, node: NodeFacts, now: float) -> Tree:
    """The whole status as the kubelet writes it, keys in the API's order."""
    if memory.ended is not None and memory.ended.rejected:
        return _rejected(pod, memory)
    default = INITIALIZING if pod.spec.initContainers else CREATING
    init = [_container(pod, c, observed, memory, node, default) for c in pod.spec.initContainers]
    regular = [_container(pod, c, observed, memory, node, default) for c in pod.spec.containers]
    ephemeral = [_container(pod, c, observed, memory, node, default) for c in pod.spec.ephemeralContainers]
    phase = _phase(pod, init, regular, memory)
    status: Tree = {}
    if pod.metadata.generation is not None:
        status["observedGeneration"] = pod.metadata.generation
    status["phase"] = phase
    status["conditions"] = pod_conditions(pod, observed, memory, phase, init, regular, now)
    if memory.ended is not None:
        status["message"] = memory.ended.message
        status["reason"] = memory.ended.reason
    if node.ips:
        status["hostIP"] = node.ips[0]
        status["hostIPs"] = [{"ip": ip} for ip in node.ips]
    ips = pod_ips(pod, observed, node)
    if ips:
        status["podIP"] = ips[0]
        status["podIPs"] = [{"ip": ip} for ip in ips]
    status["startTime"] = pod.status.startTime or format_time(memory.first_seen)
    if init:
        status["initContainerStatuses"] = init
    status["containerStatuses"] = regular
    status["qosClass"] = pod.status.qosClass or qos_class(pod)
    if ephemeral:
        status["ephemeralContainerStatuses"] = ephemeral
    return status


def pod_ips(pod: Pod, observed: Observed, node: NodeFacts) -> tuple[str, ...]:
    """The pod's addresses: its sandbox's, or the node's on the host network."""
    sandbox = observed.sandbox
    if sandbox is None:
        return ()
    if pod.spec.hostNetwork:
        return node.ips
    return sandbox.ips


def _rejected(pod: Pod, memory: Memory) -> Tree:
    assert memory.ended is not None
    status: Tree = {}
    if pod.metadata.generation is not None:
        status["observedGeneration"] = pod.metadata.generation
    status |= {
        "phase": "Failed",
        "message": memory.ended.message,
        "reason": memory.ended.reason,
        "startTime": format_time(memory.first_seen),
    }
    return status


# --- containers


def _container(
    pod: Pod, container: AnyContainer, observed: Observed, memory: Memory, node: NodeFacts, default: Waiting
) -> Tree:
    """One entry of containerStatuses."""
    last = observed.latest(container.name)
    waiting = memory.waiting.get(container.name)
    if last is None or last.phase is ContainerPhase.CREATED:
        return _never_ran(container, memory, waiting or default)
    if finished_for_good(pod, last) and not is_sidecar(container):
        waiting = None  # what kept it from starting is how it ended
    state, last_state = _states(observed, memory, node, last, waiting)
    running = "running" in state
    started = running and is_started(container, last, memory)
    out: Tree = {
        "name": container.name,
        "state": state,
        "lastState": last_state,
        "ready": _ready(pod, container, last, started, memory),
        "restartCount": restart_count(last.annotations, last.attempt),
        "image": last.image or container.image,
        "imageID": last.image_id,
        "containerID": f"{node.runtime}://{last.id}",
        "started": started,
    }
    if running:
        _add_resources(out, memory.applied.get(last.id, container.resources))
    _add_mounts(out, container)
    return out


def _never_ran(container: AnyContainer, memory: Memory, waiting: Waiting) -> Tree:
    state: Tree = {"waiting": _waiting(waiting)}
    if memory.final_phase:
        state = {"terminated": dict(_NEVER_FOUND)}
    out: Tree = {
        "name": container.name,
        "state": state,
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": container.image,
        "imageID": "",
        "started": False,
    }
    _add_mounts(out, container)
    return out


def _states(
    observed: Observed, memory: Memory, node: NodeFacts, last: ContainerStatus, waiting: Waiting | None
) -> tuple[Tree, Tree]:
    """(state, lastState): what is now, and how the instance before ended."""
    if last.phase is ContainerPhase.EXITED and waiting is not None:
        return {"waiting": _waiting(waiting)}, {"terminated": _terminated(last, memory, node)}
    before = observed.previous(last.name)
    ended_before = before is not None and before.phase is ContainerPhase.EXITED
    last_state = {"terminated": _terminated(before, memory, node)} if before is not None and ended_before else {}
    if last.phase is ContainerPhase.EXITED:
        return {"terminated": _terminated(last, memory, node)}, last_state
    if last.phase is ContainerPhase.UNKNOWN:
        return {"waiting": _waiting(Waiting("ContainerStatusUnknown"))}, last_state
    return {"running": {"startedAt": format_time(last.started_at)}}, last_state


def _waiting(waiting: Waiting) -> Tree:
    out: Tree = {"reason": waiting.reason}
    if waiting.message:
        out["message"] = waiting.message
    return out


def _terminated(status: ContainerStatus, memory: Memory, node: NodeFacts) -> Tree:
    out: Tree = {"exitCode": status.exit_code}
    reason = status.reason or ("Completed" if status.exit_code == 0 else "Error")
    out["reason"] = reason
    message = memory.last_words.get(status.id) or status.message
    if message:
        out["message"] = message
    out["startedAt"] = format_time(status.started_at) if status.started_at else None
    out["finishedAt"] = format_time(status.finished_at) if status.finished_at else None
    out["containerID"] = f"{node.runtime}://{status.id}"
    return out


def _ready(pod: Pod, container: AnyContainer, last: ContainerStatus, started: bool, memory: Memory) -> bool:
    """Regular containers and sidecars: readiness. Other init containers: completed."""
    if not is_sidecar(container) and container in pod.spec.initContainers:
        return last.phase is ContainerPhase.EXITED and last.exit_code == 0
    if not started:
        return False
    return container.readinessProbe is None or memory.probes.get((last.id, Kind.READINESS), False)


def _add_resources(out: Tree, resources: ResourceRequirements | None) -> None:
    if resources is None or not (resources.requests or resources.limits):
        return
    if resources.requests:
        out["allocatedResources"] = dict(resources.requests)
    shown: Tree = {}
    for name, amounts in (("limits", resources.limits), ("requests", resources.requests)):
        if amounts:
            shown[name] = dict(amounts)
    out["resources"] = shown


def _add_mounts(out: Tree, container: AnyContainer) -> None:
    mounts = []
    for mount in container.volumeMounts:
        shown: Tree = {"name": mount.name, "mountPath": mount.mountPath}
        if mount.readOnly:
            shown["readOnly"] = True
            shown["recursiveReadOnly"] = "Disabled"
        mounts.append(shown)
    if mounts:
        out["volumeMounts"] = mounts


# --- phase


def _phase(pod: Pod, init: Sequence[Tree], regular: Sequence[Tree], memory: Memory) -> str:
    """The pod's phase from its containers' states. A final phase is never left again."""
    if memory.final_phase or pod.status.phase in FINAL:
        return memory.final_phase or pod.status.phase
    if memory.ended is not None:
        return "Failed"
    states = [s["state"] for s in regular]
    began = any("running" in s or "terminated" in s or _ended_before(r) for s, r in zip(states, regular, strict=True))
    pending = _init_pending(pod, init)
    if pending == "Failed":
        return "Failed"
    if pending and not began:
        return "Pending"
    return _regular_phase(pod, states, regular, memory)


def _regular_phase(pod: Pod, states: Sequence[Tree], regular: Sequence[Tree], memory: Memory) -> str:
    running = sum("running" in s for s in states)
    waiting = sum("waiting" in s and not _ended_before(r) for s, r in zip(states, regular, strict=True))
    if waiting:
        return "Pending"
    if running:
        return "Running"
    if any("waiting" in s for s in states) and not memory.terminating:
        return "Running"
    codes = [_exit_code(r) for r in regular]
    policy = pod.spec.restartPolicy
    if memory.terminating or policy == "Never":
        return "Succeeded" if not any(codes) else "Failed"
    if policy == "OnFailure" and not any(codes):
        return "Succeeded"
    return "Running"


def _init_pending(pod: Pod, init: Sequence[Tree]) -> str:
    """Pending while an init container still has to finish (or a sidecar to start), Failed if it cannot."""
    for container, status in zip(pod.spec.initContainers, init, strict=True):
        state = status["state"]
        if is_sidecar(container):
            if not status["started"] and not ("terminated" in state or _ended_before(status)):
                return "Pending"
            continue
        if "terminated" in state:
            if state["terminated"]["exitCode"] != 0:
                return "Failed" if pod.spec.restartPolicy == "Never" else "Pending"
            continue
        return "Pending"
    return ""


def _ended_before(status: Mapping[str, Tree]) -> bool:
    return "terminated" in status["lastState"]


def _exit_code(status: Mapping[str, Tree]) -> int:
    ended = status["state"].get("terminated") or status["lastState"].get("terminated")
    return int(ended["exitCode"]) if ended else 0
