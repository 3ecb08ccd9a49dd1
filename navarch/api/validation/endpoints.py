"""Endpoints.

Source: kubernetes `pkg/apis/core/validation`.
"""

from __future__ import annotations

from typing import Final

from navarch.api.validation.rules import Errors, indexed, invalid_each, one_of, port_number
from navarch.base import names
from navarch.base.field import invalid_value, required
from navarch.schema.types import Tree

_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")


def endpoints_errors(tree: Tree) -> Errors:
    errors: Errors = []
    for place, subset in indexed(tree, "subsets", ""):
        path = place.lstrip(".")
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            errors.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
        for key in ("addresses", "notReadyAddresses"):
            for where, address in indexed(subset, key, path):
                errors += _address_errors(address, where)
        several = len(subset.get("ports") or ()) > 1
        for where, entry in indexed(subset, "ports", path):
            errors += _port_errors(entry, where, needs_name=several)
    return errors


def _address_errors(address: Tree, path: str) -> Errors:
    ip = address.get("ip", "")
    errors = invalid_each(f"{path}.ip", ip, names.ip_errors(ip))
    if host := address.get("hostname"):
        errors += invalid_each(f"{path}.hostname", host, names.dns1123_label_errors(host))
    if (node := address.get("nodeName")) is not None:
        errors += invalid_each(f"{path}.nodeName", node, names.dns1123_subdomain_errors(node))
    return errors + special_address_errors(ip, f"{path}.ip")


def special_address_errors(text: str, path: str) -> Errors:
    """An address that no other host could reach."""
    ip = names.parse_ip(text)
    if ip is None:
        return [invalid_value(path, text, "must be a valid IP address")]
    multicast = ip.is_multicast and (
        ip.packed[:3] == b"\xe0\x00\x00" if ip.version == 4 else ip.packed[1] & 0x0F == 0x02
    )
    checks = (
        (ip.is_unspecified, "may not be unspecified (0.0.0.0 or ::)"),
        (ip.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (ip.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    )
    return [invalid_value(path, text, why) for wrong, why in checks if wrong]


def _port_errors(entry: Tree, path: str, *, needs_name: bool) -> Errors:
    name = entry.get("name", "")
    errors: Errors = []
    if name:
        errors += invalid_each(f"{path}.name", name, names.dns1123_label_errors(name))
    elif needs_name:
        errors.append(required(f"{path}.name"))
    errors += port_number(f"{path}.port", entry.get("port"))
    errors += one_of(f"{path}.protocol", entry.get("protocol"), _PROTOCOLS, needed=True)
    if (application := entry.get("appProtocol")) is not None:
        errors += invalid_each(f"{path}.appProtocol", application, names.qualified_name_errors(application))
    return errors
