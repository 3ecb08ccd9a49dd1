"""The configuration of one kubelet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from navarch import KUBERNETES_VERSION
from navarch.node.eviction.thresholds import EvictionConfig
from navarch.node.image_gc import ImageGcConfig
from navarch.schema.types import Tree


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """`addresses` are (type, address) as in NodeStatus; the InternalIPs are the host IPs of pods.
    `capacity` overrides what the machine has. `cluster_dns` are the addresses pods resolve with."""

    name: str
    addresses: tuple[tuple[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Tree, ...] = ()
    provider_id: str = ""
    pod_cidr: str = ""
    root_dir: str = "/var/lib/kubelet"
    pod_log_dir: str = "/var/log/pods"
    port: int = 10250
    cluster_dns: tuple[str, ...] = ()
    cluster_domain: str = "cluster.local"
    node_searches: tuple[str, ...] = ()
    node_nameservers: tuple[str, ...] = ()
    max_pods: int = 110
    capacity: Mapping[str, str] = field(default_factory=dict)
    reserved: Mapping[str, str] = field(default_factory=dict)
    #: A directory with manifests of static pods, and manifests given directly.
    static_pod_dir: str = ""
    static_pods: tuple[Tree, ...] = ()
    #: How many pods may have their sandbox and containers started at one time.
    start_concurrency: int = 6
    #: The cgroup below which pods live, empty to leave cgroups to the runtime.
    cgroup_root: str = "/kubepods"
    #: How long a pod that is deleted goes on serving, so that no proxy still sends it new connections when
    #: its containers are told to end.
    leaving_s: float = 0.0
    lease_interval_s: float = 10.0
    lease_duration_s: int = 40
    status_interval_s: float = 10.0
    status_report_s: float = 300.0
    relist_interval_s: float = 1.0
    static_interval_s: float = 20.0
    #: How often the logs of containers are looked at for their size; 0: never, for simulations.
    log_check_s: float = 0.0
    eviction: EvictionConfig = field(default_factory=EvictionConfig)
    #: None: images are never looked at, for simulations.
    image_gc: ImageGcConfig | None = None
    #: Request tokens for projected service account volumes. Off only where nothing can use them.
    request_tokens: bool = True
    #: Put the addresses of services into the environment of containers.
    service_environment: bool = True
    kubelet_version: str = KUBERNETES_VERSION

    @property
    def host_ips(self) -> tuple[str, ...]:
        return tuple(address for type_, address in self.addresses if type_ == "InternalIP")
