"""Typed views of networking.k8s.io/v1: network policies and ingresses.

Field names are those of the wire, save for `from` and `except`, which Python keeps to itself.
"""

from __future__ import annotations

import msgspec

from navarch.api.views.base import View
from navarch.api.views.meta import NO_METADATA, LabelSelector, ObjectMeta


class IPBlock(View, frozen=True):
    cidr: str = ""
    except_: tuple[str, ...] = msgspec.field(default=(), name="except")


class NetworkPolicyPeer(View, frozen=True):
    ipBlock: IPBlock | None = None
    namespaceSelector: LabelSelector | None = None
    podSelector: LabelSelector | None = None


class NetworkPolicyPort(View, frozen=True):
    endPort: int | None = None
    port: int | str | None = None
    protocol: str = ""


class NetworkPolicyIngressRule(View, frozen=True):
    from_: tuple[NetworkPolicyPeer, ...] = msgspec.field(default=(), name="from")
    ports: tuple[NetworkPolicyPort, ...] = ()


class NetworkPolicyEgressRule(View, frozen=True):
    ports: tuple[NetworkPolicyPort, ...] = ()
    to: tuple[NetworkPolicyPeer, ...] = ()


class NetworkPolicySpec(View, frozen=True):
    egress: tuple[NetworkPolicyEgressRule, ...] = ()
    ingress: tuple[NetworkPolicyIngressRule, ...] = ()
    podSelector: LabelSelector | None = None
    policyTypes: tuple[str, ...] = ()


class NetworkPolicy(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: NetworkPolicySpec = NetworkPolicySpec()


class ServiceBackendPort(View, frozen=True):
    name: str = ""
    number: int | None = None


class IngressServiceBackend(View, frozen=True):
    name: str = ""
    port: ServiceBackendPort | None = None


class IngressBackend(View, frozen=True):
    service: IngressServiceBackend | None = None


class HTTPIngressPath(View, frozen=True):
    backend: IngressBackend = IngressBackend()
    path: str = ""
    pathType: str = ""


class HTTPIngressRuleValue(View, frozen=True):
    paths: tuple[HTTPIngressPath, ...] = ()


class IngressRule(View, frozen=True):
    host: str = ""
    http: HTTPIngressRuleValue | None = None


class IngressTLS(View, frozen=True):
    hosts: tuple[str, ...] = ()
    secretName: str = ""


class IngressSpec(View, frozen=True):
    defaultBackend: IngressBackend | None = None
    ingressClassName: str = ""
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTLS, ...] = ()


class IngressLoadBalancerIngress(View, frozen=True):
    hostname: str = ""
    ip: str = ""


class IngressLoadBalancerStatus(View, frozen=True):
    ingress: tuple[IngressLoadBalancerIngress, ...] = ()


class IngressStatus(View, frozen=True):
    loadBalancer: IngressLoadBalancerStatus = IngressLoadBalancerStatus()


class Ingress(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: IngressSpec = IngressSpec()
    status: IngressStatus = IngressStatus()


class IngressClassSpec(View, frozen=True):
    controller: str = ""


class IngressClass(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: IngressClassSpec = IngressClassSpec()
