"""NetworkPolicy: who may talk to the pods, and to whom they may.

Source: kubernetes `pkg/apis/networking/validation`.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from navarch.api.validation.labels import selector_errors
from navarch.api.validation.rules import Errors, indexed, invalid_each, port, port_number
from navarch.base import names
from navarch.base.field import forbidden_field, invalid_value, not_supported, required
from navarch.schema.types import Tree

_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")
_POLICY_TYPES: Final = ("Ingress", "Egress")
_BELOW_PORT: Final = "must be greater than or equal to `port`"


def network_policy_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = selector_errors(spec.get("podSelector"), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for path, rule in indexed(spec, direction, "spec"):
            for where, entry in indexed(rule, "ports", path):
                errors += _port_errors(entry, where)
            for where, peer in indexed(rule, peers, path):
                errors += _peer_errors(peer, where)
    types = [kind or "" for kind in spec.get("policyTypes") or ()]
    if len(types) > len(_POLICY_TYPES):
        text = "may not specify more than two policyTypes"
        return [*errors, invalid_value("spec.policyTypes", types, text)]
    return errors + [
        not_supported(f"spec.policyTypes[{index}]", kind, _POLICY_TYPES)
        for index, kind in enumerate(types)
        if kind not in _POLICY_TYPES
    ]


def _port_errors(entry: Tree, path: str) -> Errors:
    errors: Errors = []
    protocol, first, last = entry.get("protocol"), entry.get("port"), entry.get("endPort")
    if protocol is not None and protocol not in _PROTOCOLS:
        errors.append(not_supported(f"{path}.protocol", protocol, _PROTOCOLS))
    if isinstance(first, int):
        errors += port(f"{path}.port", first)
    if last is not None:
        errors += _range_errors(first, last, f"{path}.endPort")
    return errors + port(f"{path}.port", first) if isinstance(first, str) else errors


def _range_errors(first: Any, last: int, path: str) -> Errors:
    if first is None:
        return [invalid_value(path, last, "may not be specified when `port` is not specified")]
    if isinstance(first, str):
        return [invalid_value(path, last, "may not be specified when `port` is non-numeric")]
    errors = [invalid_value(path, first, _BELOW_PORT)] if last < first else []
    return errors + port_number(path, last)


def _peer_errors(peer: Tree, path: str) -> Errors:
    errors: Errors = []
    given = [key for key in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(key) is not None]
    for key in given:
        if key == "ipBlock":
            errors += _block_errors(peer[key], f"{path}.{key}")
        else:
            errors += selector_errors(peer[key], f"{path}.{key}")
    if not given:
        errors.append(required(path, "must specify a peer"))
    elif len(given) > 1 and "ipBlock" in given:
        errors.append(forbidden_field(path, "may not specify both ipBlock and another peer"))
    return errors


def _block_errors(block: Tree, path: str) -> Errors:
    text = block.get("cidr", "")
    if not text:
        return [required(f"{path}.cidr")]
    if found := invalid_each(f"{path}.cidr", text, names.cidr_errors(text)):
        return found
    errors: Errors = []
    whole = names.parse_cidr(text)
    for index, inner in enumerate(block.get("except") or ()):
        where = f"{path}.except[{index}]"
        if found := invalid_each(where, inner, names.cidr_errors(inner or "")):
            errors += found
            continue
        part = names.parse_cidr(inner)
        assert whole is not None and part is not None
        if not _inside(part, whole):
            errors.append(invalid_value(where, inner, "must be a strict subset of `cidr`"))
    return errors


def _inside(
    part: ipaddress.IPv4Network | ipaddress.IPv6Network, whole: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return part.version == whole.version and part.prefixlen > whole.prefixlen and part.network_address in whole
