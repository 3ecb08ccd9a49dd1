"""Starting a pod's sandbox and containers, step by step. Called by the pod's worker for each action.

What goes wrong with one container is raised as `NotStarted`: what its status shows, and when to try again.

Source: the kubelet's `SyncPod` and `startContainer` (order of steps, event texts).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from navarch.api.views.pod import EphemeralContainer, Pod, ResourceRequirements
from navarch.node import cgroups
from navarch.node.build import container_config, sandbox_config
from navarch.node.downward import Surroundings
from navarch.node.environment import ConfigError, Sources, environment
from navarch.node.images import ImageWaiting
from navarch.node.killing import HookFailed, run_hook
from navarch.node.labels import AnyContainer
from navarch.node.memory import Memory, Waiting
from navarch.node.naming import hosts_file
from navarch.node.observed import Observed
from navarch.node.parts import Parts
from navarch.node.runtime.contract import (
    ContainerConfig,
    ContainerPhase,
    CreateError,
    ImageRef,
    Mount,
    RuntimeFault,
    StartError,
)
from navarch.node.status import pod_ips
from navarch.node.volumes.mounts import HOSTS_PATH, container_mounts
from navarch.node.volumes.payload import Contents
from navarch.node.volumes.setup import pod_dir, set_up

#: Until a failed start is tried again.
RETRY_S = 10.0

#: (container name, type, reason, message)
Note = Callable[[str, str, str, str], None]


@dataclass(slots=True)
class NotStarted(Exception):
    """A container could not be started: what its status shows, and when to try again."""

    waiting: Waiting
    retry_s: float = RETRY_S


async def prepare(parts: Parts, pod: Pod, ips: tuple[str, ...]) -> tuple[Contents, dict[str, str]]:
    """Read what the pod is made of and make its volumes. Raises: MountError, StatusError, Unreachable."""
    contents = await parts.objects.contents(pod)
    claims = await parts.objects.claims(pod)
    around = Surroundings(ips, parts.node.ips, parts.allocatable)
    return contents, set_up(parts.host, parts.config.root_dir, pod, contents, around, claims)


async def run_sandbox(parts: Parts, pod: Pod, attempt: int) -> None:
    """Make the pod's cgroup and sandbox. Raises: SandboxError."""
    cgroups.create(parts.host, parts.config.cgroup_root, pod)
    config = sandbox_config(pod, parts.config, attempt, cgroups.pod_path(parts.config.cgroup_root, pod))
    parts.host.make_dir(config.log_directory)
    async with parts.starting:
        await parts.runtime.run_pod_sandbox(config)


async def start_container(
    parts: Parts, pod: Pod, memory: Memory, observed: Observed, container: AnyContainer, attempt: int, note: Note
) -> None:
    """Pull, create and start one container, and run its postStart hook. Raises: NotStarted."""
    sandbox = observed.sandbox
    assert sandbox is not None
    config = sandbox_config(pod, parts.config, sandbox.attempt, cgroups.pod_path(parts.config.cgroup_root, pod))
    secrets = await parts.objects.pull_secrets(pod)
    try:
        image = await parts.images.ensure(
            pod.metadata.uid, container, secrets, config, lambda t, r, m: note(container.name, t, r, m)
        )
    except ImageWaiting as error:
        raise NotStarted(error.waiting, error.retry_s) from error
    try:
        contents, paths = await prepare(parts, pod, pod_ips(pod, observed, parts.node))
        wanted = _config(parts, pod, observed, container, attempt, contents, paths, image)
    except ConfigError as error:
        note(container.name, "Warning", "Failed", f"Error: {error}")
        raise NotStarted(Waiting("CreateContainerConfigError", str(error))) from error
    async with parts.starting:
        try:
            container_id = await parts.runtime.create_container(sandbox.id, wanted, config)
        except CreateError as error:
            note(container.name, "Warning", "Failed", f"Error: {error}")
            raise NotStarted(Waiting("CreateContainerError", str(error))) from error
        note(container.name, "Normal", "Created", "Container created")
        memory.applied[container_id] = container.resources or ResourceRequirements()
        if container.lifecycle is not None and container.lifecycle.postStart is not None:
            memory.post_start.add(container_id)
        try:
            await parts.runtime.start_container(container_id)
        except StartError as error:
            memory.post_start.discard(container_id)
            note(container.name, "Warning", "Failed", f"Error: {error}")
            raise NotStarted(Waiting("RunContainerError", str(error))) from error
    note(container.name, "Normal", "Started", "Container started")
    await _post_start(parts, pod, memory, observed, container, container_id, note)


