"""The objects through which pods reach the DNS server: Service kube-dns and an EndpointSlice for this node.

The server listens on the node's own address, not on the cluster IP: no interface has that. Pods ask the cluster
IP (10.96.0.10:53), and the proxy of whichever node they are on sends them to the endpoint in the slice, as it
does for every service. The service has no selector, so that the slices are only those of DNS servers; each
writes its own.
"""

from __future__ import annotations

from navarch.base.errors import StatusError
from navarch.base.resource import Resource
from navarch.client.contract import Client, PatchType
from navarch.dns.config import DnsConfig
from navarch.schema.types import Tree

SERVICES = Resource("", "v1", "services", "Service", True)
ENDPOINTSLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True)
NAMESPACE = "kube-system"
NAME = "kube-dns"
LABELS = {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
MANAGED_BY = "dns.navarch.io"


async def ensure_service(client: Client, config: DnsConfig) -> None:
    """Create or repair both objects. Raises: StatusError, Unreachable."""
    await _ensure(client, SERVICES, service_tree(config))
    for address in config.listen:
        await _ensure(client, ENDPOINTSLICES, slice_tree(config, address))


def service_tree(config: DnsConfig) -> Tree:
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": config.port},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": config.port},
        {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": config.metrics_port},
    ]
    annotations = {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": dict(LABELS), "annotations": annotations},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": config.cluster_ip,
            "clusterIPs": [config.cluster_ip],
            "ports": ports,
        },
    }


def slice_tree(config: DnsConfig, address: str) -> Tree:
    family = "IPv6" if ":" in address else "IPv4"
    labels = {"kubernetes.io/service-name": NAME, "endpointslice.kubernetes.io/managed-by": MANAGED_BY}
    conditions = {"ready": True, "serving": True, "terminating": False}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{NAME}-{config.node}-{family.lower()}", "namespace": NAMESPACE, "labels": labels},
        "addressType": family,
        "endpoints": [{"addresses": [address], "conditions": conditions, "nodeName": config.node}],
        "ports": [
            {"name": "dns", "port": config.port, "protocol": "UDP"},
            {"name": "dns-tcp", "port": config.port, "protocol": "TCP"},
            {"name": "metrics", "port": config.metrics_port, "protocol": "TCP"},
        ],
    }


async def _ensure(client: Client, resource: Resource, tree: Tree) -> None:
    name = tree["metadata"]["name"]
    try:
        await client.get(resource, name, NAMESPACE)
    except StatusError as error:
        # Asked first: creating it again would be refused for its address, not for its name.
        if error.reason != "NotFound":
            raise
        await client.create(resource, tree, NAMESPACE)
        return
    # The cluster IP of a service cannot change: everything else is brought in line.
    patch = {k: v for k, v in tree.items() if k in ("endpoints", "ports")}
    if "spec" in tree:
        patch["spec"] = {"ports": tree["spec"]["ports"]}
    patch["metadata"] = {"labels": tree["metadata"]["labels"]}
    await client.patch(resource, name, patch, PatchType.MERGE, NAMESPACE)
