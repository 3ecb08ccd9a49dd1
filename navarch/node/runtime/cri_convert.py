"""Between the runtime contract's dataclasses and CRI's messages. Pure."""

from __future__ import annotations

from navarch.node.runtime.contract import (
    CONTAINER_NAME,
    POD_UID,
    ContainerConfig,
    ContainerPhase,
    ContainerStatus,
    ImageRef,
    LinuxResources,
    LinuxSecurity,
    Mount,
    NamespaceMode,
    RegistryAuth,
    SandboxConfig,
    SandboxState,
    SandboxStatus,
    Seccomp,
    UserMapping,
)
from navarch.node.runtime.cri_pb import cri_pb2 as pb

NANOS = 1e9

_PROPAGATION = {
    "None": pb.PROPAGATION_PRIVATE,
    "HostToContainer": pb.PROPAGATION_HOST_TO_CONTAINER,
    "Bidirectional": pb.PROPAGATION_BIDIRECTIONAL,
}
_PHASES = {
    pb.CONTAINER_CREATED: ContainerPhase.CREATED,
    pb.CONTAINER_RUNNING: ContainerPhase.RUNNING,
    pb.CONTAINER_EXITED: ContainerPhase.EXITED,
    pb.CONTAINER_UNKNOWN: ContainerPhase.UNKNOWN,
}
_APPARMOR_LOCALHOST = "localhost/"

# --- what the kubelet asks for


def sandbox_message(config: SandboxConfig) -> pb.PodSandboxConfig:
    on_host_network = config.network is NamespaceMode.NODE
    return pb.PodSandboxConfig(
        metadata=pb.PodSandboxMetadata(
            name=config.name, uid=config.uid, namespace=config.namespace, attempt=config.attempt
        ),
        # runc refuses to set a host name in the node's own UTS namespace.
        hostname="" if on_host_network else config.hostname,
        log_directory=config.log_directory,
        dns_config=pb.DNSConfig(servers=config.dns.servers, searches=config.dns.searches, options=config.dns.options),
        port_mappings=[
            pb.PortMapping(
                protocol=pb.Protocol.Value(port.protocol),
                container_port=port.container_port,
                host_port=port.host_port,
                host_ip=port.host_ip,
            )
            for port in config.port_mappings
        ],
        labels=dict(config.labels),
        annotations=dict(config.annotations),
        linux=pb.LinuxPodSandboxConfig(
            cgroup_parent=config.cgroup_parent,
            sysctls=dict(config.sysctls),
            resources=resources_message(config.resources),
            security_context=pb.LinuxSandboxSecurityContext(
                namespace_options=_namespaces(config.network, config.pid, config.ipc, "", config.user_mappings),
                run_as_user=_int64(config.run_as_user),
                run_as_group=_int64(config.run_as_group),
                supplemental_groups=config.supplemental_groups,
                privileged=config.privileged,
                seccomp=_seccomp(config.seccomp),
            ),
        ),
    )


def container_message(config: ContainerConfig) -> pb.ContainerConfig:
    return pb.ContainerConfig(
        metadata=pb.ContainerMetadata(name=config.name, attempt=config.attempt),
        image=pb.ImageSpec(image=config.image, user_specified_image=config.image_spec),
        command=config.command,
        args=config.args,
        working_dir=config.working_dir,
        envs=[pb.KeyValue(key=name, value=value) for name, value in config.env],
        mounts=[_mount(mount) for mount in config.mounts],
        devices=[
            pb.Device(container_path=d.container_path, host_path=d.host_path, permissions=d.permissions)
            for d in config.devices
        ],
        labels=dict(config.labels),
        annotations=dict(config.annotations),
        log_path=config.log_path,
        stdin=config.stdin,
        stdin_once=config.stdin_once,
        tty=config.tty,
        linux=pb.LinuxContainerConfig(
            resources=resources_message(config.resources), security_context=_security(config.security)
        ),
        stop_signal=signal_number(config.stop_signal),
    )


def resources_message(resources: LinuxResources) -> pb.LinuxContainerResources:
    return pb.LinuxContainerResources(
        cpu_period=resources.cpu_period_us,
        cpu_quota=resources.cpu_quota_us,
        cpu_shares=resources.cpu_shares,
        memory_limit_in_bytes=resources.memory_limit_bytes,
        oom_score_adj=resources.oom_score_adj,
        cpuset_cpus=resources.cpuset_cpus,
        cpuset_mems=resources.cpuset_mems,
        hugepage_limits=[pb.HugepageLimit(page_size=size, limit=limit) for size, limit in resources.hugepage_limits],
        unified=dict(resources.unified),
    )


def auth_message(auth: RegistryAuth | None) -> pb.AuthConfig | None:
    if auth is None:
        return None
    return pb.AuthConfig(
        username=auth.username,
        password=auth.password,
        server_address=auth.server_address,
        identity_token=auth.identity_token,
    )


def signal_number(name: str) -> pb.Signal:
    """CRI's number of a signal as a container's lifecycle names it: SIGTERM, SIGRTMIN+3; "" is the image's own."""
    return pb.Signal.Value(name.replace("+", "PLUS").replace("-", "MINUS")) if name else pb.RUNTIME_DEFAULT


