"""The service account controller: every living namespace has a ServiceAccount `default`."""

from __future__ import annotations

from typing import Final

from navarch.api.views.core import ServiceAccount
from navarch.base.resource import ObjectKey
from navarch.control.intents import DONE, Create, Plan
from navarch.control.sources import NAMESPACES, SERVICEACCOUNTS
from navarch.control.world import Controller, Watch, World, same_key

NAME: Final = "default"


def reconcile(world: World, key: ObjectKey, _now: float) -> Plan:
    namespace = world[NAMESPACES].get(key)
    if namespace is None or namespace.metadata.deletionTimestamp is not None:
        return DONE
    if world[SERVICEACCOUNTS].get(ObjectKey(key.name, NAME)) is not None:
        return DONE
    tree = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": key.name}}
    return Plan((Create(SERVICEACCOUNTS.resource, tree, key.name),))


def _keys(
    _world: World, key: ObjectKey, _old: ServiceAccount | None, new: ServiceAccount | None
) -> tuple[ObjectKey, ...]:
    return (ObjectKey("", key.namespace),) if new is None and key.name == NAME else ()


CONTROLLER = Controller(
    "service-account-controller", (Watch(NAMESPACES, same_key), Watch(SERVICEACCOUNTS, _keys)), reconcile
)
