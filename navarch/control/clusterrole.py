"""ClusterRole aggregation: a role with an aggregation rule holds the rules of all roles it selects.

Source: rbac.authorization.k8s.io/v1 `aggregationRule`; rules of the selected roles by name, without doubles.
"""

from __future__ import annotations

from typing import Final

import msgspec

from navarch.api.views.rbac import ClusterRole, PolicyRule
from navarch.base.resource import ObjectKey
from navarch.base.selector import from_label_selector
from navarch.client.cache import key_of
from navarch.client.contract import PatchType
from navarch.control.intents import DONE, Patch, Plan
from navarch.control.sources import CLUSTERROLES
from navarch.control.views import to_tree
from navarch.control.world import Controller, Watch, World

_NAME: Final = "clusterrole-aggregation-controller"


def reconcile(world: World, key: ObjectKey, _now: float) -> Plan:
    role = world[CLUSTERROLES].get(key)
    if role is None or role.aggregationRule is None:
        return DONE
    selectors = [from_label_selector(s) for s in role.aggregationRule.clusterRoleSelectors]
    rules: dict[bytes, PolicyRule] = {}
    for other in sorted(world[CLUSTERROLES].values(), key=lambda r: r.metadata.name):
        if other.metadata.name != key.name and any(s.matches(other.metadata.labels) for s in selectors):
            for rule in other.rules:
                rules.setdefault(msgspec.json.encode(rule), rule)
    if tuple(rules.values()) == role.rules:
        return DONE
    resource, metadata = CLUSTERROLES.resource, role.metadata
    applied = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": key.name},
        "rules": [to_tree(r) for r in rules.values()],
    }
    uid, revision = metadata.uid, metadata.resourceVersion
    return Plan((Patch(resource, key, applied, PatchType.APPLY, "", uid, revision, manager=_NAME),))


def _keys(world: World, _key: ObjectKey, _old: ClusterRole | None, _new: ClusterRole | None) -> list[ObjectKey]:
    """Any role may be part of any that aggregates."""
    return [key_of(r) for r in world[CLUSTERROLES].values() if r.aggregationRule is not None]


CONTROLLER = Controller(_NAME, (Watch(CLUSTERROLES, _keys),), reconcile)
