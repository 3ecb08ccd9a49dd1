"""Which pod has to go, and what is said of it. Pure.

Pods that use more than they request come first, then those of lower priority, then those that exceed their
requests by most. Static pods and those of the system's critical priorities stay.

Source: the kubelet's `eviction/helpers.go` (ranking, texts), `types/pod_update.go` (critical pods).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from navarch.api.views.pod import Pod
from navarch.base import quantity
from navarch.node.eviction.thresholds import DISK, SIGNALS, Level, Threshold
from navarch.node.labels import is_static
from navarch.node.memory import Ended
from navarch.node.qos import BEST_EFFORT, qos_class

EVICTED = "Evicted"
#: Pods of this priority and above are critical. Source: `scheduling.SystemCriticalPriority`.
CRITICAL_PRIORITY = 2_000_000_000
MEMORY_TAINT = "node.kubernetes.io/memory-pressure"


@dataclass(frozen=True, slots=True)
class PodUse:
    """A pod and what its containers use, in bytes by container; `volumes_bytes` are its volumes and logs on the
    node's disk."""

    pod: Pod
    memory: Mapping[str, int] = field(default_factory=dict)
    disk: Mapping[str, int] = field(default_factory=dict)
    volumes_bytes: int = 0


def is_critical(pod: Pod) -> bool:
    return is_static(pod) or (pod.spec.priority or 0) >= CRITICAL_PRIORITY


def ranked(threshold: Threshold, pods: Iterable[PodUse]) -> list[PodUse]:
    """Those that may be evicted, the first victim first."""

    def rank(use: PodUse) -> tuple[bool, int, int, str]:
        priority = use.pod.spec.priority or 0
        over = _used(threshold, use) - _requested(threshold, use.pod)
        if threshold.signal == "pid.available":
            over = 0
        return (over <= 0, priority, -over, use.pod.metadata.uid)

    return sorted((use for use in pods if not is_critical(use.pod)), key=rank)


def _used(threshold: Threshold, use: PodUse) -> int:
    if threshold.signal == "memory.available":
        return sum(use.memory.values())
    if threshold.signal in DISK:
        return sum(use.disk.values()) + use.volumes_bytes
    return 0


def _resource(threshold: Threshold) -> str:
    return "memory" if threshold.signal == "memory.available" else "ephemeral-storage"


def _requested(threshold: Threshold, pod: Pod) -> int:
    resource = _resource(threshold)
    return sum(_request(pod, c.name, resource) for c in pod.spec.containers)


def _request(pod: Pod, container: str, resource: str) -> int:
    for each in (*pod.spec.containers, *pod.spec.initContainers):
        if each.name == container and each.resources is not None:
            return quantity.value(each.resources.requests.get(resource, "0"))
    return 0


def verdict(threshold: Threshold, level: Level, use: PodUse) -> Ended:
    """How the pod ends, in the kubelet's words."""
    name = SIGNALS[threshold.signal][1]
    text = f"The node was low on resource: {name}. "
    wanted = threshold.value.of(level.capacity)
    style: quantity.Format = "DecimalSI" if name in ("inodes", "pids") else "BinarySI"
    available = quantity.from_value(level.available, style)
    text += f"Threshold quantity: {quantity.from_value(wanted, style)}, available: {_rounded(str(available))}. "
    used = use.memory if threshold.signal == "memory.available" else use.disk if threshold.signal in DISK else {}
    resource = _resource(threshold)
    for container in sorted(used):
        request = _request(use.pod, container, resource)
        if used[container] > request:
            shown = _rounded(str(quantity.from_value(used[container], "BinarySI")))
            asked = quantity.from_value(request, "BinarySI" if request else "DecimalSI")
            text += (
                f"Container {container} was using {shown}, request is {asked}, has larger consumption of {resource}. "
            )
    return Ended(EVICTED, text)


def _rounded(text: str) -> str:
    """Byte counts in whole Ki, which is how the kubelet's statistics come."""
    return str(quantity.from_value(int(text) // 1024 * 1024, "BinarySI")) if text.isdigit() and len(text) > 4 else text


def refusal(pod: Pod, conditions: frozenset[str]) -> Ended | None:
    """Why a pod is not let in while the node is under pressure; None if it is."""
    if not conditions or is_critical(pod):
        return None
    if conditions == {"MemoryPressure"}:
        tolerated = any(
            t.key in ("", MEMORY_TAINT) and (t.operator == "Exists" or not t.value) and t.effect in ("", "NoSchedule")
            for t in pod.spec.tolerations
        )
        if tolerated or qos_class(pod) != BEST_EFFORT:
            return None
    listed = " ".join(sorted(conditions))
    return Ended(EVICTED, f"Pod was rejected: The node had condition: [{listed}]. ", True)


def over_limits(use: PodUse, empty_dirs: Mapping[str, int]) -> Ended | None:
    """How a pod ends that has more on the disk than it may; None if it has not. `empty_dirs` by volume."""
    for volume in use.pod.spec.volumes:
        limit = quantity.value(volume.emptyDir.sizeLimit or "0") if volume.emptyDir is not None else 0
        if limit and empty_dirs.get(volume.name, 0) > limit:
            assert volume.emptyDir is not None
            shown = quantity.canonical(volume.emptyDir.sizeLimit or "0")
            return Ended(EVICTED, f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{shown}". ')
    limits = {name: limit for c in use.pod.spec.containers if (limit := _disk_limit(use.pod, name := c.name))}
    for name, limit in limits.items():
        if use.disk.get(name, 0) > limit:
            shown = str(quantity.from_value(limit, "BinarySI"))
            return Ended(EVICTED, f'Container {name} exceeded its local ephemeral storage limit "{shown}". ')
    total = sum(limits.values())
    if len(limits) == len(use.pod.spec.containers) and sum(use.disk.values()) + use.volumes_bytes > total:
        shown = str(quantity.from_value(total, "BinarySI"))
        return Ended(EVICTED, f"Pod ephemeral local storage usage exceeds the total limit of containers {shown}. ")
    return None


def _disk_limit(pod: Pod, container: str) -> int:
    for each in pod.spec.containers:
        if each.name == container and each.resources is not None:
            return quantity.value(each.resources.limits.get("ephemeral-storage", "0"))
    return 0


def has_disk_limits(pod: Pod) -> bool:
    """Whether its disk use has to be looked at even while there is enough."""
    limited = any(_disk_limit(pod, c.name) for c in pod.spec.containers)
    return limited or any(v.emptyDir is not None and v.emptyDir.sizeLimit for v in pod.spec.volumes)
