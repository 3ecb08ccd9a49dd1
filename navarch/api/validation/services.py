"""Services and EndpointSlices.

What needs the cluster's address ranges (allocation, dual stack) is the server's; here is what the
object alone shows.
"""

from __future__ import annotations

from typing import Any, Final

from navarch.api.validation.endpoints import special_address_errors
from navarch.api.validation.labels import label_errors
from navarch.api.validation.rules import (
    Errors,
    indexed,
    invalid_each,
    named,
    one_of,
    port,
    port_number,
    supported,
)
from navarch.base import names
from navarch.base.field import (
    duplicate,
    forbidden_field,
    immutable,
    invalid_value,
    not_supported,
    required,
)
from navarch.schema.types import Tree

_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_FAMILIES: Final = ("IPv4", "IPv6")
_AFFINITY_MAX_S: Final = 86400
_ONLY_BALANCER: Final = "may only be used when `type` is 'LoadBalancer'"


def service_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    kind = spec.get("type", "")
    errors: Errors = []
    headless = spec.get("clusterIP") == "None" or "None" in (spec.get("clusterIPs") or ())
    if not spec.get("ports") and not headless and kind != "ExternalName":
        errors.append(required("spec.ports"))
    if kind == "LoadBalancer":
        if headless:
            text = f"may not be set to 'None' for {kind} services"
            errors.append(invalid_value("spec.clusterIPs[0]", "None", text))
    elif kind == "ExternalName":
        errors += named("spec.externalName", _host(spec), names.dns1123_subdomain_errors)
    errors += _port_list_errors(spec)
    errors += label_errors(spec.get("selector"), "spec.selector")
    errors += one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"), needed=True)
    errors += _affinity_errors(spec)
    errors += cluster_ip_errors(spec)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        where = f"spec.externalIPs[{index}]"
        errors += invalid_each(where, address, names.ip_errors(address)) or special_address_errors(address, where)
    errors += one_of("spec.type", kind, _TYPES, needed=True)
    errors += _node_port_errors(spec)
    errors += _balancer_errors(spec)
    return errors + _policy_errors(spec)


def service_update_errors(new: Tree, old: Tree) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors: Errors = []
    local = all(s.get("type") == "LoadBalancer" and s.get("externalTrafficPolicy") == "Local" for s in (spec, before))
    if local and before.get("healthCheckNodePort") and spec.get("healthCheckNodePort") != before["healthCheckNodePort"]:
        errors.append(forbidden_field("spec.healthCheckNodePort", "field is immutable"))
    if spec.get("type") != "ExternalName" and before.get("type") != "ExternalName":
        old_ip, new_ip = before.get("clusterIP"), spec.get("clusterIP")
        if old_ip and new_ip and old_ip != new_ip:
            shown = spec.get("clusterIPs") or [new_ip]
            errors.append(invalid_value("spec.clusterIPs[0]", shown, "may not change once set"))
    balancers = spec.get("type") == before.get("type") == "LoadBalancer"
    if balancers and spec.get("loadBalancerClass") != before.get("loadBalancerClass"):
        text = "may not change once set"
        errors.append(invalid_value("spec.loadBalancerClass", spec.get("loadBalancerClass"), text))
    return errors + _balancer_class_errors(spec)


def endpoint_slice_errors(tree: Tree) -> Errors:
    kind = tree.get("addressType", "")
    if not kind:
        return [required("addressType")]
    if kind not in ("FQDN", "IPv4", "IPv6"):
        return [not_supported("addressType", kind, ("FQDN", "IPv4", "IPv6"))]
    errors: Errors = []
    for where, endpoint in indexed(tree, "endpoints", ""):
        errors += _endpoint_errors(endpoint, where.lstrip("."), kind)
    return errors + _slice_port_errors(tree)


def endpoint_slice_update_errors(new: Tree, old: Tree) -> Errors:
    if new.get("addressType") != old.get("addressType"):
        return [immutable("addressType", new.get("addressType", ""))]
    return []


def _host(spec: Tree) -> str:
    return str(spec.get("externalName") or "").removesuffix(".")


def _port_list_errors(spec: Tree) -> Errors:
    errors: Errors = []
    several = len(spec.get("ports") or ()) > 1
    seen_names: set[str] = set()
    seen: set[tuple[Any, ...]] = set()
    for where, entry in indexed(spec, "ports", "spec"):
        name = entry.get("name", "")
        if several and not name:
            errors.append(required(f"{where}.name"))
        elif name:
            errors += invalid_each(f"{where}.name", name, names.dns1123_label_errors(name))
            if name in seen_names:
                errors.append(duplicate(f"{where}.name", name))
            seen_names.add(name)
        errors += port_number(f"{where}.port", entry.get("port", 0))
        errors += one_of(f"{where}.protocol", entry.get("protocol"), _PROTOCOLS, needed=True)
        errors += port(f"{where}.targetPort", entry.get("targetPort", 0))
        if (application := entry.get("appProtocol")) is not None:
            errors += invalid_each(f"{where}.appProtocol", application, names.qualified_name_errors(application))
        key = (entry.get("protocol"), entry.get("port"))
        if key in seen:
            errors.append(duplicate(where, _shown_port(entry)))
        seen.add(key)
    return errors


