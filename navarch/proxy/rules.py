"""Which endpoints answer for which address of a service, as one node sees it. Pure.

`service_rules` turns one Service and its EndpointSlices into the frontends a node must program; `nft.py`
turns those into elements of the kernel's tables, `trace.py` follows a packet through them.

A frontend is an address, or a port on every address of the node. It has the backends that serve it here:
    10.96.0.9:80/tcp -> 10.244.0.5:8080, 10.244.1.7:8080

Source: Kubernetes "Virtual IPs and Service Proxies"; KEP-1669 (terminating endpoints), KEP-2433 and
KEP-3015 (topology hints), KEP-2086 (internalTrafficPolicy).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from navarch.api.views.discovery import Endpoint, EndpointSlice
from navarch.api.views.service import Service, ServicePort
from navarch.base.resource import ObjectKey

Family = Literal["ip", "ip6"]
ADDRESS_TYPES: dict[str, Family] = {"IPv4": "ip", "IPv6": "ip6"}

PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name"
SERVICE_NAME_LABEL = "kubernetes.io/service-name"
HEADLESS = "None"
AFFINITY_DEFAULT_S = 10_800


class Backend(NamedTuple):
    """Where a connection ends up. `local` is what a service with policy Local asks for."""

    ip: str
    port: int


class Address(NamedTuple):
    """What a client connects to; an empty `ip` is every address of the node. `protocol` is in lower case."""

    family: Family
    ip: str
    protocol: str
    port: int


@dataclass(frozen=True, slots=True)
class Frontend:
    """`inside`, when not None, serves clients on this node instead of `backends`: they may leave it even if
    outsiders may not. `masquerade` hides the client behind the node, so that answers come back this way.
    `sources` are the only CIDRs that may connect; empty admits all. `refuse`: without backends, a client
    hears so; otherwise its packets are dropped, for another node may serve them."""

    address: Address
    backends: tuple[Backend, ...]
    inside: tuple[Backend, ...] | None = None
    masquerade: bool = False
    affinity_s: int = 0
    sources: tuple[str, ...] = ()
    refuse: bool = True


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """What a load balancer that probes `port` of this node should hear."""

    port: int
    service: ObjectKey
    local_endpoints: int


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """`hairpins` are the backends that may be clients of themselves: those that can run on this node."""

    frontends: tuple[Frontend, ...] = ()
    cluster_ips: tuple[str, ...] = ()
    hairpins: tuple[str, ...] = ()
    health: HealthCheck | None = None


NO_RULES = ServiceRules()


@dataclass(frozen=True, slots=True)
class Place:
    """The node for which rules are made."""

    node: str
    zone: str = ""
    families: tuple[Family, ...] = ("ip",)


def service_of(endpoint_slice: EndpointSlice) -> ObjectKey:
    metadata = endpoint_slice.metadata
    return ObjectKey(metadata.namespace, metadata.labels.get(SERVICE_NAME_LABEL, ""))


def service_rules(service: Service, slices: Iterable[EndpointSlice], place: Place) -> ServiceRules:
    """The rules of one service, whose `slices` these are."""
    cluster_ips = _cluster_ips(service)
    if not cluster_ips:
        return NO_RULES
    slices = sorted(slices, key=lambda s: s.metadata.name)
    frontends: list[Frontend] = []
    for ip in cluster_ips:
        family = family_of(ip)
        if family not in place.families:
            continue
        mine = [s for s in slices if ADDRESS_TYPES.get(s.addressType) == family]
        for port in service.spec.ports:
            frontends += _port_frontends(service, port, ip, _Choice.of(port, mine, place))
    hairpins = {
        address
        for s in slices
        for e in s.endpoints
        for address in e.addresses[:1]
        if e.nodeName in ("", place.node) and ADDRESS_TYPES.get(s.addressType) in place.families
    }
    return ServiceRules(tuple(frontends), cluster_ips, tuple(sorted(hairpins)), _health(service, slices, place))


def family_of(ip: str) -> Family:
    return "ip6" if ":" in ip else "ip"


def is_ready(endpoint: Endpoint) -> bool:
    """Unknown counts as ready."""
    return endpoint.conditions is None or endpoint.conditions.ready is not False


def is_last_resort(endpoint: Endpoint) -> bool:
    """It is going away, but still answers."""
    conditions = endpoint.conditions
    return conditions is not None and bool(conditions.terminating) and conditions.serving is not False


def _cluster_ips(service: Service) -> tuple[str, ...]:
    spec = service.spec
    if spec.type == "ExternalName" or PROXY_NAME_LABEL in service.metadata.labels:
        return ()
    ips = spec.clusterIPs or (spec.clusterIP,)
    return () if ips[0] in ("", HEADLESS) else ips


class _Choice(NamedTuple):
    """The backends of one port: of the whole cluster, and of this node alone."""

    cluster: tuple[Backend, ...]
    local: tuple[Backend, ...]

    @staticmethod
    def of(port: ServicePort, slices: Sequence[EndpointSlice], place: Place) -> _Choice:
        found: list[tuple[Endpoint, int]] = []
        for endpoint_slice in slices:
            for p in endpoint_slice.ports:
                if p.name == port.name and (p.protocol or "TCP") == (port.protocol or "TCP") and p.port:
                    found += [(e, p.port) for e in endpoint_slice.endpoints if e.addresses]
        local = [(e, number) for e, number in found if e.nodeName == place.node]
        return _Choice(_usable(found, lambda ready: _near(ready, place)), _usable(local, lambda ready: ready))

    def under(self, policy: str) -> tuple[Backend, ...]:
        return self.local if policy == "Local" else self.cluster


Found = list[tuple[Endpoint, int]]


def _usable(found: Found, narrow: Callable[[Found], Found]) -> tuple[Backend, ...]:
    """The ready ones; while there is none, those that terminate but still serve."""
    chosen = narrow([f for f in found if is_ready(f[0])]) or [f for f in found if is_last_resort(f[0])]
    return tuple(sorted({Backend(e.addresses[0], port) for e, port in chosen}))


def _near(ready: Found, place: Place) -> Found:
    """Those hinted at this node, or at its zone; all when hints are missing or name nobody here."""
    hints = [e.hints for e, _ in ready]
    if all(h is not None and h.forNodes for h in hints):
        near = [f for f in ready if f[0].hints and any(n.name == place.node for n in f[0].hints.forNodes)]
        if near:
            return near
    if place.zone and all(h is not None and h.forZones for h in hints):
        near = [f for f in ready if f[0].hints and any(z.name == place.zone for z in f[0].hints.forZones)]
        if near:
            return near
    return ready


def _port_frontends(service: Service, port: ServicePort, cluster_ip: str, choice: _Choice) -> list[Frontend]:
    spec = service.spec
    family = family_of(cluster_ip)
    protocol = (port.protocol or "TCP").lower()
    affinity_s = _affinity_s(service)
    none_at_all = not choice.cluster
    inner = Frontend(
        Address(family, cluster_ip, protocol, port.port),
        choice.under(spec.internalTrafficPolicy),
        affinity_s=affinity_s,
        refuse=spec.internalTrafficPolicy != "Local" or none_at_all,
    )
    local = spec.externalTrafficPolicy == "Local"
    balancers = _balancer_ips(service)
    ips = [ip for ip in (*spec.externalIPs, *balancers) if family_of(ip) == family]
    addresses = [Address(family, ip, protocol, port.port) for ip in dict.fromkeys(ips)]
    if port.nodePort and spec.type in ("NodePort", "LoadBalancer"):
        addresses.append(Address(family, "", protocol, port.nodePort))
    sources = tuple(_collapse(spec.loadBalancerSourceRanges, family))
    return [inner] + [
        Frontend(
            address,
            choice.under(spec.externalTrafficPolicy),
            inside=choice.cluster if local else None,
            masquerade=not local,
            affinity_s=affinity_s,
            sources=sources if address.ip in balancers else (),
            refuse=not local or none_at_all,
        )
        for address in addresses
    ]


def _affinity_s(service: Service) -> int:
    if service.spec.sessionAffinity != "ClientIP":
        return 0
    config = service.spec.sessionAffinityConfig
    timeout_s = config.clientIP.timeoutSeconds if config is not None and config.clientIP is not None else None
    return timeout_s or AFFINITY_DEFAULT_S


def _balancer_ips(service: Service) -> tuple[str, ...]:
    """Addresses whose packets arrive here unchanged; with mode Proxy the balancer rewrites them itself."""
    balancer = service.status.loadBalancer
    if service.spec.type != "LoadBalancer" or balancer is None:
        return ()
    return tuple(i.ip for i in balancer.ingress if i.ip and i.ipMode != "Proxy")


def _collapse(ranges: Iterable[str], family: Family) -> list[str]:
    """CIDRs of one family without overlaps, which an interval set would reject."""
    if family == "ip":
        v4 = [ipaddress.IPv4Network(r.strip(), strict=False) for r in ranges if family_of(r) == family]
        return [str(n) for n in ipaddress.collapse_addresses(v4)]
    v6 = [ipaddress.IPv6Network(r.strip(), strict=False) for r in ranges if family_of(r) == family]
    return [str(n) for n in ipaddress.collapse_addresses(v6)]


def _health(service: Service, slices: Iterable[EndpointSlice], place: Place) -> HealthCheck | None:
    port = service.spec.healthCheckNodePort
    if not port:
        return None
    local = {
        e.addresses[0] for s in slices for e in s.endpoints if e.nodeName == place.node and is_ready(e) and e.addresses
    }
    key = ObjectKey(service.metadata.namespace, service.metadata.name)
    return HealthCheck(port, key, len(local))
