"""From a pod's spec to what the runtime is asked to make: SandboxConfig and ContainerConfig. Pure.

Source: the kubelet's `generatePodSandboxConfig`, `generateContainerConfig`, `securitycontext`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from navarch.api.views.pod import EphemeralContainer, Pod, SeccompProfile, SecurityContext
from navarch.node.config import NodeConfig
from navarch.node.environment import ConfigError, expand
from navarch.node.labels import AnyContainer, container_annotations, container_labels, pod_labels
from navarch.node.naming import dns_config, kernel_hostname
from navarch.node.resources import container_resources
from navarch.node.runtime.contract import (
    ContainerConfig,
    ImageRef,
    LinuxSecurity,
    Mount,
    NamespaceMode,
    PortMapping,
    SandboxConfig,
    Seccomp,
)

#: What of /proc and /sys containers may not see or change. Source: `securitycontext/util.go`.
MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def log_directory(config: NodeConfig, pod: Pod) -> str:
    """Where all logs of a pod lie."""
    meta = pod.metadata
    return f"{config.pod_log_dir}/{meta.namespace}_{meta.name}_{meta.uid}"


def sandbox_config(pod: Pod, config: NodeConfig, attempt: int, cgroup_parent: str) -> SandboxConfig:
    """RunPodSandbox's argument."""
    meta, spec = pod.metadata, pod.spec
    security = spec.securityContext
    ports = tuple(
        PortMapping(p.protocol or "TCP", p.containerPort, p.hostPort, p.hostIP)
        for c in (*spec.initContainers, *spec.containers)
        for p in c.ports
        if p.hostPort and not spec.hostNetwork
    )
    return SandboxConfig(
        name=meta.name,
        namespace=meta.namespace,
        uid=meta.uid,
        attempt=attempt,
        hostname=kernel_hostname(pod, config.cluster_domain),
        log_directory=log_directory(config, pod),
        dns=dns_config(pod, config),
        port_mappings=ports,
        labels=pod_labels(pod),
        annotations=dict(meta.annotations),
        cgroup_parent=cgroup_parent,
        sysctls={s.name: s.value for s in security.sysctls} if security else {},
        network=NamespaceMode.NODE if spec.hostNetwork else NamespaceMode.POD,
        pid=_pid_mode(pod),
        ipc=NamespaceMode.NODE if spec.hostIPC else NamespaceMode.POD,
        privileged=any(c.securityContext and c.securityContext.privileged for c in spec.containers),
        run_as_user=security.runAsUser if security else None,
        run_as_group=security.runAsGroup if security else None,
        supplemental_groups=_groups(pod),
        runtime_handler="",
    )


def container_config(
    pod: Pod,
    container: AnyContainer,
    *,
    image: ImageRef,
    env: Mapping[str, str],
    mounts: Sequence[Mount],
    restart_count: int,
    machine_memory_bytes: int,
    target_id: str = "",
) -> ContainerConfig:
    """CreateContainer's argument. Raises: ConfigError if the security context forbids this image."""
    security = container_security(pod, container, image, target_id)
    return ContainerConfig(
        name=container.name,
        attempt=restart_count,
        image=image.id,
        image_spec=container.image,
        command=tuple(expand(word, env.get) for word in container.command),
        args=tuple(expand(word, env.get) for word in container.args),
        working_dir=container.workingDir,
        env=tuple(env.items()),
        mounts=tuple(mounts),
        labels=container_labels(pod, container),
        annotations=container_annotations(pod, container, restart_count),
        log_path=f"{container.name}/{restart_count}.log",
        stdin=bool(container.stdin),
        stdin_once=bool(container.stdinOnce),
        tty=bool(container.tty),
        resources=container_resources(pod, container, machine_memory_bytes),
        security=security,
        stop_signal=container.lifecycle.stopSignal if container.lifecycle else "",
    )


def container_security(pod: Pod, container: AnyContainer, image: ImageRef, target_id: str = "") -> LinuxSecurity:
    """The container's security context over the pod's. Raises: ConfigError."""
    own = container.securityContext or SecurityContext()
    shared = pod.spec.securityContext
    user = own.runAsUser if own.runAsUser is not None else (shared.runAsUser if shared else None)
    group = own.runAsGroup if own.runAsGroup is not None else (shared.runAsGroup if shared else None)
    non_root = own.runAsNonRoot if own.runAsNonRoot is not None else (shared.runAsNonRoot if shared else None)
    if non_root:
        _check_non_root(pod, container, user, image)
    capabilities = own.capabilities
    privileged = bool(own.privileged)
    unmasked = privileged or own.procMount == "Unmasked"
    pid = _pid_mode(pod)
    if isinstance(container, EphemeralContainer) and target_id:
        pid = NamespaceMode.TARGET
    return LinuxSecurity(
        privileged=privileged,
        capabilities_add=capabilities.add if capabilities else (),
        capabilities_drop=capabilities.drop if capabilities else (),
        run_as_user=user if user is not None else image.uid,
        run_as_group=group,
        run_as_username="" if user is not None or image.uid is not None else image.username,
        supplemental_groups=_groups(pod),
        supplemental_groups_strict=bool(shared and shared.supplementalGroupsPolicy == "Strict"),
        readonly_rootfs=bool(own.readOnlyRootFilesystem),
        no_new_privs=own.allowPrivilegeEscalation is False,
        seccomp=_seccomp(own.seccompProfile or (shared.seccompProfile if shared else None), privileged),
        masked_paths=() if unmasked else MASKED_PATHS,
        readonly_paths=() if unmasked else READONLY_PATHS,
        network=NamespaceMode.NODE if pod.spec.hostNetwork else NamespaceMode.POD,
        pid=pid,
        ipc=NamespaceMode.NODE if pod.spec.hostIPC else NamespaceMode.POD,
        target_id=target_id,
    )


def _check_non_root(pod: Pod, container: AnyContainer, user: int | None, image: ImageRef) -> None:
    meta = pod.metadata
    where = f'(pod: "{meta.name}_{meta.namespace}({meta.uid})", container: {container.name})'
    if user == 0:
        raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
    if user is not None:
        return
    if image.uid == 0 or (image.uid is None and not image.username):
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
    if image.uid is None:
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({image.username}), "
            f"cannot verify user is non-root {where}"
        )


def _pid_mode(pod: Pod) -> NamespaceMode:
    if pod.spec.hostPID:
        return NamespaceMode.NODE
    return NamespaceMode.POD if pod.spec.shareProcessNamespace else NamespaceMode.CONTAINER


def _groups(pod: Pod) -> tuple[int, ...]:
    security = pod.spec.securityContext
    if security is None:
        return ()
    own = () if security.fsGroup is None else (security.fsGroup,)
    return (*own, *security.supplementalGroups)


def _seccomp(profile: SeccompProfile | None, privileged: bool) -> Seccomp:
    if profile is None or privileged:
        return Seccomp("Unconfined")
    return Seccomp(profile.type, profile.localhostProfile)
