"""The records that one service and its endpoint slices put into the zone. Pure.

    web (10.96.0.9, port http)     web.default.svc.cluster.local               A    10.96.0.9
                                   _http._tcp.web.default.svc.cluster.local    SRV  0 100 80 web.default.svc...
                                   9.0.96.10.in-addr.arpa                      PTR  web.default.svc...
    headless db, pod with hostname db-0
                                   db.default.svc.cluster.local                A    10.244.0.5
                                   db-0.db.default.svc.cluster.local           A    10.244.0.5

Source: Kubernetes DNS-Based Service Discovery, version 1.1.0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from navarch.api.views.discovery import Endpoint, EndpointSlice
from navarch.api.views.service import Service as ServiceView
from navarch.dns.answer import AAAA, CNAME, PTR, SRV, A, Data, Service, reverse_name

#: (name, type) -> data, in a stable order.
Records = dict[tuple[str, int], tuple[Data, ...]]

HEADLESS = "None"
TYPE_OF = {"IPv4": A, "IPv6": AAAA}
WEIGHT_TOTAL = 100


def service_records(service: ServiceView, slices: Iterable[EndpointSlice], domain: str) -> Records:
    """All records of one service."""
    name = f"{service.metadata.name}.{service.metadata.namespace}.svc.{domain}"
    spec = service.spec
    if spec.type == "ExternalName":
        target = spec.externalName.rstrip(".").lower()
        return {(name, CNAME): (target,)} if target else {}
    found: dict[tuple[str, int], dict[Data, None]] = defaultdict(dict)
    ips = spec.clusterIPs or ((spec.clusterIP,) if spec.clusterIP else ())
    if ips and ips[0] != HEADLESS:
        pairs = _cluster(service, name, ips)
    elif ips:
        pairs = _headless(name, sorted(slices, key=lambda s: s.metadata.name))
    else:
        return {}
    for key, data in pairs:
        found[key][data] = None
    return {key: tuple(data) for key, data in found.items()}


def _cluster(service: ServiceView, name: str, ips: Iterable[str]) -> Iterator[tuple[tuple[str, int], Data]]:
    for ip in ips:
        yield (name, AAAA if ":" in ip else A), ip
        yield (reverse_name(ip), PTR), name
    for port in service.spec.ports:
        target = Service(0, WEIGHT_TOTAL, port.port, name)
        yield (name, SRV), target
        if port.name:
            yield (_port_name(port.name, port.protocol, name), SRV), target


def _headless(name: str, slices: Iterable[EndpointSlice]) -> Iterator[tuple[tuple[str, int], Data]]:
    hosts: dict[tuple[str, str, int], dict[str, None]] = defaultdict(dict)
    for endpoint_slice in slices:
        type_ = TYPE_OF.get(endpoint_slice.addressType)
        if type_ is None:
            continue
        for endpoint in endpoint_slice.endpoints:
            if not endpoint.addresses or not _is_ready(endpoint):
                continue
            ip = endpoint.addresses[0]
            host = f"{endpoint.hostname or _dashed(ip)}.{name}"
            yield (name, type_), ip
            yield (host, type_), ip
            yield (reverse_name(ip), PTR), host
            for port in endpoint_slice.ports:
                hosts[port.name, port.protocol, port.port or 0][host] = None
    for (port_name, protocol, number), targets in hosts.items():
        weight = max(1, WEIGHT_TOTAL // len(targets))
        for target in targets:
            data = Service(0, weight, number, target)
            yield (name, SRV), data
            if port_name:
                yield (_port_name(port_name, protocol, name), SRV), data


def _port_name(port: str, protocol: str, name: str) -> str:
    return f"_{port}._{(protocol or 'TCP').lower()}.{name}"


def _is_ready(endpoint: Endpoint) -> bool:
    """Not-ready endpoints of services that publish them are marked ready in the slice."""
    return endpoint.conditions is None or endpoint.conditions.ready is not False


def _dashed(ip: str) -> str:
    return ip.replace(".", "-").replace(":", "-")
