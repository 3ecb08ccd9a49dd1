"""In-place resizing of a pod: which running containers have other resources than their spec says, and whether
the node can give what is asked. Pure; the worker carries it out.

A resize that does not fit changes nothing: the pod runs on with what it had, and its condition PodResizePending
says why. Deferred ones are looked at again whenever the pod is.

Source: KEP-1287; the kubelet's `allocation_manager.go` (`canResizePod`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from navarch.api.views.pod import Container, Pod, ResourceRequirements
from navarch.node.machine import is_sidecar
from navarch.node.memory import Waiting
from navarch.node.observed import Observed
from navarch.node.resources import pod_requests, pod_resources, total_requests
from navarch.node.runtime.contract import ContainerPhase, ContainerStatus, LinuxResources

RESIZABLE: Final = ("cpu", "memory")
NOTHING: Final = ResourceRequirements()


@dataclass(frozen=True, slots=True)
class Resize:
    """One running container that is to get the resources of its spec, by a restart or as it is."""

    container: Container
    status: ContainerStatus
    restart: bool


def resizes(pod: Pod, observed: Observed, applied: Mapping[str, ResourceRequirements]) -> list[Resize]:
    """The containers whose `applied` resources, by container id, are not those of the spec."""
    out = []
    for container in (*pod.spec.containers, *(c for c in pod.spec.initContainers if is_sidecar(c))):
        status = observed.latest(container.name)
        if status is None or status.phase is not ContainerPhase.RUNNING or status.id not in applied:
            continue
        if changed := _changed(applied[status.id], container.resources or NOTHING):
            policies = {policy.resourceName: policy.restartPolicy for policy in container.resizePolicy}
            restart = any(policies.get(name) == "RestartContainer" for name in changed)
            out.append(Resize(container, status, restart))
    return out


def as_applied(pod: Pod, observed: Observed, applied: Mapping[str, ResourceRequirements]) -> Pod:
    """The pod with the resources that its containers really have."""

    def real(container: Container) -> Container:
        status = observed.latest(container.name)
        had = applied.get(status.id) if status is not None else None
        return container if had is None else msgspec.structs.replace(container, resources=had)

    spec = msgspec.structs.replace(
        pod.spec,
        containers=tuple(real(c) for c in pod.spec.containers),
        initContainers=tuple(real(c) for c in pod.spec.initContainers),
    )
    return msgspec.structs.replace(pod, spec=spec)


def obstacle(wanted: Pod, had: Pod, others: Iterable[Pod], allocatable: Mapping[str, int]) -> Waiting | None:
    """Why the node cannot give what `wanted` asks beyond `had`: Infeasible for ever, or Deferred for now.
    `others` are the node's other pods; `allocatable` counts cpu in millis."""
    asked, before = pod_requests(wanted), pod_requests(had)
    more = [name for name in RESIZABLE if asked.get(name, 0) > before.get(name, 0)]
    for name in sorted(more, reverse=True):
        if asked[name] > allocatable.get(name, 0):
            text = f"{name}, requested: {asked[name]}, capacity: {allocatable.get(name, 0)}"
            return Waiting("Infeasible", f"Node didn't have enough capacity: {text}")
    used = total_requests(others)
    for name in more:
        if used.get(name, 0) + asked[name] > allocatable.get(name, 0):
            text = f"{name}, requested: {asked[name]}, used: {used.get(name, 0)}, capacity: {allocatable.get(name, 0)}"
            return Waiting("Deferred", f"Node didn't have enough resource: {text}")
    return None


def widest(wanted: Pod, had: Pod) -> LinuxResources:
    """Limits for the pod's cgroup under which containers can go from the one to the other: a child's limit may
    never be above its parent's. 0 leaves a limit as it is."""
    new, old = pod_resources(wanted), pod_resources(had)
    return LinuxResources(
        cpu_period_us=new.cpu_period_us,
        cpu_quota_us=max(new.cpu_quota_us, old.cpu_quota_us) if new.cpu_quota_us and old.cpu_quota_us else 0,
        cpu_shares=max(new.cpu_shares, old.cpu_shares),
        memory_limit_bytes=max(new.memory_limit_bytes, old.memory_limit_bytes) if old.memory_limit_bytes else 0,
    )


def _changed(before: ResourceRequirements, after: ResourceRequirements) -> list[str]:
    return [
        name
        for name in RESIZABLE
        if before.requests.get(name) != after.requests.get(name) or before.limits.get(name) != after.limits.get(name)
    ]
