"""Probes: when to ask, and what the answers add up to. The pure part.

A prober (`Prober`) carries out single probes; `probing.py` runs the schedule. The result of a kind is
settled by thresholds: `failureThreshold` failures in a row make it false, `successThreshold` successes
make it true. Until then the initial value holds: alive, not ready, not started.

Source: the kubelet's `prober/worker.go`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from navarch.api.views.pod import Container, Pod, Probe
from navarch.node.labels import AnyContainer
from navarch.node.machine import is_sidecar
from navarch.node.memory import Kind

#: The API's defaults, for pods that did not pass through it (static ones).
PERIOD_S, TIMEOUT_S, FAILURES, SUCCESSES = 10, 1, 3, 1


@dataclass(frozen=True, slots=True)
class Target:
    """Where a probe goes: one container of one pod."""

    pod: Pod
    container: AnyContainer
    container_id: str
    pod_ip: str
    #: Seconds since the epoch at which the container started.
    started_at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What one probe said. `output` is what the Unhealthy event shows."""

    success: bool
    output: str = ""


class Prober(Protocol):
    """Carries out one probe or one lifecycle hook; never raises for an unhealthy answer."""

    async def probe(self, target: Target, kind: Kind, probe: Probe) -> Answer: ...

    async def http_hook(self, url: str, headers: tuple[tuple[str, str], ...]) -> None:
        """A lifecycle hook's request. Raises: OSError if there is no answer."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Answers of one sort in a row. `settled` is None until a threshold was reached."""

    last: bool | None = None
    run: int = 0
    settled: bool | None = None


def tally(before: Tally, success: bool, probe: Probe) -> Tally:
    """The tally after one more answer."""
    run = before.run + 1 if before.last is success else 1
    needed = (probe.successThreshold or SUCCESSES) if success else (probe.failureThreshold or FAILURES)
    settled = success if run >= needed else before.settled
    return Tally(success, run, settled)


def declared(container: AnyContainer) -> list[tuple[Kind, Probe]]:
    """The probes of a container, in the order in which they matter."""
    pairs = (
        (Kind.STARTUP, container.startupProbe),
        (Kind.LIVENESS, container.livenessProbe),
        (Kind.READINESS, container.readinessProbe),
    )
    return [(kind, probe) for kind, probe in pairs if probe is not None]


def probed_containers(pod: Pod) -> list[Container]:
    """Containers that may be probed: regular ones and sidecars."""
    return [c for c in pod.spec.initContainers if is_sidecar(c)] + list(pod.spec.containers)


def port_number(container: AnyContainer, port: int | str | None) -> int:
    """A probe's port, by number or by the name of a container port. Raises: ValueError."""
    if isinstance(port, int):
        return port
    found = next((p.containerPort for p in container.ports if p.name == port), None)
    if found is not None:
        return found
    if port is not None and port.isdigit():
        return int(port)
    raise ValueError(f"couldn't find port: {port}")