def _shown_port(entry: Tree) -> Tree:
    """A duplicate port as the server's own structure prints it: what tells ports apart."""
    return {
        "Name": "",
        "Protocol": entry.get("protocol", ""),
        "AppProtocol": None,
        "Port": entry.get("port", 0),
        "TargetPort": 0,
        "NodePort": 0,
    }


def _affinity_errors(spec: Tree) -> Errors:
    config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    if spec.get("sessionAffinity") != "ClientIP":
        if spec.get("sessionAffinity") == "None" and spec.get("sessionAffinityConfig"):
            text = "must not be set when session affinity is None"
            return [forbidden_field("spec.sessionAffinityConfig", text)]
        return []
    where = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
    seconds = config.get("timeoutSeconds")
    if seconds is None:
        return [required(where)]
    if not 0 < seconds <= _AFFINITY_MAX_S:
        return [invalid_value(where, seconds, f"must be greater than 0 and less than {_AFFINITY_MAX_S}")]
    return []


def cluster_ip_errors(spec: Tree) -> Errors:
    """Errors of addresses and families among themselves; what clusterIP says, clusterIPs repeats."""
    addresses = spec.get("clusterIPs") or []
    families = spec.get("ipFamilies") or []
    errors: Errors = []
    if spec.get("type") == "ExternalName":
        forbidden = ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
        text = "may not be set for ExternalName services"
        return [forbidden_field(f"spec.{key}", text) for key in forbidden if spec.get(key)]
    first = spec.get("clusterIP")
    if addresses and not first:
        errors.append(invalid_value("spec.clusterIPs", addresses, "must be empty when `clusterIP` is not specified"))
    elif addresses and addresses[0] != first:
        errors.append(invalid_value("spec.clusterIPs", addresses, "first value must match `clusterIP`"))
    for index, family in enumerate(families):
        if family not in _FAMILIES:
            errors.append(not_supported(f"spec.ipFamilies[{index}]", family, _FAMILIES))
        if family in families[:index]:
            errors.append(duplicate(f"spec.ipFamilies[{index}]", family))
    policies = ("PreferDualStack", "RequireDualStack", "SingleStack")
    errors += one_of("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), policies)
    if "None" in addresses:
        if len(addresses) > 1:
            errors.append(invalid_value("spec.clusterIPs", addresses, "'None' must be the first and only value"))
        if len(addresses) > 2:
            errors.append(invalid_value("spec.clusterIPs", addresses, "may only hold up to 2 values"))
        return errors
    for index, address in enumerate(addresses):
        errors += invalid_each(f"spec.clusterIPs[{index}]", address, names.ip_errors(address))
    if len(addresses) > 2:
        errors.append(invalid_value("spec.clusterIPs", addresses, "may only hold up to 2 values"))
    kinds = [parsed.version for address in addresses if (parsed := names.parse_ip(address))]
    if len(kinds) == len(addresses) and len(set(kinds)) != len(kinds):
        errors.append(invalid_value("spec.clusterIPs", addresses, "may specify no more than one IP for each IP family"))
    if not errors and len(kinds) == len(addresses):
        for index, (version, family) in enumerate(zip(kinds, families, strict=False)):
            if family != f"IPv{version}":
                text = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
                errors.append(invalid_value(f"spec.clusterIPs[{index}]", addresses[index], text))
    return errors


def _node_port_errors(spec: Tree) -> Errors:
    errors: Errors = []
    taken: set[tuple[Any, ...]] = set()
    for where, entry in indexed(spec, "ports", "spec"):
        number = entry.get("nodePort")
        if not number:
            continue
        if spec.get("type") in ("ClusterIP", "ExternalName"):
            text = f"may not be used when `type` is '{spec['type']}'"
            errors.append(forbidden_field(f"{where}.nodePort", text))
        key = (entry.get("protocol"), number)
        if key in taken:
            errors.append(duplicate(f"{where}.nodePort", number))
        taken.add(key)
    return errors


def _balancer_errors(spec: Tree) -> Errors:
    balancer = spec.get("type") == "LoadBalancer"
    errors: Errors = []
    ranges = spec.get("loadBalancerSourceRanges") or []
    if ranges and not balancer:
        errors.append(forbidden_field("spec.LoadBalancerSourceRanges", _ONLY_BALANCER))
    for index, text in enumerate(ranges):
        errors += invalid_each(f"spec.LoadBalancerSourceRanges[{index}]", text, names.cidr_errors(text.strip()))
    allocate = spec.get("allocateLoadBalancerNodePorts")
    if balancer and allocate is None:
        errors.append(required("spec.allocateLoadBalancerNodePorts"))
    if not balancer and allocate is not None:
        errors.append(forbidden_field("spec.allocateLoadBalancerNodePorts", _ONLY_BALANCER))
    return errors + _balancer_class_errors(spec)


def _balancer_class_errors(spec: Tree) -> Errors:
    """Updates meet these twice."""
    name = spec.get("loadBalancerClass")
    if name is None:
        return []
    if spec.get("type") != "LoadBalancer":
        return [forbidden_field("spec.loadBalancerClass", _ONLY_BALANCER)]
    return invalid_each("spec.loadBalancerClass", name, names.qualified_name_errors(name))


def _policy_errors(spec: Tree) -> Errors:
    errors: Errors = []
    kind, outside = spec.get("type"), spec.get("externalTrafficPolicy", "")
    exposed = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))
    if not exposed and outside:
        text = "may only be set for externally-accessible services"
        errors.append(invalid_value("spec.externalTrafficPolicy", outside, text))
    elif exposed:
        errors += one_of("spec.externalTrafficPolicy", outside, ("Cluster", "Local"), needed=True)
    health = spec.get("healthCheckNodePort", 0)
    if health:
        if kind == "LoadBalancer" and outside == "Local":
            errors += port_number("spec.healthCheckNodePort", health)
        else:
            text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            errors.append(invalid_value("spec.healthCheckNodePort", health, text))
    if spec.get("internalTrafficPolicy") is not None:
        errors += supported("spec.internalTrafficPolicy", spec["internalTrafficPolicy"], ("Cluster", "Local"))
    if spec.get("trafficDistribution") is not None:
        allowed = ("PreferClose", "PreferSameZone", "PreferSameNode")
        errors += supported("spec.trafficDistribution", spec["trafficDistribution"], allowed)
    return errors


