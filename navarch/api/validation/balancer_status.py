"""The addresses that a load balancer gave a Service or an Ingress. Pure.

Source: core and networking status validation of Kubernetes 1.36.
"""

from __future__ import annotations

from typing import Final

from navarch.api.validation.rules import Errors, indexed, invalid_each
from navarch.base import names
from navarch.base.field import forbidden_field, invalid_value, not_supported, required
from navarch.schema.types import Tree

_MODES: Final = ("Proxy", "VIP")


def service_status_errors(new: Tree, _old: Tree) -> Errors:
    """Only load balancers have addresses of their own."""
    balancer = (new.get("status") or {}).get("loadBalancer") or {}
    if balancer.get("ingress") and (new.get("spec") or {}).get("type") != "LoadBalancer":
        text = "may only be used when `spec.type` is 'LoadBalancer'"
        return [forbidden_field("status.loadBalancer.ingress", text)]
    errors: Errors = []
    for path, entry in indexed(balancer, "ingress", "status.loadBalancer"):
        errors += _address_errors(entry, path) + _mode_errors(entry, path) + _hostname_errors(entry, path)
    return errors


def ingress_status_errors(new: Tree, _old: Tree) -> Errors:
    balancer = (new.get("status") or {}).get("loadBalancer") or {}
    errors: Errors = []
    for path, entry in indexed(balancer, "ingress", "status.loadBalancer"):
        errors += _address_errors(entry, path) + _hostname_errors(entry, path)
    return errors


def _address_errors(entry: Tree, path: str) -> Errors:
    address = entry.get("ip")
    return invalid_each(f"{path}.ip", address, names.ip_errors(address)) if address else []


def _mode_errors(entry: Tree, path: str) -> Errors:
    mode = entry.get("ipMode")
    where = f"{path}.ipMode"
    if mode is None:
        return [required(where, "must be specified when `ip` is set")] if entry.get("ip") else []
    if not entry.get("ip"):
        return [forbidden_field(where, "may not be specified when `ip` is not set")]
    return [] if mode in _MODES else [not_supported(where, mode, _MODES)]


def _hostname_errors(entry: Tree, path: str) -> Errors:
    hostname = entry.get("hostname")
    if not hostname:
        return []
    errors = invalid_each(f"{path}.hostname", hostname, names.dns1123_subdomain_errors(hostname))
    if names.parse_ip(hostname) is not None:
        errors.append(invalid_value(f"{path}.hostname", hostname, "must be a DNS name, not an IP address"))
    return errors
