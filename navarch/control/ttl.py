"""The TTL controller: tells every kubelet for how long it may trust what it has read. Pure.

The larger the cluster, the longer: the time stands as an annotation on each node.

Source: Kubernetes' ttl controller (annotation, sizes).
"""

from __future__ import annotations

from typing import Final

from navarch.base.resource import ObjectKey
from navarch.control.intents import DONE, Patch, Plan
from navarch.control.sources import NODES
from navarch.control.world import Controller, Watch, World, same_key

ANNOTATION: Final = "node.alpha.kubernetes.io/ttl"
#: (nodes at most, seconds)
STEPS: Final = ((100, 0), (500, 15), (1000, 30), (2000, 60))
LONGEST_S: Final = 300


def ttl_s(nodes: int) -> int:
    return next((seconds for most, seconds in STEPS if nodes <= most), LONGEST_S)


def reconcile(world: World, key: ObjectKey, _now: float) -> Plan:
    node = world[NODES].get(key)
    wanted = str(ttl_s(len(world[NODES])))
    if node is None or node.metadata.annotations.get(ANNOTATION) == wanted:
        return DONE
    patch = {"metadata": {"annotations": {ANNOTATION: wanted}}}
    return Plan((Patch(NODES.resource, key, patch, uid=node.metadata.uid),))


CONTROLLER = Controller("ttl-controller", (Watch(NODES, same_key),), reconcile)
