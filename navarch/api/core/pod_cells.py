"""The table row of a pod: READY, STATUS and RESTARTS summarise all its containers.

The status shown is the most telling one: the reason of the first init container that is not done,
else that of the first container which waits or has ended, else the phase.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from navarch.api.cells import NONE, age, at, name, since
from navarch.api.defaulting import each
from navarch.schema.types import Tree


@dataclass(slots=True)
class _Count:
    """Restarts, and the time of the latest: RFC 3339 times in UTC compare as texts."""

    restarts: int = 0
    latest: str = ""

    def add(self, status: Tree) -> None:
        self.restarts += status.get("restartCount") or 0
        self.latest = max(self.latest, at(status, "lastState", "terminated", "finishedAt") or "")


@dataclass(slots=True)
class _Summary:
    reason: str
    ready: int
    count: _Count


def cells(pod: Tree, now: float) -> list[Any]:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    summary = _summary(pod)
    total = len(spec.get("containers") or ()) + sum(_restartable(c) for c in each(spec, "initContainers"))
    restarts = str(summary.count.restarts)
    if summary.count.restarts and summary.count.latest:
        restarts += f" ({since(summary.count.latest, now)} ago)"
    addresses = [entry.get("ip", "") for entry in each(status, "podIPs")] or [status.get("podIP") or ""]
    return [
        name(pod),
        f"{summary.ready}/{total}",
        summary.reason,
        restarts,
        age(pod, now),
        addresses[0] or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _readiness_gates(spec, status),
    ]


def _summary(pod: Tree) -> _Summary:
    status = pod.get("status") or {}
    phase = status.get("phase", "")
    reason = status.get("reason") or phase
    if any(c.get("type") == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in _conditions(status)):
        reason = "SchedulingGated"
    summary, sidecars, initializing = _init_containers(pod, reason)
    if not initializing or _is_true(status, "Initialized"):
        summary.count = sidecars
        _containers(status, summary)
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            summary.reason = "Unknown"
        elif phase not in ("Succeeded", "Failed"):
            summary.reason = "Terminating"
    return summary


def _init_containers(pod: Tree, reason: str) -> tuple[_Summary, _Count, bool]:
    """The summary so far, the restarts of sidecars alone, and whether the pod still initializes."""
    spec = pod.get("spec") or {}
    declared = {c.get("name"): c for c in each(spec, "initContainers")}
    summary, sidecars = _Summary(reason, 0, _Count()), _Count()
    for index, status in enumerate(each(pod.get("status") or {}, "initContainerStatuses")):
        sidecar = _restartable(declared.get(status.get("name")) or {})
        summary.count.add(status)
        if sidecar:
            sidecars.add(status)
        terminated = at(status, "state", "terminated")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if sidecar and status.get("started"):
            summary.ready += bool(status.get("ready"))
            continue
        waiting = at(status, "state", "waiting", "reason")
        if terminated is not None:
            summary.reason = "Init:" + _ended(terminated)
        elif waiting and waiting != "PodInitializing":
            summary.reason = f"Init:{waiting}"
        else:
            summary.reason = f"Init:{index}/{len(declared)}"
        return summary, sidecars, True
    return summary, sidecars, False


def _containers(pod_status: Tree, summary: _Summary) -> None:
    running = False
    for status in reversed(list(each(pod_status, "containerStatuses"))):
        summary.count.add(status)
        state = status.get("state") or {}
        if at(state, "waiting", "reason"):
            summary.reason = state["waiting"]["reason"]
        elif state.get("terminated") is not None:
            summary.reason = _ended(state["terminated"])
        elif status.get("ready") and state.get("running") is not None:
            running = True
            summary.ready += 1
    if summary.reason == "Completed" and running:
        summary.reason = "Running" if _is_true(pod_status, "Ready") else "NotReady"


def _ended(terminated: Tree) -> str:
    if reason := terminated.get("reason"):
        return str(reason)
    if signal := terminated.get("signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _restartable(container: Tree) -> bool:
    return container.get("restartPolicy") == "Always"


def _conditions(status: Tree) -> list[Tree]:
    return list(each(status, "conditions"))


def _is_true(status: Tree, condition: str) -> bool:
    return any(c.get("type") == condition and c.get("status") == "True" for c in _conditions(status))


def _readiness_gates(spec: Tree, status: Tree) -> str:
    gates = [gate.get("conditionType", "") for gate in each(spec, "readinessGates")]
    return f"{sum(_is_true(status, gate) for gate in gates)}/{len(gates)}" if gates else NONE
