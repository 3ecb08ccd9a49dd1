"""Stopping containers and whole pods: hooks, grace periods, order. Called by the pod's worker.

Source: the kubelet's `killContainer`, `killContainersWithSyncResult` and termination ordering of sidecars.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from navarch.api.views.pod import LifecycleHandler, Pod
from navarch.node.labels import AnyContainer, all_containers
from navarch.node.machine import is_sidecar
from navarch.node.observed import Observed
from navarch.node.parts import Parts
from navarch.node.probes import port_number
from navarch.node.runtime.contract import ContainerStatus, NotFoundInRuntime, RuntimeFault, SandboxState
from navarch.node.status import pod_ips

#: A container gets at least this long after its preStop hook. Source: `minimumGracePeriodInSeconds`.
LEAST_GRACE_S = 2.0
#: Of hooks that may run as long as they like.
HOOK_TIMEOUT_S = 24 * 3600.0

#: (container name, type, reason, message)
Note = Callable[[str, str, str, str], None]


async def kill_container(
    parts: Parts, pod: Pod, observed: Observed, status: ContainerStatus, grace_s: float, message: str, note: Note
) -> None:
    """Run the preStop hook and stop one container within its grace period."""
    container = next((c for c in all_containers(pod) if c.name == status.name), None)
    note(status.name, "Normal", "Killing", message or f"Stopping container {status.name}")
    began = asyncio.get_running_loop().time()
    hook = container.lifecycle.preStop if container is not None and container.lifecycle is not None else None
    if container is not None and hook is not None and grace_s > 0:
        try:
            async with asyncio.timeout(grace_s):
                await run_hook(parts, pod, observed, container, status.id, hook)
        except (HookFailed, RuntimeFault, OSError, TimeoutError):
            note(status.name, "Warning", "FailedPreStopHook", "PreStopHook failed")
    used = asyncio.get_running_loop().time() - began
    left = max(grace_s - used, min(LEAST_GRACE_S, grace_s) if hook is None else LEAST_GRACE_S)
    await parts.runtime.stop_container(status.id, left)


async def kill_pod(parts: Parts, pod: Pod, observed: Observed, grace_s: float, note: Note) -> None:
    """Stop everything: regular containers together, then sidecars in reverse order, then sandboxes."""
    sidecars = [c.name for c in pod.spec.initContainers if is_sidecar(c)]
    deadline = asyncio.get_running_loop().time() + grace_s
    running = observed.running()
    if running and grace_s > 0:
        await asyncio.sleep(parts.config.leaving_s)
    first = [s for s in running if s.name not in sidecars]
    if len(first) == 1:
        await kill_container(parts, pod, observed, first[0], grace_s, "", note)
    elif first:
        async with asyncio.TaskGroup() as group:
            for status in first:
                group.create_task(kill_container(parts, pod, observed, status, grace_s, "", note))
    for name in reversed(sidecars):
        for status in running:
            if status.name == name:
                left = max(deadline - asyncio.get_running_loop().time(), min(LEAST_GRACE_S, grace_s))
                await kill_container(parts, pod, observed, status, left, "", note)
    for sandbox in observed.sandboxes:
        if sandbox.state is SandboxState.READY:
            await parts.runtime.stop_pod_sandbox(sandbox.id)


class HookFailed(Exception):
    """A lifecycle hook did not succeed."""


async def run_hook(
    parts: Parts, pod: Pod, observed: Observed, container: AnyContainer, container_id: str, hook: LifecycleHandler
) -> None:
    """Carry out a postStart or preStop hook. Raises: HookFailed, RuntimeFault, OSError."""
    if hook.sleep is not None:
        await asyncio.sleep(hook.sleep.seconds)
    elif hook.exec is not None:
        try:
            result = await parts.runtime.exec_sync(container_id, hook.exec.command, HOOK_TIMEOUT_S)
        except NotFoundInRuntime as error:
            raise HookFailed(str(error)) from error
        if result.exit_code:
            command = " ".join(hook.exec.command)
            raise HookFailed(
                f"command '{command}' exited with {result.exit_code}: {result.stderr.decode(errors='replace')}"
            )
    elif hook.httpGet is not None:
        get = hook.httpGet
        ips = pod_ips(pod, observed, parts.node)
        host = get.host or (ips[0] if ips else "127.0.0.1")
        host = f"[{host}]" if ":" in host else host
        scheme = (get.scheme or "HTTP").lower()
        path = get.path if get.path.startswith("/") else "/" + get.path
        try:
            port = port_number(container, get.port)
        except ValueError as error:
            raise HookFailed(str(error)) from error
        headers = tuple((h.name, h.value) for h in get.httpHeaders)
        await parts.prober.http_hook(f"{scheme}://{host}:{port}{path}", headers)
