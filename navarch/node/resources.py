"""Requests and limits as the Linux kernel takes them: pure.

Source: the kubelet's `cm/helpers_linux.go` (shares, quota) and `generateLinuxContainerResources`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from navarch.api.views.pod import Pod
from navarch.base import quantity
from navarch.node.labels import AnyContainer
from navarch.node.machine import is_sidecar
from navarch.node.qos import oom_score_adj
from navarch.node.runtime.contract import LinuxResources

CPU_PERIOD_US = 100_000
MIN_QUOTA_US = 1_000
SHARES_PER_CPU = 1024
MIN_SHARES, MAX_SHARES = 2, 262_144


def cpu_shares(millis: int) -> int:
    """cpu.shares of a request: 1024 a CPU, never below the kernel's least."""
    return min(max(millis * SHARES_PER_CPU // 1000, MIN_SHARES), MAX_SHARES)


def cpu_quota_us(millis: int) -> int:
    """The quota in each period of 100 ms of a limit; 0 means unlimited."""
    return max(millis * CPU_PERIOD_US // 1000, MIN_QUOTA_US) if millis else 0


def cpu_weight(shares: int) -> int:
    """cgroup v2's cpu.weight (1..10000) of v1's shares (2..262144)."""
    return 1 + ((shares - MIN_SHARES) * 9999) // (MAX_SHARES - MIN_SHARES)


def container_resources(pod: Pod, container: AnyContainer, machine_memory_bytes: int) -> LinuxResources:
    """What a container's cgroup gets."""
    requests = container.resources.requests if container.resources else {}
    limits = container.resources.limits if container.resources else {}
    cpu_limit = quantity.milli_value(limits.get("cpu", "0"))
    cpu_request = quantity.milli_value(requests["cpu"]) if "cpu" in requests else cpu_limit
    return LinuxResources(
        cpu_period_us=CPU_PERIOD_US if cpu_limit else 0,
        cpu_quota_us=cpu_quota_us(cpu_limit),
        cpu_shares=cpu_shares(cpu_request),
        memory_limit_bytes=quantity.value(limits.get("memory", "0")),
        oom_score_adj=oom_score_adj(pod, container, machine_memory_bytes),
    )


def pod_resources(pod: Pod) -> LinuxResources:
    """What the cgroup around all of the pod's containers gets: sums, limits only if all have one."""
    requests = pod_requests(pod)
    cpu_limit = _pod_limit(pod, "cpu", quantity.milli_value)
    memory_limit = _pod_limit(pod, "memory", quantity.value)
    cpu_request = requests.get("cpu", 0) or cpu_limit
    return LinuxResources(
        cpu_period_us=CPU_PERIOD_US if cpu_limit else 0,
        cpu_quota_us=cpu_quota_us(cpu_limit),
        cpu_shares=cpu_shares(cpu_request),
        memory_limit_bytes=memory_limit,
    )


def pod_requests(pod: Pod) -> dict[str, int]:
    """What the pod asks of the node, as the scheduler counts it: cpu in millis, the rest in units.
    Containers and sidecars run together; an init container runs with the sidecars before it."""
    total: dict[str, int] = {}
    for container in pod.spec.containers:
        _add(total, _requests(container))
    sidecars: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in pod.spec.initContainers:
        asked = _requests(container)
        if is_sidecar(container):
            _add(sidecars, asked)
            asked = sidecars
        else:
            asked = {name: asked.get(name, 0) + sidecars.get(name, 0) for name in {*asked, *sidecars}}
        for name, amount in asked.items():
            peak[name] = max(peak.get(name, 0), amount)
    _add(total, sidecars)
    for name, amount in peak.items():
        total[name] = max(total.get(name, 0), amount)
    _add(total, amounts(pod.spec.overhead))
    return total


def amounts(quantities: Mapping[str, str]) -> dict[str, int]:
    """Quantities as integers: cpu in millis, the rest in units."""
    return {
        name: quantity.milli_value(text) if name == "cpu" else quantity.value(text) for name, text in quantities.items()
    }


def _requests(container: AnyContainer) -> dict[str, int]:
    return amounts(container.resources.requests) if container.resources else {}


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _pod_limit(pod: Pod, name: str, measure: Callable[[str], int]) -> int:

    running = [*pod.spec.containers, *(c for c in pod.spec.initContainers if is_sidecar(c))]
    one_shot = [c for c in pod.spec.initContainers if not is_sidecar(c)]
    limits = [_limit(c, name) for c in running]
    if not all(limits) or not all(_limit(c, name) for c in one_shot):
        return 0
    total = sum(int(measure(text)) for text in limits)
    return max([total, *(int(measure(_limit(c, name))) for c in one_shot)])


def _limit(container: AnyContainer, name: str) -> str:
    return container.resources.limits.get(name, "") if container.resources else ""


def total_requests(pods: Iterable[Pod]) -> dict[str, int]:
    """What several pods ask for together."""
    total: dict[str, int] = {}
    for pod in pods:
        _add(total, pod_requests(pod))
    return total
