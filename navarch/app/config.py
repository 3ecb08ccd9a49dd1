"""From a profile to the configuration of each component: addresses, certificates, files."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from navarch.app.plane_flags import flags_of
from navarch.launch.profile import DriverName, NodeEntry, Profile, node_spec
from navarch.node.config import NodeConfig

CLUSTER_DOMAIN = "cluster.local"
AUDIT_POLICY = "audit-policy.yaml"
#: Pretended nodes take their ranges out of this.
SIMULATED_POD_CIDR = "10.128.0.0/9"
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
KUBELET_PORT = 10250
#: Endpoints and tables follow a deletion within some 50 ms.
LEAVING_S = 0.25
LOG_CHECK_S = 10.0
#: The DNS service's place in the service range.
DNS_INDEX = 10


@dataclass(frozen=True, slots=True)
class Place:
    """A profile and where its files are."""

    directory: Path
    profile: Profile

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def first_node(self) -> NodeEntry:
        return self.profile.nodes[0]

    def plane_directory(self, plane: int) -> Path:
        """What one of the control planes keeps; the first one's lies where a single one's does."""
        if plane == 0:
            return self.directory
        return self.directory / "control-planes" / self.profile.plane_name(plane)

    @property
    def control_plane_nodes(self) -> tuple[NodeEntry, ...]:
        """The nodes that stand for the control planes, in their order."""
        return self.profile.nodes[: self.profile.control_planes]

    def node_ip(self, node: NodeEntry) -> str:
        return node_spec(self.directory, self.profile, node).ip

    def pki(self, name: str) -> str:
        return str(self.directory / "pki" / name)

    def text(self, name: str) -> str:
        return Path(self.pki(name)).read_text()

    def client_context(self, identity: str) -> ssl.SSLContext:
        """TLS towards servers of this cluster, as the holder of certificate `identity`."""
        context = ssl.create_default_context(cafile=self.pki("ca.crt"))
        context.load_cert_chain(self.pki(f"{identity}.crt"), self.pki(f"{identity}.key"))
        return context


def plane_flags(place: Place, plane: int) -> list[str]:
    """The flags (see plane_flags.py) of one of the profile's control planes, those of its users last."""
    profile, own = place.profile, place.plane_directory(plane)
    host, real = profile.plane_host(plane), profile.driver is DriverName.NETNS
    flags = {
        "data-dir": str(own),
        "cert-dir": str(place.directory / "pki"),
        "hostname-override": profile.plane_name(plane),
        "bind-address": host,
        "secure-port": str(profile.port),
        "service-cluster-ip-range": profile.service_cidr,
        "cluster-cidr": profile.network.pod_cidr if real else SIMULATED_POD_CIDR,
        "load-balancer-cidr": profile.network.load_balancer_cidr,
        "kubelet-certificate-authority": place.pki("ca.crt"),
    }
    if profile.is_shared:
        flags |= {
            "etcd-servers": ",".join(profile.etcd_servers),
            "etcd-cafile": place.pki("etcd-ca.crt"),
            "etcd-certfile": place.pki("apiserver-etcd-client.crt"),
            "etcd-keyfile": place.pki("apiserver-etcd-client.key"),
        }
    if (place.directory / AUDIT_POLICY).exists():
        flags["audit-policy-file"] = str(place.directory / AUDIT_POLICY)
    return [*(f"--{name}={value}" for name, value in flags.items()), *flags_of(profile.extra_config)]


def node_config(place: Place, node: NodeEntry) -> NodeConfig:
    """The kubelet of a node with real containers. Raises: LaunchError for a wrong `kubelet.yaml`."""
    from navarch.app import kubelet_config  # reads YAML, which the control plane must not wait for

    eviction, image_gc = kubelet_config.read(place.directory, place.profile.extra_config)
    spec = node_spec(place.directory, place.profile, node)
    return NodeConfig(
        node.name,
        addresses=(("InternalIP", spec.ip), ("Hostname", node.name)),
        pod_cidr=spec.pod_cidr,
        port=KUBELET_PORT,
        cluster_dns=(place.profile.service_ip(DNS_INDEX),),
        cluster_domain=CLUSTER_DOMAIN,
        cgroup_root=f"{spec.cgroup}/kubepods",
        leaving_s=LEAVING_S,
        log_check_s=LOG_CHECK_S,
        eviction=eviction,
        image_gc=image_gc,
        provider_id=f"navarch://{place.profile.name}/{node.name}",
    )


def node_labels(place: Place, name: str) -> dict[str, str]:
    """The labels of the node with that name, whenever it joined. Source: minikube's labels of nodes."""
    from navarch.launch.version import version  # slow to import, and of no use before the API listens

    primary = name == place.first_node.name
    leads = any(node.name == name for node in place.control_plane_nodes)
    labels = {
        "minikube.k8s.io/name": place.profile.name,
        "minikube.k8s.io/primary": "true" if primary else "false",
        "minikube.k8s.io/version": f"v{version()}",
    }
    return labels | {CONTROL_PLANE_LABEL: ""} if leads else labels
