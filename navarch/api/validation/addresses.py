"""IPAddress and ServiceCIDR.

Source: kubernetes `pkg/apis/networking/validation`.
"""

from __future__ import annotations

import ipaddress

from navarch.api.validation.go_form import shown
from navarch.api.validation.rules import Errors, invalid_each, named
from navarch.base import names
from navarch.base.field import immutable, invalid_value, required
from navarch.schema.types import Tree

_FAMILIES = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
_DUAL = 2


def ip_address_errors(tree: Tree) -> Errors:
    parent = (tree.get("spec") or {}).get("parentRef")
    path = "spec.parentRef"
    if parent is None:
        return [required(path)]
    errors: Errors = []
    if group := parent.get("group"):
        errors += invalid_each(f"{path}.group", group, names.dns1123_subdomain_errors(group))
    errors += named(f"{path}.resource", parent.get("resource"), names.path_segment_errors)
    if namespace := parent.get("namespace"):
        errors += invalid_each(f"{path}.namespace", namespace, names.path_segment_errors(namespace))
    return errors + named(f"{path}.name", parent.get("name"), names.path_segment_errors)


def ip_address_update_errors(new: Tree, old: Tree) -> Errors:
    parent, before = ((tree.get("spec") or {}).get("parentRef") for tree in (new, old))
    return [immutable("spec.parentRef", shown("ParentReference", parent))] if parent != before else []


def service_cidr_errors(cidrs: list[str]) -> Errors:
    path = "spec.cidrs"
    if not cidrs:
        return [required(path, "at least one CIDR required")]
    if len(cidrs) > _DUAL:
        return [invalid_value(path, {"CIDRs": cidrs}, "may only hold up to 2 values")]
    parsed = [names.parse_cidr(cidr) for cidr in cidrs]
    if len(cidrs) == _DUAL and len({network.version for network in parsed if network}) < _DUAL:
        return [invalid_value(path, cidrs, _FAMILIES)]
    errors: Errors = []
    for index, cidr in enumerate(cidrs):
        errors += _cidr_errors(cidr, f"{path}[{index}]")
    return errors


def new_service_cidr_errors(tree: Tree) -> Errors:
    return service_cidr_errors(_cidrs(tree))


def service_cidr_update_errors(new: Tree, old: Tree) -> Errors:
    """A second family may be added, nothing else may change."""
    cidrs, before = _cidrs(new), _cidrs(old)
    if cidrs == before:
        return []
    if len(before) == 1 and len(cidrs) == _DUAL and cidrs[:1] == before:
        return service_cidr_errors(cidrs)
    if len(before) == len(cidrs):
        pairs = enumerate(zip(cidrs, before, strict=True))
        return [immutable(f"spec.cidrs[{index}]", now) for index, (now, was) in pairs if now != was]
    return [immutable("spec.cidrs", (new.get("spec") or {}).get("cidrs"))]


def _cidrs(tree: Tree) -> list[str]:
    return [cidr or "" for cidr in (tree.get("spec") or {}).get("cidrs") or ()]


def _cidr_errors(text: str, path: str) -> Errors:
    network = names.parse_cidr(text)
    if network is None:
        return invalid_each(path, text, names.cidr_errors(text))
    address = ipaddress.ip_address(text.partition("/")[0])
    if address != network.network_address:
        return [invalid_value(path, text, "must not have bits set beyond the prefix length")]
    return []
