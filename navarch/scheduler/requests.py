"""What a pod asks of a node: CPU in millis, everything else as whole units. Pure.

Callers: `shape.py`. Sidecars run beside the containers, other init containers one after the other before
them, so a pod needs the larger of the two sums.

Worked example:
    containers 100m + 200m, one init container 500m, one sidecar 50m before it
    requests   max(100 + 200 + 50, 500 + 50) = 550 millis

Source: component-helpers `resource.PodRequests`; KEP-753 (sidecars), KEP-2837 (pod-level resources).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from navarch.api.views.pod import Container, PodSpec
from navarch.base import quantity

CPU: Final = "cpu"
MEMORY: Final = "memory"

#: What a container without a request counts as when nodes are compared. Source: scheduler `util.GetNonzeroRequests`.
DEFAULT_CPU_MILLIS: Final = 100
DEFAULT_MEMORY_BYTES: Final = 200 << 20

_NOTHING: Final[Mapping[str, int]] = {}
_DEFAULTS: Final[Mapping[str, int]] = {CPU: DEFAULT_CPU_MILLIS, MEMORY: DEFAULT_MEMORY_BYTES}


def amount(resource: str, text: str) -> int:
    """A quantity in the unit in which the scheduler counts `resource`."""
    return quantity.milli_value(text) if resource == CPU else quantity.value(text)


def pod_requests(spec: PodSpec) -> dict[str, int]:
    """All that the pod asks for, overhead included."""
    return _requests(spec, _NOTHING)


def scored_requests(spec: PodSpec) -> tuple[int, int]:
    """CPU millis and memory bytes as they count when nodes are compared: nothing counts as nothing."""
    total = _requests(spec, _DEFAULTS)
    return total.get(CPU, 0), total.get(MEMORY, 0)


def _requests(spec: PodSpec, defaults: Mapping[str, int]) -> dict[str, int]:
    total: dict[str, int] = {}
    for container in spec.containers:
        _add(total, _of(container, defaults))
    sidecars: dict[str, int] = {}
    before: dict[str, int] = {}
    for container in spec.initContainers:
        asked = _of(container, defaults)
        if container.restartPolicy == "Always":
            _add(total, asked)
            _add(sidecars, asked)
            asked = dict(sidecars)
        else:
            _add(asked, sidecars)
        _raise(before, asked)
    _raise(total, before)
    if spec.resources is not None:
        for name, text in spec.resources.requests.items():
            total[name] = amount(name, text)
    _add(total, {name: amount(name, text) for name, text in spec.overhead.items()})
    return total


def _of(container: Container, defaults: Mapping[str, int]) -> dict[str, int]:
    asked = dict(defaults)
    if container.resources is not None:
        for name, text in container.resources.requests.items():
            asked[name] = amount(name, text)
    return asked


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _raise(total: dict[str, int], floor: Mapping[str, int]) -> None:
    for name, value in floor.items():
        if value > total.get(name, 0):
            total[name] = value
