"""Typed views of networking.k8s.io/v1: network policies.

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
