"""What a node may say of a pod. Pure.

Source: core status validation of Pods, Kubernetes 1.36.
"""

from __future__ import annotations

from typing import Final

from navarch.api.validation.rules import Errors, indexed, invalid_each, not_negative
from navarch.base import names
from navarch.base.field import duplicate, invalid_value
from navarch.schema.types import Tree

#: Conditions of Kubernetes' own; others are named like labels, for readiness gates.
_CONDITIONS: Final = frozenset(
    {
        *("PodScheduled", "Ready", "Initialized", "ContainersReady", "DisruptionTarget"),
        *("PodReadyToStartContainers", "PodResizePending", "PodResizeInProgress", "AllContainersRestarting"),
    }
)


def pod_status_errors(new: Tree, old: Tree) -> Errors:
    status, before = new.get("status") or {}, old.get("status") or {}
    errors = _condition_errors(status)
    nominated = status.get("nominatedNodeName")
    if nominated:
        rule = names.dns1123_subdomain_errors(nominated)
        errors += invalid_each("status.nominatedNodeName", nominated, rule)
    errors += _address_errors(status, "podIPs") + _address_errors(status, "hostIPs")
    if before.get("qosClass") and status.get("qosClass") != before["qosClass"]:
        errors.append(invalid_value("status.qosClass", status.get("qosClass", ""), "field is immutable"))
    return errors + not_negative("status.observedGeneration", status.get("observedGeneration"))


def _condition_errors(status: Tree) -> Errors:
    errors: Errors = []
    for path, condition in indexed(status, "conditions", "status"):
        kind = condition.get("type", "")
        if kind not in _CONDITIONS:
            errors += invalid_each(f"{path}.Type", kind, names.qualified_name_errors(kind))
        errors += not_negative(f"{path}.observedGeneration", condition.get("observedGeneration"))
    return errors


def _address_errors(status: Tree, part: str) -> Errors:
    """At most one address of each family."""
    errors: Errors = []
    addresses = [entry.get("ip", "") for entry in status.get(part) or ()]
    for index, address in enumerate(addresses):
        path = f"status.{part}[{index}]"
        errors += invalid_each(path, address, names.ip_errors(address))
        if address in addresses[:index]:
            errors.append(duplicate(path, {"ip": address}))
    parsed = [names.parse_ip(address) for address in addresses]
    families = [each.version for each in parsed if each is not None]
    if len(addresses) > 2 or (len(families) > 1 and len(set(families)) < len(families)):
        text = "may specify no more than one IP for each IP family"
        errors.append(invalid_value(f"status.{part}", status[part], text))
    return errors
