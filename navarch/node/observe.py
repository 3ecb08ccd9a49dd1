"""Looking at the runtime: one pod in full, or all pods just enough to see which changed.

`look` is called by a pod's worker. `Relist` is the kubelet's own, for runtimes whose events may be
incomplete: it lists everything and names the pods that differ from the list before.

Source: the kubelet's `pleg/generic.go`.
"""

from __future__ import annotations

from navarch.node.observed import Observed, observed
from navarch.node.runtime.contract import (
    ContainerPhase,
    ContainerStatus,
    NotFoundInRuntime,
    Runtime,
    SandboxState,
    SandboxStatus,
)


async def look(runtime: Runtime, uid: str) -> Observed:
    """Everything the runtime knows of a pod. What vanishes while we look is left out."""
    sandboxes: list[SandboxStatus] = []
    for sandbox in await runtime.list_sandboxes(uid):
        full: SandboxStatus | None = sandbox
        if sandbox.state is SandboxState.READY and not sandbox.ips:
            full = await _sandbox(runtime, sandbox.id)
        if full is not None:
            sandboxes.append(full)
    containers: list[ContainerStatus] = []
    for container in await runtime.list_containers(uid):
        complete = container.phase is ContainerPhase.RUNNING and container.started_at and container.image_id
        found = container if complete else await _container(runtime, container.id)
        if found is not None:
            containers.append(found)
    return observed(sandboxes, containers)


async def _sandbox(runtime: Runtime, sandbox_id: str) -> SandboxStatus | None:
    try:
        return await runtime.sandbox_status(sandbox_id)
    except NotFoundInRuntime:
        return None


async def _container(runtime: Runtime, container_id: str) -> ContainerStatus | None:
    try:
        return await runtime.container_status(container_id)
    except NotFoundInRuntime:
        return None


class Relist:
    """Which pods changed between two looks at everything."""

    def __init__(self) -> None:
        self._before: dict[str, frozenset[tuple[str, str]]] = {}

    async def changed(self, runtime: Runtime) -> set[str]:
        """The uids of pods with something new, gone or in another state."""
        now: dict[str, set[tuple[str, str]]] = {}
        for sandbox in await runtime.list_sandboxes():
            now.setdefault(sandbox.pod_uid, set()).add((sandbox.id, sandbox.state.value))
        for container in await runtime.list_containers():
            now.setdefault(container.pod_uid, set()).add((container.id, container.phase.value))
        after = {uid: frozenset(states) for uid, states in now.items()}
        before, self._before = self._before, after
        return {uid for uid in {*before, *after} if before.get(uid) != after.get(uid)}
