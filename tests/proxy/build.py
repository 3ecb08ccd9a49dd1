"""Services and slices for tests, written short."""

from __future__ import annotations

from typing import Any

from navarch.api.views.discovery import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    EndpointSlice,
    ForNode,
    ForZone,
)
from navarch.api.views.meta import ObjectMeta
from navarch.api.views.service import (
    LoadBalancerIngress,
    LoadBalancerStatus,
    Service,
    ServicePort,
    ServiceSpec,
    ServiceStatus,
)
from navarch.base.resource import ObjectKey
from navarch.proxy.ledger import Ledger
from navarch.proxy.nft import Network
from navarch.proxy.rules import Place, service_rules
from navarch.proxy.tables import Tables

HERE = Place("n1", "east")
NODE_IP = "192.168.49.2"
LOCAL_ADDRESSES = (NODE_IP, "127.0.0.1", "10.244.0.1")


def key(name: str) -> ObjectKey:
    return ObjectKey("default", name)


def service(name: str = "web", ip: str = "10.96.0.9", *, ingress: tuple[str, ...] = (), **spec: Any) -> Service:
    """A ClusterIP service with port 80 unless `spec` says otherwise."""
    settings: dict[str, Any] = {
        "type": "ClusterIP",
        "clusterIP": ip,
        "clusterIPs": (ip,),
        "ports": (ServicePort(port=80, protocol="TCP"),),
    }
    balancer = LoadBalancerStatus(tuple(LoadBalancerIngress(ip=i) for i in ingress)) if ingress else None
    return Service(
        ObjectMeta(name=name, namespace="default"), ServiceSpec(**{**settings, **spec}), ServiceStatus((), balancer)
    )


def endpoint(
    ip: str,
    *,
    ready: bool = True,
    serving: bool | None = None,
    terminating: bool = False,
    node: str = "n2",
    zones: tuple[str, ...] = (),
    nodes: tuple[str, ...] = (),
) -> Endpoint:
    conditions = EndpointConditions(ready, ready if serving is None else serving, terminating)
    hints = EndpointHints(tuple(map(ForNode, nodes)), tuple(map(ForZone, zones))) if zones or nodes else None
    return Endpoint(addresses=(ip,), conditions=conditions, nodeName=node, hints=hints)


def endpoint_slice(
    *endpoints: Endpoint, name: str = "web-1", service: str = "web", port: int = 8080, port_name: str = "",
    protocol: str = "TCP", family: str = "IPv4",
) -> EndpointSlice:  # fmt: skip
    labels = {"kubernetes.io/service-name": service}
    metadata = ObjectMeta(name=name, namespace="default", labels=labels)
    return EndpointSlice(family, endpoints, metadata, (EndpointPort(name=port_name, port=port, protocol=protocol),))


def tables_of(*pairs: tuple[Service, tuple[EndpointSlice, ...]], place: Place = HERE) -> Tables:
    """What the kernel holds once the services are programmed."""
    ledger = Ledger(Network(place.families))
    for one, slices in pairs:
        ledger.replace(key(one.metadata.name), service_rules(one, slices, place))
    tables = Tables(place.families)
    transaction = ledger.take()
    assert transaction is not None
    tables.commit(transaction)
    return tables
