"""Names inside a pod: its hostname, its resolver configuration, its /etc/hosts. Pure.

Source: the kubelet's `GeneratePodHostNameAndDomain`, `network/dns`, `ensureHostsFile`.
"""

from __future__ import annotations

from collections.abc import Sequence

from navarch.api.views.pod import HostAlias, Pod
from navarch.node.config import NodeConfig
from navarch.node.runtime.contract import DnsConfig

HOSTNAME_MAX = 63
MAX_SEARCHES, MAX_NAMESERVERS = 32, 3

_MANAGED = """# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def hostname(pod: Pod, cluster_domain: str) -> tuple[str, str]:
    """(hostname, domain) of a pod. The domain is empty without a subdomain."""
    if pod.spec.hostnameOverride:
        return pod.spec.hostnameOverride, ""
    name = pod.spec.hostname or pod.metadata.name[:HOSTNAME_MAX].rstrip("-.")
    domain = ""
    if pod.spec.subdomain:
        domain = f"{pod.spec.subdomain}.{pod.metadata.namespace}.svc.{cluster_domain}"
    return name, domain


def kernel_hostname(pod: Pod, cluster_domain: str) -> str:
    """What `hostname` prints in the pod; empty on the host network, where it is the node's."""
    if pod.spec.hostNetwork:
        return ""
    name, domain = hostname(pod, cluster_domain)
    return f"{name}.{domain}" if pod.spec.setHostnameAsFQDN and domain else name


def dns_config(pod: Pod, config: NodeConfig) -> DnsConfig:
    """The resolver configuration from dnsPolicy and dnsConfig."""
    policy = pod.spec.dnsPolicy or "ClusterFirst"
    if policy == "ClusterFirst" and pod.spec.hostNetwork:
        policy = "Default"
    servers: list[str] = []
    searches: list[str] = []
    options: list[tuple[str, str]] = []
    if policy in ("ClusterFirst", "ClusterFirstWithHostNet") and config.cluster_dns:
        domain = config.cluster_domain
        servers = list(config.cluster_dns)
        searches = [f"{pod.metadata.namespace}.svc.{domain}", f"svc.{domain}", domain, *config.node_searches]
        options = [("ndots", "5")]
    elif policy != "None":
        servers, searches = list(config.node_nameservers), list(config.node_searches)
    if pod.spec.dnsConfig is not None:
        servers += pod.spec.dnsConfig.nameservers
        searches += pod.spec.dnsConfig.searches
        options += [(o.name, o.value) for o in pod.spec.dnsConfig.options]
    merged = dict(options)
    return DnsConfig(
        tuple(dict.fromkeys(servers))[:MAX_NAMESERVERS],
        tuple(dict.fromkeys(searches))[:MAX_SEARCHES],
        tuple(f"{name}:{value}" if value else name for name, value in merged.items()),
    )


def hosts_file(pod: Pod, ips: Sequence[str], cluster_domain: str, node_hosts: str = "") -> str:
    """The /etc/hosts of the pod's containers. `node_hosts` is the node's own, for the host network."""
    if pod.spec.hostNetwork:
        return "# Kubernetes-managed hosts file (host network).\n" + node_hosts + _aliases(pod.spec.hostAliases)
    name, domain = hostname(pod, cluster_domain)
    own = f"{name}.{domain}\t{name}" if domain else name
    lines = "".join(f"{ip}\t{own}\n" for ip in ips)
    return _MANAGED + lines + _aliases(pod.spec.hostAliases)


def _aliases(aliases: Sequence[HostAlias]) -> str:
    if not aliases:
        return ""
    lines = "".join(f"{a.ip}\t" + "\t".join(a.hostnames) + "\n" for a in aliases)
    return "\n# Entries added by HostAliases.\n" + lines
