"""A small cluster's zone for tests."""

from __future__ import annotations

from typing import Any

from navarch.api.views.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from navarch.api.views.meta import ObjectMeta
from navarch.api.views.service import Service, ServicePort, ServiceSpec
from navarch.base.resource import ObjectKey
from navarch.dns.records import service_records
from navarch.dns.zone import Zone

DOMAIN = "cluster.local"


def service(name: str, *ips: str, ports: tuple[ServicePort, ...] = (), **spec: Any) -> Service:
    settings: dict[str, Any] = {"type": "ClusterIP", "clusterIP": ips[0] if ips else "", "clusterIPs": ips}
    metadata = ObjectMeta(name=name, namespace="default")
    return Service(metadata, ServiceSpec(**{**settings, "ports": ports, **spec}))


def headless(*endpoints: Endpoint, ports: tuple[EndpointPort, ...] = (), family: str = "IPv4") -> EndpointSlice:
    return EndpointSlice(family, endpoints, ObjectMeta(name=f"s-{family}", namespace="default"), ports)


def endpoint(ip: str, hostname: str = "", *, ready: bool = True) -> Endpoint:
    return Endpoint(addresses=(ip,), conditions=EndpointConditions(ready), hostname=hostname)


def put(zone: Zone, one: Service, *slices: EndpointSlice) -> None:
    zone.replace(ObjectKey("default", one.metadata.name), service_records(one, slices, zone.domain))


def cluster() -> Zone:
    zone = Zone(DOMAIN)
    http = ServicePort(name="http", port=80, protocol="TCP")
    put(zone, service("web", "10.96.0.9", ports=(http,)))
    put(zone, service("dual", "10.96.0.8", "fd00:96::8", ports=(ServicePort(port=53, protocol="UDP"),)))
    put(zone, service("outside", type="ExternalName", externalName="Example.ORG."))
    put(zone, service("alias", type="ExternalName", externalName="web.default.svc.cluster.local"))
    put(
        zone,
        service("db", "None"),
        headless(
            endpoint("10.244.0.5", "db-0"),
            endpoint("10.244.0.6"),
            endpoint("10.244.0.7", "db-2", ready=False),
            ports=(EndpointPort(name="sql", port=5432, protocol="TCP"),),
        ),
        headless(endpoint("fd00::5", "db-0"), family="IPv6"),
    )
    put(zone, service("empty", "None"))
    return zone
