"""The ReplicationController controller: `replicas.py` applied to ReplicationControllers."""

from __future__ import annotations

from navarch.base.resource import ObjectKey
from navarch.base.selector import Selector, from_labels
from navarch.control import replicas
from navarch.control.intents import DONE, Plan
from navarch.control.ownership import keys_of_claimants
from navarch.control.sources import PODS, REPLICATIONCONTROLLERS
from navarch.control.views import ReplicationController
from navarch.control.world import Controller, Watch, World, same_key


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    controller = world[REPLICATIONCONTROLLERS].get(key)
    if controller is None or controller.spec.template is None or not controller.spec.selector:
        return DONE
    spec = replicas.ReplicaSpec(
        REPLICATIONCONTROLLERS.resource,
        controller,
        1 if controller.spec.replicas is None else controller.spec.replicas,
        controller.spec.minReadySeconds or 0,
        from_labels(controller.spec.selector),
        controller.spec.template,
    )
    status = controller.status
    current = {
        "replicas": status.replicas,
        "fullyLabeledReplicas": status.fullyLabeledReplicas,
        "readyReplicas": status.readyReplicas,
        "availableReplicas": status.availableReplicas,
        "observedGeneration": status.observedGeneration,
    }
    related = world[PODS].by_index("owner", controller.metadata.uid)
    return replicas.reconcile(world, spec, current, status.conditions, related, world.failures.get(key), now)


def _selector(controller: ReplicationController) -> Selector:
    return from_labels(controller.spec.selector)


keys_of_pod = keys_of_claimants("ReplicationController", REPLICATIONCONTROLLERS, _selector)

CONTROLLER = Controller(
    "replication-controller",
    (Watch(REPLICATIONCONTROLLERS, same_key), Watch(PODS, keys_of_pod)),
    reconcile,
)
