"""The garbage collector: deletes objects whose owners are gone, and carries out foreground and orphan deletes.

A key is an object of some resource. An owner counts as gone when the cache of its resource, being no
older than the dependent, does not hold it; where the cache lags, the server itself is asked.

Source: Kubernetes' garbage collector (owner references, `foregroundDeletion` and `orphan` finalizers).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import partial
from typing import Final, NamedTuple

from navarch.api.views.meta import OwnerReference
from navarch.base.resource import ObjectKey, Resource
from navarch.client.cache import key_of
from navarch.control.graph import owner_key
from navarch.control.intents import DONE, Delete, Intent, Look, Patch, Plan
from navarch.control.views import Bare, to_tree
from navarch.control.world import Controller, Source, Watch, World

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
#: When to look again at an object whose owner is of a kind that is not served (yet).
UNKNOWN_KIND_S: Final = 30.0

Sources = Mapping[Resource, Source[Bare]]


class Node(NamedTuple):
    """An object in the graph."""

    resource: Resource
    key: ObjectKey


class _Owner(Enum):
    SOLID = auto()
    WAITING = auto()
    GONE = auto()
    UNKNOWN = auto()


class Collector:
    """The reconcile function over a fixed set of resources."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._by_kind = {(r.group, r.kind): r for r in sources}

    def reconcile(self, world: World, node: Node, _now: float) -> Plan:
        view = world[self._sources[node.resource]].get(node.key)
        if view is None:
            return DONE
        if view.metadata.deletionTimestamp is not None:
            return Plan(tuple(self._leaving(world, node, view)))
        if not view.metadata.ownerReferences:
            return DONE
        return self._attend(world, node, view)

    # --- an object that is being deleted
    def _leaving(self, world: World, node: Node, view: Bare) -> Iterator[Intent]:
        finalizers = view.metadata.finalizers
        if ORPHAN in finalizers:
            dependents = list(self.dependents(world, view.metadata.uid))
            for dependent, other in dependents:
                yield _keep_owners(dependent, other, {view.metadata.uid})
            yield _without_finalizer(node, view, ORPHAN)
        elif FOREGROUND in finalizers and not self._is_blocked(world, view):
            yield _without_finalizer(node, view, FOREGROUND)

    def _is_blocked(self, world: World, owner: Bare) -> bool:
        """Dependents delete themselves when they find their owner waiting; some make it wait."""
        uid = owner.metadata.uid
        return any(
            reference.uid == uid and reference.blockOwnerDeletion
            for _, dependent in self.dependents(world, uid)
            for reference in dependent.metadata.ownerReferences
        )

    # --- an object with owners
    def _attend(self, world: World, node: Node, view: Bare) -> Plan:
        seen = world.seen.get(node, {})
        states = [(r, self._state(world, view, r, seen)) for r in view.metadata.ownerReferences]
        unknown = [r for r, s in states if s is _Owner.UNKNOWN]
        if unknown:
            return self._ask(view, unknown)
        if any(s is _Owner.SOLID for _, s in states):
            stale = {r.uid for r, s in states if s is not _Owner.SOLID}
            return Plan((_keep_owners(node, view, stale),)) if stale else DONE
        waits = any(s is _Owner.WAITING for _, s in states)
        dependents = [d for _, d in self.dependents(world, view.metadata.uid)] if waits else []
        blocks = any(r.blockOwnerDeletion for r in view.metadata.ownerReferences)
        if blocks and any(FOREGROUND in d.metadata.finalizers for d in dependents):
            # A circle: each would wait for the other for ever.
            return Plan((_unblock(node, view),))
        return Plan((_delete(node, view, _propagation(view, bool(dependents))),))

    def _state(
        self, world: World, view: Bare, reference: OwnerReference, seen: Mapping[tuple[Resource, ObjectKey], str]
    ) -> _Owner:
        resource = self._resource(reference)
        if resource is None or (resource.namespaced and not view.metadata.namespace):
            return _Owner.UNKNOWN if resource is None else _Owner.GONE
        key = owner_key(resource, view.metadata.namespace, reference.name)
        cache = world[self._sources[resource]]
        owner = cache.get(key)
        if owner is not None and owner.metadata.uid == reference.uid:
            leaving = owner.metadata.deletionTimestamp is not None and FOREGROUND in owner.metadata.finalizers
            return _Owner.WAITING if leaving else _Owner.SOLID
        if cache.revision >= int(view.metadata.resourceVersion):
            return _Owner.GONE
        if (resource, key) not in seen:
            return _Owner.UNKNOWN
        return _Owner.SOLID if seen[resource, key] == reference.uid else _Owner.GONE

    def _ask(self, view: Bare, unknown: Sequence[OwnerReference]) -> Plan:
        known = [(r, self._resource(r)) for r in unknown]
        looks = tuple(
            Look(resource, owner_key(resource, view.metadata.namespace, reference.name))
            for reference, resource in known
            if resource is not None
        )
        return Plan(looks, None if len(looks) == len(unknown) else UNKNOWN_KIND_S)

    def _resource(self, reference: OwnerReference) -> Resource | None:
        group = reference.apiVersion.rpartition("/")[0]
        return self._by_kind.get((group, reference.kind))

    # --- the graph
    def dependents(self, world: World, uid: str) -> Iterator[tuple[Node, Bare]]:
        for resource, source in self._sources.items():
            for view in world[source].by_index("owners", uid):
                yield Node(resource, key_of(view)), view

    def keys(
        self, resource: Resource, world: World, key: ObjectKey, old: Bare | None, new: Bare | None
    ) -> set[Hashable]:
        """The object itself if it has owners or is leaving; its dependents once it goes; owners that
        wait for it."""
        keys: set[Hashable] = set()
        if new is not None and (new.metadata.ownerReferences or new.metadata.deletionTimestamp is not None):
            keys.add(Node(resource, key))
        started = new is not None and new.metadata.deletionTimestamp and not (old and old.metadata.deletionTimestamp)
        if old is not None and (new is None or started):
            keys.update(node for node, _ in self.dependents(world, old.metadata.uid))
        for reference in old.metadata.ownerReferences if old is not None else ():
            parent = self._resource(reference)
            if parent is not None:
                node = Node(parent, owner_key(parent, key.namespace, reference.name))
                owner = world[self._sources[parent]].get(node.key)
                if owner is not None and owner.metadata.deletionTimestamp is not None:
                    keys.add(node)
        return keys