def _security(security: LinuxSecurity) -> pb.LinuxContainerSecurityContext:
    capabilities = pb.Capability(
        add_capabilities=security.capabilities_add, drop_capabilities=security.capabilities_drop
    )
    return pb.LinuxContainerSecurityContext(
        capabilities=capabilities,
        privileged=security.privileged,
        namespace_options=_namespaces(
            security.network, security.pid, security.ipc, security.target_id, security.user_mappings
        ),
        run_as_user=_int64(security.run_as_user),
        run_as_group=_int64(security.run_as_group),
        run_as_username=security.run_as_username,
        readonly_rootfs=security.readonly_rootfs,
        supplemental_groups=security.supplemental_groups,
        supplemental_groups_policy=pb.Strict if security.supplemental_groups_strict else pb.Merge,
        no_new_privs=security.no_new_privs,
        masked_paths=security.masked_paths,
        readonly_paths=security.readonly_paths,
        seccomp=_seccomp(security.seccomp),
        apparmor=_apparmor(security.apparmor_profile),
    )


def _namespaces(
    network: NamespaceMode, pid: NamespaceMode, ipc: NamespaceMode, target: str, users: tuple[UserMapping, ...]
) -> pb.NamespaceOption:
    mappings = [pb.IDMapping(host_id=u.host_id, container_id=u.container_id, length=u.length) for u in users]
    return pb.NamespaceOption(
        network=pb.NamespaceMode.Value(network.value),
        pid=pb.NamespaceMode.Value(pid.value),
        ipc=pb.NamespaceMode.Value(ipc.value),
        target_id=target,
        userns_options=pb.UserNamespace(mode=pb.POD, uids=mappings, gids=mappings) if mappings else None,
    )


def _seccomp(seccomp: Seccomp) -> pb.SecurityProfile:
    return pb.SecurityProfile(
        profile_type=pb.SecurityProfile.ProfileType.Value(seccomp.type), localhost_ref=seccomp.path
    )


def _apparmor(profile: str) -> pb.SecurityProfile | None:
    """`profile` as annotations spell it: "", runtime/default, unconfined or localhost/NAME."""
    if not profile:
        return None
    if profile.startswith(_APPARMOR_LOCALHOST):
        name = profile.removeprefix(_APPARMOR_LOCALHOST)
        return pb.SecurityProfile(profile_type=pb.SecurityProfile.Localhost, localhost_ref=name)
    unconfined = profile == "unconfined"
    kind = pb.SecurityProfile.Unconfined if unconfined else pb.SecurityProfile.RuntimeDefault
    return pb.SecurityProfile(profile_type=kind)


def _mount(mount: Mount) -> pb.Mount:
    return pb.Mount(
        container_path=mount.container_path,
        host_path=mount.host_path,
        readonly=mount.readonly,
        selinux_relabel=mount.selinux_relabel,
        propagation=_PROPAGATION[mount.propagation],
        recursive_read_only=mount.recursive_readonly,
        image=pb.ImageSpec(image=mount.image) if mount.image else None,
        image_sub_path=mount.image_sub_path,
    )


def _int64(value: int | None) -> pb.Int64Value | None:
    return None if value is None else pb.Int64Value(value=value)


# --- what the runtime reports


def sandbox_status(found: pb.PodSandboxStatus | pb.PodSandbox) -> SandboxStatus:
    ips: tuple[str, ...] = ()
    network = NamespaceMode.POD
    if isinstance(found, pb.PodSandboxStatus):
        every = (found.network.ip, *(extra.ip for extra in found.network.additional_ips))
        ips = tuple(ip for ip in every if ip)
        network = NamespaceMode(pb.NamespaceMode.Name(found.linux.namespaces.options.network))
    return SandboxStatus(
        id=found.id,
        pod_uid=found.metadata.uid,
        pod_name=found.metadata.name,
        pod_namespace=found.metadata.namespace,
        attempt=found.metadata.attempt,
        state=SandboxState.READY if found.state == pb.SANDBOX_READY else SandboxState.NOT_READY,
        created_at=found.created_at / NANOS,
        ips=ips,
        labels=dict(found.labels),
        annotations=dict(found.annotations),
        network=network,
    )


def container_status(found: pb.ContainerStatus, sandbox_id: str) -> ContainerStatus:
    return ContainerStatus(
        id=found.id,
        sandbox_id=sandbox_id,
        pod_uid=found.labels.get(POD_UID, ""),
        name=found.labels.get(CONTAINER_NAME, found.metadata.name),
        attempt=found.metadata.attempt,
        phase=_PHASES[found.state],
        created_at=found.created_at / NANOS,
        started_at=found.started_at / NANOS,
        finished_at=found.finished_at / NANOS,
        exit_code=found.exit_code,
        reason=found.reason,
        message=found.message,
        image=found.image.image,
        image_id=found.image_ref,
        log_path=found.log_path,
        labels=dict(found.labels),
        annotations=dict(found.annotations),
    )


def listed_container(found: pb.Container) -> ContainerStatus:
    return ContainerStatus(
        id=found.id,
        sandbox_id=found.pod_sandbox_id,
        pod_uid=found.labels.get(POD_UID, ""),
        name=found.labels.get(CONTAINER_NAME, found.metadata.name),
        attempt=found.metadata.attempt,
        phase=_PHASES[found.state],
        created_at=found.created_at / NANOS,
        image=found.image.image,
        image_id=found.image_ref,
        labels=dict(found.labels),
        annotations=dict(found.annotations),
    )


def image_ref(found: pb.Image) -> ImageRef:
    return ImageRef(
        id=found.id,
        tags=tuple(found.repo_tags),
        digests=tuple(found.repo_digests),
        size_bytes=found.size,
        uid=found.uid.value if found.HasField("uid") else None,
        username=found.username,
        pinned=found.pinned,
    )
