"""Typed views of core/v1 Service and Endpoints.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from navarch.api.views.base import EMPTY, View
from navarch.api.views.meta import NO_METADATA, Condition, ObjectMeta
from navarch.api.views.pod import ObjectReference


class ServicePort(View, frozen=True):
    appProtocol: str = ""
    name: str = ""
    nodePort: int | None = None
    port: int = 0
    protocol: str = ""
    targetPort: int | str | None = None


class ClientIPConfig(View, frozen=True):
    timeoutSeconds: int | None = None


class SessionAffinityConfig(View, frozen=True):
    clientIP: ClientIPConfig | None = None


class ServiceSpec(View, frozen=True):
    allocateLoadBalancerNodePorts: bool | None = None
    clusterIP: str = ""
    clusterIPs: tuple[str, ...] = ()
    externalIPs: tuple[str, ...] = ()
    externalName: str = ""
    externalTrafficPolicy: str = ""
    healthCheckNodePort: int | None = None
    internalTrafficPolicy: str = ""
    ipFamilies: tuple[str, ...] = ()
    ipFamilyPolicy: str = ""
    loadBalancerClass: str = ""
    loadBalancerIP: str = ""
    loadBalancerSourceRanges: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    publishNotReadyAddresses: bool | None = None
    selector: Mapping[str, str] = EMPTY
    sessionAffinity: str = ""
    sessionAffinityConfig: SessionAffinityConfig | None = None
    trafficDistribution: str = ""
    type: str = ""


class PortStatus(View, frozen=True):
    error: str = ""
    port: int = 0
    protocol: str = ""


class LoadBalancerIngress(View, frozen=True):
    hostname: str = ""
    ip: str = ""
    ipMode: str = ""
    ports: tuple[PortStatus, ...] = ()


class LoadBalancerStatus(View, frozen=True):
    ingress: tuple[LoadBalancerIngress, ...] = ()


class ServiceStatus(View, frozen=True):
    conditions: tuple[Condition, ...] = ()
    loadBalancer: LoadBalancerStatus | None = None


class Service(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


class EndpointAddress(View, frozen=True):
    hostname: str = ""
    ip: str = ""
    nodeName: str = ""
    targetRef: ObjectReference | None = None


class EndpointPort(View, frozen=True):
    appProtocol: str = ""
    name: str = ""
    port: int = 0
    protocol: str = ""


class EndpointSubset(View, frozen=True):
    addresses: tuple[EndpointAddress, ...] = ()
    notReadyAddresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    subsets: tuple[EndpointSubset, ...] = ()
