"""The ReplicationController controller: `replicas.py` applied to ReplicationControllers."""

from __future__ import annotations

from collections.abc import Hashable

from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.base.selector import from_labels
from navarch.client.cache import key_of
from navarch.control import replicas
from navarch.control.intents import DONE, Plan
from navarch.control.sources import PODS, REPLICATIONCONTROLLERS, controller_of
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


def keys_of_pod(world: World, _key: ObjectKey, old: Pod | None, new: Pod | None) -> set[Hashable]:
    keys: set[Hashable] = set()
    for pod in (old, new):
        parent = controller_of(pod) if pod is not None else None
        if pod is not None and parent is not None and parent.kind == "ReplicationController":
            keys.add(ObjectKey(pod.metadata.namespace, parent.name))
    if new is not None and controller_of(new) is None:
        for controller in world[REPLICATIONCONTROLLERS].by_index("namespace", new.metadata.namespace):
            if controller.spec.selector.items() <= new.metadata.labels.items():
                keys.add(key_of(controller))
    return keys


CONTROLLER = Controller(
    "replication-controller",
    (Watch(REPLICATIONCONTROLLERS, same_key), Watch(PODS, keys_of_pod)),
    reconcile,
)