async def _post_start(
    parts: Parts,
    pod: Pod,
    memory: Memory,
    observed: Observed,
    container: AnyContainer,
    container_id: str,
    note: Note,
) -> None:
    hook = container.lifecycle.postStart if container.lifecycle is not None else None
    if hook is None:
        return
    try:
        await run_hook(parts, pod, observed, container, container_id, hook)
    except (HookFailed, RuntimeFault, OSError) as error:
        note(container.name, "Warning", "FailedPostStartHook", "PostStartHook failed")
        note(container.name, "Normal", "Killing", f"FailedPostStartHook: {error}")
        grace = float(pod.spec.terminationGracePeriodSeconds or 0)
        await parts.runtime.stop_container(container_id, grace)
        raise NotStarted(Waiting("PostStartHookError", str(error))) from error
    finally:
        memory.post_start.discard(container_id)


def _config(
    parts: Parts,
    pod: Pod,
    observed: Observed,
    container: AnyContainer,
    attempt: int,
    contents: Contents,
    paths: dict[str, str],
    image: ImageRef,
) -> ContainerConfig:
    ips = pod_ips(pod, observed, parts.node)
    around = Surroundings(ips, parts.node.ips, parts.allocatable)
    sources = Sources(contents.config_maps, contents.secrets)
    env = environment(pod, container, sources, parts.services(), around)
    mounts = container_mounts(parts.host, pod, container, paths, env)
    mounts += _own_mounts(parts, pod, container, attempt, ips, {m.container_path for m in mounts})
    return container_config(
        pod,
        container,
        image=image,
        env=env,
        mounts=mounts,
        restart_count=attempt,
        machine_memory_bytes=parts.machine_memory_bytes,
        target_id=_target(container, observed),
    )


def _target(container: AnyContainer, observed: Observed) -> str:
    """The container whose process namespace an ephemeral container joins."""
    if not isinstance(container, EphemeralContainer) or not container.targetContainerName:
        return ""
    status = observed.latest(container.targetContainerName)
    return status.id if status is not None and status.phase is ContainerPhase.RUNNING else ""


def _own_mounts(
    parts: Parts, pod: Pod, container: AnyContainer, attempt: int, ips: tuple[str, ...], taken: set[str]
) -> list[Mount]:
    """/etc/hosts and the file for last words, which the kubelet keeps for the container."""
    directory = pod_dir(parts.config.root_dir, pod.metadata.uid)
    out = []
    if HOSTS_PATH not in taken and ips:
        path = f"{directory}/etc-hosts"
        own = parts.host.pod_hosts() if pod.spec.hostNetwork else ""
        parts.host.write_file(path, hosts_file(pod, ips, parts.config.cluster_domain, own).encode())
        out.append(Mount(HOSTS_PATH, path))
    if container.terminationMessagePath and container.terminationMessagePath not in taken:
        path = last_words_path(directory, container.name, attempt)
        parts.host.write_file(path, b"", 0o666)
        out.append(Mount(container.terminationMessagePath, path))
    return out


def last_words_path(directory: str, container: str, attempt: int) -> str:
    """Where one instance of a container leaves its termination message."""
    return f"{directory}/containers/{container}/{attempt}"