def _endpoint_errors(endpoint: Tree, path: str, kind: str) -> Errors:
    addresses = endpoint.get("addresses") or []
    errors: Errors = []
    if not addresses:
        errors.append(required(f"{path}.addresses", "must contain at least 1 address"))
    for index, address in enumerate(addresses):
        errors += _address_errors(address, f"{path}.addresses[{index}]", kind)
    if (node := endpoint.get("nodeName")) is not None:
        errors += invalid_each(f"{path}.nodeName", node, names.dns1123_subdomain_errors(node))
    if (host := endpoint.get("hostname")) is not None:
        errors += invalid_each(f"{path}.hostname", host, names.dns1123_label_errors(host))
    seen: set[str] = set()
    for where, zone in indexed(endpoint.get("hints") or {}, "forZones", f"{path}.hints"):
        name = zone.get("name", "")
        if name in seen:
            errors.append(duplicate(f"{where}.name", name))
        seen.add(name)
        errors += named(f"{where}.name", name, names.qualified_name_errors)
    return errors


def _address_errors(address: str, path: str, kind: str) -> Errors:
    if kind == "FQDN":
        if not address:
            return [required(path)]
        bare = address.removesuffix(".")
        errors = invalid_each(path, address, names.dns1123_subdomain_errors(bare))
        if errors:
            return errors
        if "." not in bare:
            return [invalid_value(path, address, "should be a domain with at least two segments separated by dots")]
        return []
    errors = invalid_each(path, address, names.ip_errors(address))
    parsed = names.parse_ip(address)
    if parsed is not None and parsed.version != (4 if kind == "IPv4" else 6):
        errors.append(invalid_value(path, address, f"must be an {kind} address"))
    return errors if parsed is None else errors + special_address_errors(address, path)


def _slice_port_errors(tree: Tree) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for place, entry in indexed(tree, "ports", ""):
        where = place.lstrip(".")
        name = entry.get("name") or ""
        if name:
            errors += invalid_each(f"{where}.name", name, names.dns1123_label_errors(name))
        if name in seen:
            errors.append(duplicate(f"{where}.name", name))
        seen.add(name)
        errors += supported(f"{where}.protocol", entry.get("protocol"), _PROTOCOLS)
        if (application := entry.get("appProtocol")) is not None:
            errors += invalid_each(f"{where}.appProtocol", application, names.qualified_name_errors(application))
    return errors
