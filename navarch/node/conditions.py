"""The conditions in a pod's status that the kubelet owns.

Each is (type, status, reason, message); the time of the last transition is kept from the pod's own
status while the truth value stays. Conditions of other owners are left alone: they are not in the patch.

Source: the kubelet's `status/generate.go`.
"""

from __future__ import annotations

from collections.abc import Sequence

from navarch.api.views.pod import Pod
from navarch.base.times import format_time
from navarch.node.eviction.victims import EVICTED
from navarch.node.machine import is_sidecar, usable_sandbox
from navarch.node.memory import Memory
from navarch.node.observed import Observed
from navarch.schema.types import Tree

#: (truth, reason, message)
Verdict = tuple[bool, str, str]
YES: Verdict = (True, "", "")
#: There while a resize waits, and gone afterwards.
RESIZE_PENDING = "PodResizePending"
DISRUPTION_TARGET = "DisruptionTarget"


def pod_conditions(
    pod: Pod,
    observed: Observed,
    memory: Memory,
    phase: str,
    init: Sequence[Tree],
    regular: Sequence[Tree],
    now: float,
) -> list[Tree]:
    """The conditions in the order in which the kubelet writes them: five, and one more while a resize waits."""
    sidecars = [s for c, s in zip(pod.spec.initContainers, init, strict=True) if is_sidecar(c)]
    containers_ready = _containers_ready([*sidecars, *regular], phase)
    sandbox = usable_sandbox(pod, observed) is not None
    verdicts = {
        "PodReadyToStartContainers": (sandbox, "", ""),
        "Initialized": _initialized(pod, phase, init, regular),
        "Ready": _ready(pod, containers_ready),
        "ContainersReady": containers_ready,
        "PodScheduled": YES,
    }
    if memory.ended is not None and memory.ended.reason == EVICTED and not memory.ended.rejected:
        verdicts[DISRUPTION_TARGET] = (True, "TerminationByKubelet", memory.ended.message)
    if memory.resize_pending is not None:
        verdicts = {
            RESIZE_PENDING: (True, memory.resize_pending.reason, memory.resize_pending.message),
            **verdicts,
        }
    return [_condition(pod, memory, type_, verdict, now) for type_, verdict in verdicts.items()]


def _condition(pod: Pod, memory: Memory, type_: str, verdict: Verdict, now: float) -> Tree:
    truth, reason, message = verdict
    status = "True" if truth else "False"
    out: Tree = {"type": type_}
    if pod.metadata.generation is not None:
        out["observedGeneration"] = pod.metadata.generation
    out["status"] = status
    out["lastProbeTime"] = None
    out["lastTransitionTime"] = _since(pod, memory, type_, status) or format_time(now)
    if reason:
        out["reason"] = reason
    if message:
        out["message"] = message
    return out


def _since(pod: Pod, memory: Memory, type_: str, status: str) -> str:
    """Since when the condition has this status, by what was written last; empty if it is new."""
    if type_ in memory.transitions:
        before, since = memory.transitions[type_]
        return since if before == status else ""
    old = next((c for c in pod.status.conditions if c.type == type_), None)
    return old.lastTransitionTime or "" if old is not None and old.status == status else ""


def _containers_ready(statuses: Sequence[Tree], phase: str) -> Verdict:
    if phase == "Succeeded":
        return False, "PodCompleted", ""
    if phase == "Failed":
        return False, "PodFailed", ""
    unready = [s["name"] for s in statuses if not s["ready"]]
    if unready:
        return False, "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    return YES


def _ready(pod: Pod, containers_ready: Verdict) -> Verdict:
    """Containers ready, and every readiness gate True."""
    if not containers_ready[0]:
        return containers_ready
    conditions = {c.type: c.status for c in pod.status.conditions}
    problems = []
    for gate in pod.spec.readinessGates:
        status = conditions.get(gate.conditionType)
        if status is None:
            problems.append(f'corresponding condition of pod readiness gate "{gate.conditionType}" does not exist.')
        elif status != "True":
            problems.append(f'the status of pod readiness gate "{gate.conditionType}" is not "True", but {status}')
    return (False, "ReadinessGatesNotReady", ", ".join(problems)) if problems else YES


def _initialized(pod: Pod, phase: str, init: Sequence[Tree], regular: Sequence[Tree]) -> Verdict:
    if phase == "Succeeded":
        return True, "PodCompleted", ""
    if any("running" in s["state"] or "terminated" in s["lastState"] for s in regular):
        return YES
    waiting = []
    for container, status in zip(pod.spec.initContainers, init, strict=True):
        done = status["started"] if is_sidecar(container) else status["ready"]
        if not done:
            waiting.append(status["name"])
    if waiting:
        return False, "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(waiting)}]"
    return YES
