"""What the kubelet asks of a container runtime: one contract, shaped after CRI v1.

`cri.py` speaks to containerd, `fake.py` keeps everything in memory for simulations. The kubelet core
(`worker`, `observe`, `images`) is the only caller. The runtime never decides: it carries out single
calls and reports what is there.

Whose is whose is recorded in labels, as the kubelet does it, so that a restarted kubelet adopts what runs:
    io.kubernetes.pod.name, io.kubernetes.pod.namespace, io.kubernetes.pod.uid   on sandboxes and containers
    io.kubernetes.container.name                                                 on containers
and in annotations on containers (hash, restartCount, terminationMessagePath, …), see `labels.py`.

Errors:
    RuntimeFault
    ├── RuntimeUnavailable     the runtime does not answer
    ├── NotFoundInRuntime      no such sandbox, container or image
    ├── ImagePullError         the image could not be pulled; `reason` as a pod's status shows it
    ├── SandboxError           the sandbox could not be made (network, name conflict, …)
    ├── CreateError            the container could not be created
    ├── StartError             the container's process could not be started
    └── ExecTimeout            a synchronous command ran past its time

Source: CRI v1 (k8s.io/cri-api api.proto): RuntimeService and ImageService.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import msgspec

from navarch.base.errors import NavarchError

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"


class RuntimeFault(NavarchError):
    """The root of what a runtime call can fail with. The text is the runtime's own."""


class RuntimeUnavailable(RuntimeFault):
    """The runtime does not answer: not started, restarting, socket gone. Retrying later may help."""


class NotFoundInRuntime(RuntimeFault):
    """No such sandbox, container or image."""


class ImagePullError(RuntimeFault):
    """A pull failed. `reason`: ErrImagePull, ErrImageNeverPull, RegistryUnavailable, InvalidImageName
    or SignatureValidationFailed."""

    def __init__(self, message: str, reason: str = "ErrImagePull") -> None:
        super().__init__(message)
        self.reason = reason


class SandboxError(RuntimeFault):
    """RunPodSandbox failed."""


class CreateError(RuntimeFault):
    """CreateContainer failed."""


class StartError(RuntimeFault):
    """StartContainer failed: the command is missing, not executable, …"""


class ExecTimeout(RuntimeFault):
    """exec_sync ran past its timeout and was killed."""


class SandboxState(Enum):
    READY = "READY"
    NOT_READY = "NOT_READY"


class ContainerPhase(Enum):
    """CRI's ContainerState; named so because the API has a ContainerState of its own."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    UNKNOWN = "UNKNOWN"


class NamespaceMode(Enum):
    """Whose Linux namespace a sandbox or container uses. TARGET: that of `target_id`."""

    POD = "POD"
    CONTAINER = "CONTAINER"
    NODE = "NODE"
    TARGET = "TARGET"


# --- images


class RegistryAuth(msgspec.Struct, frozen=True):
    """Credentials for one pull, from an imagePullSecret."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    server_address: str = ""


class ImageRef(msgspec.Struct, frozen=True):
    """An image that is present. `id` is its digest id; `user` is its configured user, uid or name."""

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size_bytes: int = 0
    uid: int | None = None
    username: str = ""
    pinned: bool = False


# --- sandboxes


class PortMapping(msgspec.Struct, frozen=True):
    protocol: str
    container_port: int
    host_port: int
    host_ip: str = ""


class Seccomp(msgspec.Struct, frozen=True):
    """`type` is RuntimeDefault, Unconfined or Localhost; `path` belongs to Localhost."""

    type: str = "Unconfined"
    path: str = ""


class DnsConfig(msgspec.Struct, frozen=True):
    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class LinuxResources(msgspec.Struct, frozen=True):
    """Limits as the runtime and the cgroup writer take them. None or 0: not set."""

    cpu_period_us: int = 0
    cpu_quota_us: int = 0
    cpu_shares: int = 0
    memory_limit_bytes: int = 0
    oom_score_adj: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    hugepage_limits: tuple[tuple[str, int], ...] = ()
    unified: Mapping[str, str] = msgspec.field(default_factory=dict)


class UserMapping(msgspec.Struct, frozen=True):
    host_id: int
    container_id: int
    length: int


