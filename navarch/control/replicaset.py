"""The ReplicaSet controller: `replicas.py` applied to ReplicaSets, with the pods of sibling sets as company."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.base.selector import from_label_selector
from navarch.control import replicas
from navarch.control.intents import DONE, Plan
from navarch.control.ownership import keys_of_claimants, label_selector
from navarch.control.sources import PODS, REPLICASETS, controller_of
from navarch.control.views import ReplicaSet
from navarch.control.world import Controller, Watch, World, same_key


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    replica_set = world[REPLICASETS].get(key)
    if replica_set is None or replica_set.spec.template is None:
        return DONE
    selector = from_label_selector(replica_set.spec.selector)
    if selector.is_everything:
        return DONE
    spec = replicas.ReplicaSpec(
        REPLICASETS.resource,
        replica_set,
        1 if replica_set.spec.replicas is None else replica_set.spec.replicas,
        replica_set.spec.minReadySeconds or 0,
        selector,
        replica_set.spec.template,
    )
    status = replica_set.status
    current = {
        "replicas": status.replicas,
        "fullyLabeledReplicas": status.fullyLabeledReplicas,
        "readyReplicas": status.readyReplicas,
        "availableReplicas": status.availableReplicas,
        "terminatingReplicas": status.terminatingReplicas,
        "observedGeneration": status.observedGeneration,
    }
    failure = world.failures.get(key)
    return replicas.reconcile(world, spec, current, status.conditions, _related(world, replica_set), failure, now)


def _related(world: World, replica_set: ReplicaSet) -> Iterator[Pod]:
    """The pods of all replica sets of the same deployment."""
    parent = controller_of(replica_set)
    siblings: Iterable[ReplicaSet] = (replica_set,)
    if parent is not None:
        siblings = world[REPLICASETS].by_index("owner", parent.uid)
    for sibling in siblings:
        yield from world[PODS].by_index("owner", sibling.metadata.uid)


keys_of_pod = keys_of_claimants("ReplicaSet", REPLICASETS, label_selector)

CONTROLLER = Controller(
    "replicaset-controller",
    (Watch(REPLICASETS, same_key), Watch(PODS, keys_of_pod)),
    reconcile,
)
