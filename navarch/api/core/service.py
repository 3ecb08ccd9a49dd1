"""Service: a stable address for a set of pods."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, addresses, age, at, labels, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each, fill, fill_pointer, struct
from navarch.api.fields import path
from navarch.api.kind import Column, Kind, Subresource, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.api.validation.balancer_status import service_status_errors
from navarch.api.validation.services import service_errors, service_update_errors
from navarch.api.warnings import service_warnings
from navarch.base import names
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Type",
        "type determines how the Service is exposed. Defaults to ClusterIP. Valid options are "
        'ExternalName, ClusterIP, NodePort, and LoadBalancer. "ClusterIP" allocates a '
        "cluster-internal IP address for load-balancing to endpoints. Endpoints are determined by the"
        " selector or if that is not specified, by manual construction of an Endpoints object or "
        'EndpointSlice objects. If clusterIP is "None", no virtual IP is allocated and the endpoints '
        'are published as a set of endpoints rather than a virtual IP. "NodePort" builds on ClusterIP'
        " and allocates a port on every node which routes to the same endpoints as the clusterIP. "
        '"LoadBalancer" builds on NodePort and creates an external load-balancer (if supported in the'
        ' current cloud) which routes to the same endpoints as the clusterIP. "ExternalName" aliases '
        "this service to the specified externalName. Several other fields do not apply to "
        "ExternalName services. More info: "
        "https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types",
    ),
    Column(
        "Cluster-IP",
        "clusterIP is the IP address of the service and is usually assigned randomly. If an address "
        "is specified manually, is in-range (as per system configuration), and is not in use, it will"
        " be allocated to the service; otherwise creation of the service will fail. This field may "
        "not be changed through updates unless the type field is also being changed to ExternalName "
        "(which requires this field to be blank) or the type field is being changed from ExternalName"
        " (in which case this field may optionally be specified, as describe above).  Valid values "
        'are "None", empty string (""), or a valid IP address. Setting this to "None" makes a '
        '"headless service" (no virtual IP), which is useful when direct endpoint connections are '
        "preferred and proxying is not required.  Only applies to types ClusterIP, NodePort, and "
        "LoadBalancer. If this field is specified when creating a Service of type ExternalName, "
        "creation will fail. This field will be wiped when updating a Service to type ExternalName. "
        "More info: "
        "https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies",
    ),
    Column(
        "External-IP",
        "externalIPs is a list of IP addresses for which nodes in the cluster will also accept "
        "traffic for this service.  These IPs are not managed by Kubernetes.  The user is responsible"
        " for ensuring that traffic arrives at a node with this IP.  A common example is external "
        "load-balancers that are not part of the Kubernetes system.",
    ),
    Column(
        "Port(s)",
        "The list of ports that are exposed by this service. More info: "
        "https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies",
    ),
    AGE,
    Column(
        "Selector",
        "Route service traffic to pods with label keys and values matching this selector. If empty or"
        " not present, the service is assumed to have an external process managing its endpoints, "
        "which Kubernetes will not modify. Only applies to types ClusterIP, NodePort, and "
        "LoadBalancer. Ignored if type is ExternalName. More info: "
        "https://kubernetes.io/docs/concepts/services-networking/service/",
        priority=1,
    ),
)


#: How long a client stays with its endpoint when nothing else is said.
_AFFINITY_S = 3 * 60 * 60


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    fill(spec, "sessionAffinity", "None")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        struct(struct(spec, "sessionAffinityConfig"), "clientIP").setdefault("timeoutSeconds", _AFFINITY_S)
    fill(spec, "type", "ClusterIP")
    for port in each(spec, "ports"):
        fill(port, "protocol", "TCP")
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port", 0)
    exposed = spec["type"] in ("NodePort", "LoadBalancer")
    if exposed or (spec["type"] == "ClusterIP" and spec.get("externalIPs")):
        fill(spec, "externalTrafficPolicy", "Cluster")
    if exposed or spec["type"] == "ClusterIP":
        fill_pointer(spec, "internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
        balancer = (tree.get("status") or {}).get("loadBalancer") or {}
        for entry in each(balancer, "ingress"):
            if entry.get("ip"):
                fill_pointer(entry, "ipMode", "VIP")


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    cluster_ips = spec.get("clusterIPs") or [spec.get("clusterIP")]
    ports = ",".join(map(_port, each(spec, "ports")))
    return [
        name(tree),
        spec.get("type", ""),
        cluster_ips[0] or NONE,
        _external(tree),
        ports or NONE,
        age(tree, now),
        labels(spec.get("selector")),
    ]


def _port(port: Tree) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port', 0)}{node_port}/{port.get('protocol', '')}"


def _external(tree: Tree) -> str:
    spec = tree.get("spec") or {}
    named: list[str] = spec.get("externalIPs") or []
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    if spec.get("type") == "LoadBalancer":
        return ",".join([*addresses(at(tree, "status", "loadBalancer")), *named]) or "<pending>"
    return ",".join(named) or NONE


KIND = Kind(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    singular="service",
    namespaced=True,
    type_name="io.k8s.api.core.v1.Service",
    short_names=("svc",),
    categories=("all",),
    subresources=(
        Subresource("proxy", "ServiceProxyOptions", ("create", "delete", "get", "patch", "update")),
        status_of("Service"),
    ),
    storage_version_hash="0/CO1lhkEBI=",
    columns=COLUMNS,
    prepare_create=reset_status({"loadBalancer": {}}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    validate_status=service_status_errors,
    create_on_update=True,
    delete_returns_object=True,
    fields={
        "spec.clusterIP": path("spec.clusterIP"),
        "spec.type": path("spec.type"),
    },
    name_errors=names.dns1123_label_errors,
    default=_default,
    cells=_cells,
    validate=service_errors,
    validate_update=service_update_errors,
    warnings=service_warnings,
)
