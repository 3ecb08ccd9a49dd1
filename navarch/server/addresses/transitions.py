"""What an update of a Service keeps, changes along and gives up, before anything is allocated.

All functions take the new spec and the old one and change the new one only. Called by `services.py`.

Source: registry/core/service (`patchAllocatedValues`, `normalizeClusterIPs`, `dropTypeDependentFields`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from navarch.schema.types import Tree

#: Types that own node ports.
WITH_NODE_PORTS: Final = ("NodePort", "LoadBalancer")


def keep_what_was(spec: Tree, old: Tree) -> None:
    """What an update left out and the service keeps: addresses, families, and ports by port number."""
    if spec.get("type") == "ExternalName" or old.get("type") == "ExternalName":
        return
    if not spec.get("clusterIP") and old.get("clusterIP"):
        spec["clusterIP"] = old["clusterIP"]
    if not spec.get("clusterIPs") and spec.get("clusterIP") == old.get("clusterIP") and old.get("clusterIPs"):
        spec["clusterIPs"] = list(old["clusterIPs"])
    for name in ("ipFamilies", "ipFamilyPolicy"):
        if not spec.get(name) and old.get(name):
            spec[name] = old[name]
    if spec.get("type") not in WITH_NODE_PORTS or old.get("type") not in WITH_NODE_PORTS:
        return
    had = {(p.get("protocol"), p["port"]): p["nodePort"] for p in old.get("ports", ()) if p.get("nodePort")}
    used = {p["nodePort"] for p in spec.get("ports", ()) if p.get("nodePort")}
    for port in spec.get("ports", ()):
        number = had.get((port.get("protocol"), port["port"]))
        if not port.get("nodePort") and number and number not in used:
            port["nodePort"] = number
    if not spec.get("healthCheckNodePort") and old.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = old["healthCheckNodePort"]


def synchronise(spec: Tree, old: Tree) -> None:
    """Clients that know one of clusterIP and clusterIPs change the other with it."""
    if spec.get("clusterIP") == old.get("clusterIP") or spec.get("clusterIPs") != old.get("clusterIPs"):
        return
    if spec.get("clusterIP"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    else:
        spec.pop("clusterIPs", None)


def downgrade(spec: Tree, old: Tree) -> None:
    """A service that goes back to one family keeps its first one."""
    if spec.get("ipFamilyPolicy") != "SingleStack" or old.get("ipFamilyPolicy") == "SingleStack":
        return
    for name in ("clusterIPs", "ipFamilies"):
        if len(spec.get(name, ())) > 1 and spec[name] == old.get(name):
            spec[name] = spec[name][:1]


def drop_what_the_type_lost(spec: Tree, old: Tree) -> None:
    """What the new type has no use for goes, unless the client changed it: then validation says so.

    Source: registry/core/service `dropTypeDependentFields`.
    """
    uses: tuple[tuple[Callable[[Tree], bool], tuple[str, ...]], ...] = (
        (_needs_addresses, ("clusterIPs", "clusterIP", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")),
        (needs_health_check, ("healthCheckNodePort",)),
        (_is_balancer, ("allocateLoadBalancerNodePorts",)),
        (_is_balancer, ("loadBalancerClass",)),
        (_is_exposed, ("externalTrafficPolicy",)),
    )
    for needs, names in uses:
        if needs(old) and not needs(spec):
            for name in names:
                if spec.get(name) == old.get(name):
                    spec.pop(name, None)
    if _needs_node_ports(old) and not _needs_node_ports(spec) and _node_ports_of(old) == _node_ports_of(spec):
        for port in spec.get("ports", ()):
            port.pop("nodePort", None)


def changes_address(spec: Tree, old: Tree) -> bool:
    """Does a service that keeps its addresses ask for another one?"""
    asked = spec.get("clusterIP")
    return bool(asked and _needs_addresses(spec) and _needs_addresses(old) and old.get("clusterIP") not in ("", asked))


def _needs_addresses(spec: Tree) -> bool:
    return spec.get("type") in ("ClusterIP", *WITH_NODE_PORTS)


def _needs_node_ports(spec: Tree) -> bool:
    return spec.get("type") == "NodePort" or (_is_balancer(spec) and spec.get("allocateLoadBalancerNodePorts", True))


def needs_health_check(spec: Tree) -> bool:
    return _is_balancer(spec) and spec.get("externalTrafficPolicy") == "Local"


def _is_balancer(spec: Tree) -> bool:
    return spec.get("type") == "LoadBalancer"


def _is_exposed(spec: Tree) -> bool:
    return spec.get("type") in WITH_NODE_PORTS or (spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs")))


def _node_ports_of(spec: Tree) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}
