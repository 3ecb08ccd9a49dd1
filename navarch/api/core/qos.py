"""The quality-of-service class of a pod, from its resources alone.

Source: the "Pod QoS classes" documentation; KEP-2837 for resources of the whole pod.
"""

from __future__ import annotations

from typing import Any, Final

from navarch.api.defaulting import each
from navarch.base import quantity
from navarch.schema.types import Tree

_COUNTED: Final = ("cpu", "memory")


def qos_class(pod: Tree) -> str:
    """`Guaranteed`, `Burstable` or `BestEffort`."""
    spec = pod.get("spec") or {}
    if spec.get("resources"):
        parts = [spec["resources"]]
    else:
        parts = [container.get("resources") or {} for container in each(spec, "containers", "initContainers")]
    requests = [_counted(part.get("requests")) for part in parts]
    limits = [_counted(part.get("limits")) for part in parts]
    if not any(requests) and not any(limits):
        return "BestEffort"
    if all(len(limit) == len(_COUNTED) for limit in limits) and _sum(requests) == _sum(limits):
        return "Guaranteed"
    return "Burstable"


def _counted(amounts: dict[str, Any] | None) -> dict[str, int]:
    parsed = {name: quantity.parse(str((amounts or {}).get(name, 0))).nano for name in _COUNTED}
    return {name: nano for name, nano in parsed.items() if nano > 0}


def _sum(parts: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(part.get(name, 0) for part in parts) for name in _COUNTED}
