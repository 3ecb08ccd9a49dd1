"""Which pods are a pod's siblings: those of its services and of its controller.

Callers: `world.py`. Pods that ask for no spreading are spread, softly, among their siblings.

Source: the scheduler's default constraints (`helper.DefaultSelector`).
"""

from __future__ import annotations

from typing import Any, Final

from navarch.api.views.apps import ReplicaSet
from navarch.api.views.base import View
from navarch.api.views.core import ReplicationController
from navarch.api.views.meta import NO_METADATA, LabelSelector, ObjectMeta
from navarch.api.views.pod import Pod
from navarch.api.views.service import Service
from navarch.base.resource import ObjectKey, Resource
from navarch.base.selector import EVERYTHING, Requirement, Selector, from_label_selector, from_labels
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.seams.contract import Rng

SERVICES: Final = Resource("", "v1", "services", "Service", True)
REPLICATION_CONTROLLERS: Final = Resource("", "v1", "replicationcontrollers", "ReplicationController", True)
REPLICA_SETS: Final = Resource("apps", "v1", "replicasets", "ReplicaSet", True)
STATEFUL_SETS: Final = Resource("apps", "v1", "statefulsets", "StatefulSet", True)


class StatefulSetSpec(View, frozen=True):
    selector: LabelSelector | None = None


class StatefulSet(View, frozen=True):
    """As much of one as says which pods are its own."""

    metadata: ObjectMeta = NO_METADATA
    spec: StatefulSetSpec = StatefulSetSpec()


class Siblings:
    """Follows services and controllers."""

    def __init__(self, client: Client, rng: Rng) -> None:
        by_namespace = {"namespace": lambda service: (service.metadata.namespace,)}
        self._services = Informer(client, SERVICES, Service, indexes=by_namespace, rng=rng)
        self._replication = Informer(client, REPLICATION_CONTROLLERS, ReplicationController, rng=rng)
        self._replica_sets = Informer(client, REPLICA_SETS, ReplicaSet, rng=rng)
        self._stateful_sets = Informer(client, STATEFUL_SETS, StatefulSet, rng=rng)

    @property
    def informers(self) -> tuple[Informer[Any], ...]:
        return self._services, self._replication, self._replica_sets, self._stateful_sets

    def of(self, pod: Pod) -> Selector:
        """Selects the siblings of `pod`; everything, if it has neither service nor controller."""
        requirements = [*self._by_services(pod), *self._by_controller(pod)]
        return Selector(dict.fromkeys(requirements)) if requirements else EVERYTHING

    def _by_services(self, pod: Pod) -> tuple[Requirement, ...]:
        merged: dict[str, str] = {}
        services = self._services.cache.by_index("namespace", pod.metadata.namespace)
        for service in sorted(services, key=lambda s: s.metadata.name):
            selector = service.spec.selector
            if selector and selector.items() <= pod.metadata.labels.items():
                merged.update(selector)
        return from_labels(merged).requirements

    def _by_controller(self, pod: Pod) -> tuple[Requirement, ...]:
        owner = next((o for o in pod.metadata.ownerReferences if o.controller), None)
        if owner is None:
            return ()
        key = ObjectKey(pod.metadata.namespace, owner.name)
        match owner.kind:
            case "ReplicaSet":
                replica_set = self._replica_sets.cache.get(key)
                return from_label_selector(replica_set.spec.selector).requirements if replica_set is not None else ()
            case "StatefulSet":
                stateful_set = self._stateful_sets.cache.get(key)
                return from_label_selector(stateful_set.spec.selector).requirements if stateful_set is not None else ()
            case "ReplicationController":
                controller = self._replication.cache.get(key)
                return from_labels(controller.spec.selector).requirements if controller is not None else ()
        return ()
