"""The configuration of one node's proxy."""

from __future__ import annotations

from dataclasses import dataclass

from navarch.proxy.rules import Family


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """`pod_cidrs` are this node's. With `service_cidrs`, addresses in them that no service has are dropped.

    A change is applied `coalesce_s` after the first of a burst. Every `check_interval_s` the proxy looks
    whether its tables are still there. `remove_on_stop`: leave nothing behind, instead of a working node.
    """

    node: str
    pod_cidrs: tuple[str, ...] = ()
    service_cidrs: tuple[str, ...] = ()
    families: tuple[Family, ...] = ("ip",)
    coalesce_s: float = 0.02
    retry_s: float = 1.0
    check_interval_s: float = 30.0
    remove_on_stop: bool = False