def _propagation(view: Bare, in_foreground: bool) -> str:
    if ORPHAN in view.metadata.finalizers:
        return "Orphan"
    if in_foreground or FOREGROUND in view.metadata.finalizers:
        return "Foreground"
    return "Background"


def _delete(node: Node, view: Bare, propagation: str) -> Delete:
    metadata = view.metadata
    return Delete(node.resource, node.key, metadata.uid, metadata.resourceVersion, propagation=propagation)


def _unblock(node: Node, view: Bare) -> Patch:
    references = [{**to_tree(r), "blockOwnerDeletion": False} for r in view.metadata.ownerReferences]
    return _patch(node, view, {"metadata": {"ownerReferences": references}})


def _keep_owners(node: Node, view: Bare, dropped: set[str]) -> Patch:
    kept = [to_tree(r) for r in view.metadata.ownerReferences if r.uid not in dropped]
    return _patch(node, view, {"metadata": {"ownerReferences": kept or None}})


def _without_finalizer(node: Node, view: Bare, finalizer: str) -> Patch:
    kept = [f for f in view.metadata.finalizers if f != finalizer]
    return _patch(node, view, {"metadata": {"finalizers": kept or None}})


def _patch(node: Node, view: Bare, patch: object) -> Patch:
    return Patch(node.resource, node.key, patch, uid=view.metadata.uid, resource_version=view.metadata.resourceVersion)


def controller(sources: Sources) -> Controller:
    """The garbage collector over `sources`."""
    collector = Collector(sources)
    watches = tuple(Watch(source, partial(collector.keys, resource)) for resource, source in sources.items())
    return Controller("generic-garbage-collector", watches, collector.reconcile, workers=20)
