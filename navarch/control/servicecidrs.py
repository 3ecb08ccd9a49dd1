"""The service CIDR controller: marks ranges of service addresses as ready, and keeps those in use. Pure.

A range that is being deleted stays while a Service has an address out of it that no other range covers.

Source: networking.k8s.io/v1 ServiceCIDR; KEP-1880 (finalizer, condition and its texts).
"""

from __future__ import annotations

from collections.abc import Hashable
from ipaddress import ip_address, ip_network
from typing import Final

from navarch.base.resource import ObjectKey
from navarch.base.times import format_time
from navarch.client.contract import PatchType
from navarch.control.intents import DONE, Patch, Plan
from navarch.control.sources import IPADDRESSES, SERVICECIDRS
from navarch.control.views import Bare, ServiceCIDR
from navarch.control.world import Controller, Watch, World

#: By which name the conditions are applied.
_MANAGER: Final = "service-cidr-controller"
FINALIZER: Final = "networking.k8s.io/service-cidr-finalizer"
READY: Final = ("True", "", "Kubernetes Service CIDR is ready")
TERMINATING: Final = (
    "False",
    "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    cidr = world[SERVICECIDRS].get(key)
    if cidr is None:
        return DONE
    held = FINALIZER in cidr.metadata.finalizers
    if cidr.metadata.deletionTimestamp is None:
        return _finalizers(cidr, [*cidr.metadata.finalizers, FINALIZER]) if not held else _condition(cidr, READY, now)
    if not held:
        return DONE
    if _is_needed(world, cidr):
        return _condition(cidr, TERMINATING, now)
    return _finalizers(cidr, [f for f in cidr.metadata.finalizers if f != FINALIZER])


def _is_needed(world: World, cidr: ServiceCIDR) -> bool:
    """Whether an address lies in this range and in no other that stays."""
    mine = [ip_network(c) for c in cidr.spec.cidrs]
    others = [
        ip_network(c)
        for other in world[SERVICECIDRS].values()
        if other.metadata.uid != cidr.metadata.uid and other.metadata.deletionTimestamp is None
        for c in other.spec.cidrs
    ]
    addresses = (ip_address(a.metadata.name) for a in world[IPADDRESSES].values())
    return any(any(a in n for n in mine) and not any(a in n for n in others) for a in addresses)


def _finalizers(cidr: ServiceCIDR, wanted: list[str]) -> Plan:
    patch = {"metadata": {"finalizers": wanted or None}}
    uid, revision = cidr.metadata.uid, cidr.metadata.resourceVersion
    return Plan(
        (Patch(SERVICECIDRS.resource, ObjectKey("", cidr.metadata.name), patch, uid=uid, resource_version=revision),)
    )


def _condition(cidr: ServiceCIDR, condition: tuple[str, str, str], now: float) -> Plan:
    known = next((c for c in cidr.status.conditions if c.type == "Ready"), None)
    if known is not None and (known.status, known.reason, known.message) == condition:
        return DONE
    status, reason, message = condition
    tree = {"type": "Ready", "status": status, "reason": reason, "message": message}
    resource, name = SERVICECIDRS.resource, cidr.metadata.name
    applied = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name},
        "status": {"conditions": [{**tree, "lastTransitionTime": format_time(now)}]},
    }
    key, uid, revision = ObjectKey("", name), cidr.metadata.uid, cidr.metadata.resourceVersion
    return Plan((Patch(resource, key, applied, PatchType.APPLY, "status", uid, revision, manager=_MANAGER),))


def _leaving(world: World) -> list[Hashable]:
    return [ObjectKey("", c.metadata.name) for c in world[SERVICECIDRS].values() if c.metadata.deletionTimestamp]


def _keys_of_cidr(world: World, key: ObjectKey, _old: ServiceCIDR | None, _new: ServiceCIDR | None) -> list[Hashable]:
    return [key, *_leaving(world)]


def _keys_of_address(world: World, _key: ObjectKey, _old: Bare | None, new: Bare | None) -> list[Hashable]:
    return _leaving(world) if new is None else []


CONTROLLER = Controller(
    "service-cidrs-controller",
    (Watch(SERVICECIDRS, _keys_of_cidr), Watch(IPADDRESSES, _keys_of_address)),
    reconcile,
)
