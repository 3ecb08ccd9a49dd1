"""The configuration of a DNS server for the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """`listen` are the addresses of the node it serves on, none in a simulation. `hosts` are names outside
    the cluster with their addresses. `upstreams` are the resolvers for everything else.

    Pods ask `cluster_ip`; the node's proxy brings them here, see `service.py`.
    """

    node: str = ""
    listen: tuple[str, ...] = ()
    port: int = 53
    metrics_port: int = 9153
    cluster_ip: str = "10.96.0.10"
    domain: str = "cluster.local"
    ttl_s: int = 30
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    upstreams: tuple[str, ...] = ()
    upstream_timeout_s: float = 1.5
    #: After a failure an upstream is left alone for so long; while all are, questions for them fail at once.
    upstream_rest_s: float = 3.0
    forwards_max: int = 1000
    cache_entries: int = 10_000
    cache_ttl_s: int = 30
    tcp_idle_s: float = 10.0
    tcp_connections: int = 500


def upstreams_of(resolv_conf: str, own: tuple[str, ...]) -> tuple[str, ...]:
    """The name servers of a resolv.conf without those that would lead back here."""
    servers = [
        line.split()[1] for line in resolv_conf.splitlines() if line.startswith("nameserver") and len(line.split()) > 1
    ]
    return tuple(s for s in dict.fromkeys(servers) if s not in own and not s.startswith("127.") and s != "::1")