class SandboxConfig(msgspec.Struct, frozen=True):
    """RunPodSandbox's argument. `attempt` tells apart the sandboxes that a pod has had."""

    name: str
    namespace: str
    uid: str
    attempt: int
    hostname: str
    log_directory: str
    dns: DnsConfig = DnsConfig()
    port_mappings: tuple[PortMapping, ...] = ()
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)
    cgroup_parent: str = ""
    sysctls: Mapping[str, str] = msgspec.field(default_factory=dict)
    network: NamespaceMode = NamespaceMode.POD
    pid: NamespaceMode = NamespaceMode.CONTAINER
    ipc: NamespaceMode = NamespaceMode.POD
    user_mappings: tuple[UserMapping, ...] = ()
    privileged: bool = False
    seccomp: Seccomp = Seccomp("RuntimeDefault")
    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
    resources: LinuxResources = LinuxResources()
    runtime_handler: str = ""


class SandboxStatus(msgspec.Struct, frozen=True):
    """A sandbox as it is. Times are seconds since the epoch. `ips` is empty on the host network."""

    id: str
    pod_uid: str
    pod_name: str
    pod_namespace: str
    attempt: int
    state: SandboxState
    created_at: float
    ips: tuple[str, ...] = ()
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)
    network: NamespaceMode = NamespaceMode.POD


# --- containers


class Mount(msgspec.Struct, frozen=True):
    """A bind mount into a container. `propagation` is None, HostToContainer or Bidirectional.
    With `image` set, the mount is an image volume and `host_path` is empty."""

    container_path: str
    host_path: str
    readonly: bool = False
    propagation: str = "None"
    recursive_readonly: bool = False
    selinux_relabel: bool = False
    image: str = ""
    image_sub_path: str = ""


class Device(msgspec.Struct, frozen=True):
    container_path: str
    host_path: str
    permissions: str = "rwm"


class LinuxSecurity(msgspec.Struct, frozen=True):
    """LinuxContainerSecurityContext. At most one of `run_as_user` and `run_as_username` is set."""

    privileged: bool = False
    capabilities_add: tuple[str, ...] = ()
    capabilities_drop: tuple[str, ...] = ()
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_username: str = ""
    supplemental_groups: tuple[int, ...] = ()
    supplemental_groups_strict: bool = False
    readonly_rootfs: bool = False
    no_new_privs: bool = False
    seccomp: Seccomp = Seccomp()
    apparmor_profile: str = ""
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()
    network: NamespaceMode = NamespaceMode.POD
    pid: NamespaceMode = NamespaceMode.CONTAINER
    ipc: NamespaceMode = NamespaceMode.POD
    target_id: str = ""
    user_mappings: tuple[UserMapping, ...] = ()


class ContainerConfig(msgspec.Struct, frozen=True):
    """CreateContainer's argument. `image` is the id that `pull_image` or `image_status` gave,
    `image_spec` what the pod asked for. `log_path` is relative to the sandbox's log directory."""

    name: str
    attempt: int
    image: str
    image_spec: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    devices: tuple[Device, ...] = ()
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)
    log_path: str = ""
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    resources: LinuxResources = LinuxResources()
    security: LinuxSecurity = LinuxSecurity()
    stop_signal: str = ""


class ContainerStatus(msgspec.Struct, frozen=True):
    """A container as it is. `started_at` and `finished_at` are 0.0 until they are known. `reason` is
    the runtime's: Completed, Error, OOMKilled, StartError, … `log_path` is absolute."""

    id: str
    sandbox_id: str
    pod_uid: str
    name: str
    attempt: int
    phase: ContainerPhase
    created_at: float
    started_at: float = 0.0
    finished_at: float = 0.0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_id: str = ""
    log_path: str = ""
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)


# --- the rest


class Version(msgspec.Struct, frozen=True):
    """`api_version` is the CRI's (v1); `name` and `version` make `containerd://1.6.20`."""

    name: str
    version: str
    api_version: str = "v1"


class RuntimeCondition(msgspec.Struct, frozen=True):
    """`type` is RuntimeReady or NetworkReady."""

    type: str
    status: bool
    reason: str = ""
    message: str = ""


class ExecResult(msgspec.Struct, frozen=True):
    stdout: bytes
    stderr: bytes
    exit_code: int


class ContainerStats(msgspec.Struct, frozen=True):
    """Usage of a running container. `cpu_nanos` is the running total since `started_at`, seconds since the epoch;
    the rest are current bytes."""

    id: str
    pod_uid: str
    name: str
    timestamp: float
    started_at: float = 0.0
    cpu_nanos: int = 0
    memory_working_set_bytes: int = 0
    memory_usage_bytes: int = 0
    memory_rss_bytes: int = 0
    writable_layer_bytes: int = 0


