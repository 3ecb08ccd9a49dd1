"""Keeps columns and queue in step with what the informers see.

Callers: `cycle.py`. Handlers are plain functions that run between plans, never during one. A pod that is
assumed on a node stays there until its binding is seen, fails, or the pod is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace
from typing import Any, Final

from navarch.api.views.core import Namespace
from navarch.api.views.node import Node
from navarch.api.views.pod import Pod
from navarch.api.views.policy import PodDisruptionBudget
from navarch.api.views.storage import PersistentVolume, PersistentVolumeClaim, StorageClass
from navarch.base import times
from navarch.base.resource import ObjectKey, Resource
from navarch.base.selector import from_label_selector
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.scheduler.columns import Columns
from navarch.scheduler.plugins.contract import Change
from navarch.scheduler.pods import Placed
from navarch.scheduler.preemption import Budget
from navarch.scheduler.queue import SchedulingQueue
from navarch.scheduler.shape import PodInfo, Shapes
from navarch.scheduler.siblings import Siblings
from navarch.seams.contract import Rng

PODS: Final = Resource("", "v1", "pods", "Pod", True)
NODES: Final = Resource("", "v1", "nodes", "Node", False)
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", False)
CLAIMS: Final = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", True)
VOLUMES: Final = Resource("", "v1", "persistentvolumes", "PersistentVolume", False)
CLASSES: Final = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", False)
BUDGETS: Final = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True)

_FINISHED: Final = ("Succeeded", "Failed")


class World:
    """What the scheduler knows. `on_change` is called after each change; `on_gated` for pods with gates."""

    def __init__(
        self,
        client: Client,
        rng: Rng,
        scheduler_name: str,
        queue: SchedulingQueue,
        on_change: Callable[[Set[Change]], None],
        on_gated: Callable[[Pod], None],
    ) -> None:
        self.columns = Columns()
        self.queue = queue
        #: Pods for which preemption has made room.
        self.nominated: dict[ObjectKey, PodInfo] = {}
        #: Assumed pods whose binding is not yet seen.
        self.assumed: dict[ObjectKey, PodInfo] = {}
        self._name = scheduler_name
        self._on_change = on_change
        self._on_gated = on_gated
        self._shapes = Shapes()
        self.siblings = Siblings(client, rng)
        self.pods = Informer(client, PODS, Pod, rng=rng)
        self._nodes = Informer(client, NODES, Node, rng=rng)
        self._namespaces = Informer(client, NAMESPACES, Namespace, rng=rng)
        self._claims = Informer(client, CLAIMS, PersistentVolumeClaim, rng=rng)
        self._volumes = Informer(client, VOLUMES, PersistentVolume, rng=rng)
        self._classes = Informer(client, CLASSES, StorageClass, rng=rng)
        self._budgets = Informer(client, BUDGETS, PodDisruptionBudget, rng=rng)

    @property
    def informers(self) -> tuple[Informer[Any], ...]:
        own = (self._nodes, self._namespaces, self._claims, self._volumes, self._classes, self._budgets)
        return (*own, *self.siblings.informers, self.pods)

    def start(self) -> None:
        """Take in what the informers know and follow them. They must have synced."""
        self._namespaces.on_change(self._namespace_changed)
        self._claims.on_change(self._claim_changed)
        self._volumes.on_change(self._volume_changed)
        self._classes.on_change(self._class_changed)
        self._nodes.on_change(self._node_changed)
        self.pods.on_change(self._pod_changed)

    def budgets(self) -> list[Budget]:
        """The disruption budgets, in the order of their names."""
        found = sorted(self._budgets.cache.values(), key=lambda b: (b.metadata.namespace, b.metadata.name))
        return [
            Budget(b.metadata.namespace, from_label_selector(b.spec.selector), b.status.disruptionsAllowed)
            for b in found
        ]

    def forget(self, pod: PodInfo) -> None:
        """An assumed pod was not bound."""
        if self.assumed.get(pod.key) is pod:
            del self.assumed[pod.key]
            self.columns.remove(pod.key)
            self._on_change({Change.POD_REMOVED})

    def still_waits(self, pod: PodInfo) -> bool:
        """Is a pod that could not be bound to be tried again? If not, it leaves the queue."""
        view = self.pods.cache.get(pod.key)
        if view is None or view.metadata.uid != pod.uid:
            # Gone, or another by now, which was queued when it appeared.
            return False
        if view.spec.nodeName or view.metadata.deletionTimestamp is not None:
            self.queue.remove(pod.key)
            return False
        return True

    def nominate(self, pod: PodInfo, node: str) -> None:
        """Room is being made for a pod: note it before the API server tells us."""
        nominated = replace(pod, nominated=node)
        self.nominated[pod.key] = nominated
        if self.queue.get(pod.key) is not None:
            self.queue.update(nominated)

    # Handlers.

    def _pod_changed(self, key: ObjectKey, old: Pod | None, new: Pod | None) -> None:
        if new is None or new.status.phase in _FINISHED:
            self._gone(key)
        elif new.spec.nodeName:
            self._bound(key, old, new)
        elif new.spec.schedulerName == self._name and key not in self.assumed:
            self._waiting(key, new)

    def _gone(self, key: ObjectKey) -> None:
        self.queue.remove(key)
        self.assumed.pop(key, None)
        self.nominated.pop(key, None)
        if self.columns.remove(key) is not None:
            self._on_change({Change.POD_REMOVED})

    def _bound(self, key: ObjectKey, old: Pod | None, new: Pod) -> None:
        self.queue.remove(key)
        self.nominated.pop(key, None)
        was_assumed = self.assumed.pop(key, None) is not None
        known = self.columns.pods.by_key.get(key)
        slot = self.columns.slot(new.spec.nodeName)
        ending = new.metadata.deletionTimestamp is not None
        if was_assumed and known is not None and not ending and _as_assumed(known, slot, new):
            self._on_change({Change.POD_PLACED})
            return
        if known is not None and old is not None and _alike(old, new) and known.ending == ending:
            return
        shape = self._shapes.of(new)
        started = times.parse(new.status.startTime) if new.status.startTime else 0.0
        self.columns.place(Placed(key, new.metadata.uid, shape, slot, started, ending))
        if known is None:
            self._on_change({Change.POD_PLACED})
        else:
            # Other labels, a smaller size: what it left free may help.
            self._on_change({Change.POD_LABELS, Change.POD_REMOVED})

    def _waiting(self, key: ObjectKey, new: Pod) -> None:
        if new.metadata.deletionTimestamp is not None:
            self._gone(key)
            return
        if new.spec.schedulingGates:
            self.queue.remove(key)
            self._on_gated(new)
            return
        created = times.parse(new.metadata.creationTimestamp) if new.metadata.creationTimestamp else 0.0
        shape = self._shapes.of(new, self.siblings.of(new))
        pod = PodInfo(key, new.metadata.uid, shape, created, new.status.nominatedNodeName)
        if pod.nominated:
            self.nominated[key] = pod
        else:
            self.nominated.pop(key, None)
        known = self.queue.get(key)
        if known is not None and known.uid == pod.uid and known.shape is shape:
            self.queue.update(pod)
            return
        self.queue.add(pod)
        self._on_change(set())

    def _node_changed(self, key: ObjectKey, old: Node | None, new: Node | None) -> None:
        if new is None:
            self.columns.remove_node(key.name)
            return
        changes = _node_changes(old, new)
        if changes or old is None or old.status.images != new.status.images:
            self.columns.set_node(new)
        if changes:
            self._on_change(changes)

    def _namespace_changed(self, key: ObjectKey, old: Namespace | None, new: Namespace | None) -> None:
        labels = new.metadata.labels if new is not None else None
        if old is None or labels != old.metadata.labels:
            self.columns.pods.set_namespace(key.name, labels)
            self._on_change({Change.NAMESPACES})

    def _claim_changed(
        self, key: ObjectKey, _old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None
    ) -> None:
        _keep(self.columns.volumes.claims, key, new)
        self._on_change({Change.VOLUMES})

    def _volume_changed(self, key: ObjectKey, _old: PersistentVolume | None, new: PersistentVolume | None) -> None:
        _keep(self.columns.volumes.volumes, key.name, new)
        self._on_change({Change.VOLUMES})

    def _class_changed(self, key: ObjectKey, _old: StorageClass | None, new: StorageClass | None) -> None:
        _keep(self.columns.volumes.classes, key.name, new)
        self._on_change({Change.VOLUMES})


def _as_assumed(assumed: Placed, slot: int, pod: Pod) -> bool:
    """Is the pod bound where it was assumed to be, with the labels that it had?"""
    return (assumed.slot, assumed.uid, assumed.shape.labels) == (slot, pod.metadata.uid, pod.metadata.labels)


def _alike(old: Pod, new: Pod) -> bool:
    """Is all that the scheduler counts still the same?"""
    return old.metadata.labels == new.metadata.labels and old.spec == new.spec


def _keep(table: dict[Any, Any], key: object, value: object | None) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _node_changes(old: Node | None, new: Node) -> set[Change]:
    """What of a node's change may matter to a pod that waits."""
    if old is None:
        return {Change.NODE_ADDED}
    changes = set()
    if old.metadata.labels != new.metadata.labels:
        changes.add(Change.NODE_LABELS)
    if old.spec.taints != new.spec.taints or old.spec.unschedulable != new.spec.unschedulable:
        changes.add(Change.NODE_TAINTS)
    if old.status.allocatable != new.status.allocatable:
        changes.add(Change.NODE_ALLOCATABLE)
    return changes
