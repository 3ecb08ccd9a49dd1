"""From a profile to the configuration of each component: addresses, certificates, files."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from navarch.launch.profile import DriverName, NodeEntry, Profile, node_spec
from navarch.node.config import NodeConfig
from navarch.seams.contract import Clock
from navarch.server.audit.log import AuditLog, LogFile, read_policy
from navarch.server.bootstrap import BootstrapConfig

CLUSTER_DOMAIN = "cluster.local"
AUDIT_POLICY, AUDIT_LOG = "audit-policy.yaml", "audit.log"
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

    def identify_front_proxy(self, context: ssl.SSLContext) -> None:
        """Show aggregated API servers the certificate of the front proxy."""
        context.load_cert_chain(self.pki("front-proxy-client.crt"), self.pki("front-proxy-client.key"))


def audit_log(place: Place, clock: Clock) -> AuditLog | None:
    """The log that the profile's `audit-policy.yaml` asks for, in its logs; None without that file.

    Raises: AuditPolicyError for a file that is no policy, OSError if the log cannot be opened.
    """
    policy = place.directory / AUDIT_POLICY
    if not policy.exists():
        return None
    place.logs.mkdir(parents=True, exist_ok=True)
    return AuditLog(read_policy(policy.read_bytes()), LogFile(str(place.logs / AUDIT_LOG)).write, clock)


def bootstrap_config(place: Place) -> BootstrapConfig:
    profile = place.profile
    return BootstrapConfig(
        service_cidrs=(profile.service_cidr,),
        address=profile.host if profile.driver is DriverName.NETNS else "",
        port=profile.port,
        client_ca=place.text("ca.crt"),
        front_proxy_ca=place.text("front-proxy-ca.crt"),
    )


def node_config(place: Place, node: NodeEntry) -> NodeConfig:
    """The kubelet of a node with real containers."""
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
        provider_id=f"navarch://{place.profile.name}/{node.name}",
    )


def node_labels(place: Place, name: str) -> dict[str, str]:
    """The labels of the node with that name, whenever it joined. Source: minikube's labels of nodes."""
    from navarch.launch.version import version  # slow to import, and of no use before the API listens

    primary = name == place.first_node.name
    labels = {
        "minikube.k8s.io/name": place.profile.name,
        "minikube.k8s.io/primary": "true" if primary else "false",
        "minikube.k8s.io/version": f"v{version()}",
    }
    return labels | {CONTROL_PLANE_LABEL: ""} if primary else labels