class EventKind(Enum):
    CREATED = "CREATED"
    STARTED = "STARTED"
    STOPPED = "STOPPED"
    DELETED = "DELETED"


class RuntimeEvent(msgspec.Struct, frozen=True):
    """Something happened to a container or sandbox; which is all the kubelet needs to look again.
    `pod_uid` is empty when the runtime cannot tell: then everything is listed again."""

    kind: EventKind
    container_id: str
    pod_uid: str = ""


class TerminalSize(msgspec.Struct, frozen=True):
    width: int
    height: int


@dataclass(slots=True)
class Streams:
    """The client's ends of a streamed process. None: that stream was not asked for. `stdin` ends when
    the client closes its side. The writers wait while the client is slow."""

    stdin: AsyncIterator[bytes] | None = None
    stdout: Callable[[bytes], Awaitable[None]] | None = None
    stderr: Callable[[bytes], Awaitable[None]] | None = None
    resizes: AsyncIterator[TerminalSize] | None = None
    tty: bool = False


class Runtime(Protocol):
    """A container runtime. Every call may raise RuntimeUnavailable; stop and remove are idempotent."""

    #: True if `events` reports every change, so that no periodic relist is needed.
    complete_events: bool

    async def version(self) -> Version: ...

    async def status(self) -> Sequence[RuntimeCondition]: ...

    # images

    async def pull_image(
        self, image: str, auth: RegistryAuth | None = None, sandbox: SandboxConfig | None = None
    ) -> str:
        """Pull and return the image's id. Raises: ImagePullError."""

    async def image_status(self, image: str) -> ImageRef | None:
        """The image by tag, digest or id; None if it is not here."""

    async def list_images(self) -> Sequence[ImageRef]: ...

    async def remove_image(self, image_id: str) -> None:
        """With all its names. One that is not here is no error."""

    # sandboxes

    async def run_pod_sandbox(self, config: SandboxConfig) -> str:
        """Make and start the sandbox with its network; its id. Raises: SandboxError."""

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        """Stop every container of it and give back its network."""

    async def remove_pod_sandbox(self, sandbox_id: str) -> None: ...

    async def list_sandboxes(self, pod_uid: str = "") -> Sequence[SandboxStatus]:
        """All, or those of one pod. `ips` may be empty here: `sandbox_status` has them."""

    async def sandbox_status(self, sandbox_id: str) -> SandboxStatus:
        """Raises: NotFoundInRuntime."""

    # containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig) -> str:
        """Raises: CreateError."""

    async def start_container(self, container_id: str) -> None:
        """Raises: StartError."""

    async def stop_container(self, container_id: str, grace_s: float) -> None:
        """Send the stop signal, wait up to `grace_s`, kill. Returns when the process is gone."""

    async def remove_container(self, container_id: str) -> None: ...

    async def list_containers(self, pod_uid: str = "") -> Sequence[ContainerStatus]:
        """All, or those of one pod. Only id, sandbox_id, pod_uid, name, attempt, phase, created_at,
        labels and annotations are sure here: `container_status` has the rest."""

    async def container_status(self, container_id: str) -> ContainerStatus:
        """Raises: NotFoundInRuntime."""

    async def update_container_resources(self, container_id: str, resources: LinuxResources) -> None: ...

    async def reopen_container_log(self, container_id: str) -> None: ...

    # processes

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_s: float) -> ExecResult:
        """Raises: ExecTimeout, NotFoundInRuntime."""

    async def exec(self, container_id: str, command: Sequence[str], streams: Streams) -> int:
        """Run a command with streams until it ends; its exit code."""

    async def attach(self, container_id: str, streams: Streams) -> None:
        """Join the container's own process until it or the client ends."""

    async def port_forward(
        self,
        sandbox_id: str,
        port: int,
        incoming: AsyncIterator[bytes],
        outgoing: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """Carry one TCP connection to `port` of the sandbox until either side closes."""

    # observation

    async def container_stats(self, pod_uid: str = "", *, disk: bool = False) -> Sequence[ContainerStats]:
        """Of running containers. What they have on the disk is sure only if it was asked for: it takes longer."""

    def events(self) -> AsyncIterator[RuntimeEvent]:
        """Changes from now on. May end or raise RuntimeUnavailable: relist and ask again."""

    async def close(self) -> None: ...
