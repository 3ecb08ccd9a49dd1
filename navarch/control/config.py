"""What controllers are told at start. One frozen value, passed to `catalog.controllers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from navarch.base.resource import Resource
from navarch.control.certificates import Sign
from navarch.control.graph import bare_sources
from navarch.control.views import Bare
from navarch.control.world import Source


@dataclass(frozen=True)
class Config:
    """`resources`: every served resource that can be listed, watched and deleted, events excepted.
    `root_ca`: PEM, published to all namespaces. `cluster_cidrs`: pod networks, one per IP family;
    without any, somebody else gives nodes their ranges.
    `load_balancer_cidr`: addresses for Services of type LoadBalancer; without it they stay pending."""

    resources: tuple[Resource, ...] = ()
    root_ca: str = ""
    cluster_cidrs: tuple[str, ...] = ("10.244.0.0/16",)
    load_balancer_cidr: str = ""
    node_mask_ipv4: int = 24
    node_mask_ipv6: int = 64
    node_grace_s: float = 40.0
    terminated_pods_kept: int = 12500
    #: Give the nginx of the addon `ingress` its configuration.
    ingress: bool = False
    #: Signs certificates with the cluster's key; None: approved requests wait for somebody else.
    sign: Sign | None = None
    #: One metadata source per resource, shared by the collectors.
    bare: Mapping[Resource, Source[Bare]] = field(init=False)

    @property
    def node_networks(self) -> tuple[tuple[str, int], ...]:
        """Each cluster network with the prefix length of a node's share."""
        return tuple((c, self.node_mask_ipv6 if ":" in c else self.node_mask_ipv4) for c in self.cluster_cidrs)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bare", bare_sources(self.resources))
