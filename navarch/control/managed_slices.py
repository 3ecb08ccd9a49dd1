"""EndpointSlices that a controller keeps for a Service, told from those of others by a label. Pure.

Callers: the EndpointSlice controller and the mirroring controller.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Final

from navarch.api.views.discovery import Endpoint, EndpointPort, EndpointSlice
from navarch.base.resource import ObjectKey
from navarch.client.cache import key_of
from navarch.control.intents import Create, Delete, Patch
from navarch.control.sources import ENDPOINTSLICES
from navarch.control.views import to_tree
from navarch.control.world import Keys, World
from navarch.schema.types import Tree

SERVICE_NAME: Final = "kubernetes.io/service-name"
MANAGED_BY: Final = "endpointslice.kubernetes.io/managed-by"


def slices_of(world: World, key: ObjectKey, manager: str) -> list[EndpointSlice]:
    """The manager's slices of a service that are to stay, by name."""
    found = (
        s
        for s in world[ENDPOINTSLICES].by_index("service", (key.namespace, key.name))
        if s.metadata.labels.get(MANAGED_BY) == manager and s.metadata.deletionTimestamp is None
    )
    return sorted(found, key=lambda s: s.metadata.name)


def create(
    owner: ObjectKey, metadata: Tree, family: str, ports: Iterable[EndpointPort], endpoints: Iterable[Endpoint]
) -> Create:
    """A new slice with the owner's name in front of its own. `metadata`: labels, annotations, owner references."""
    tree: Tree = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"generateName": f"{owner.name}-", "namespace": owner.namespace, **metadata},
        "addressType": family,
        "endpoints": _trees(endpoints),
        "ports": _trees(ports),
    }
    return Create(ENDPOINTSLICES.resource, tree, owner.namespace)


def change(known: EndpointSlice, metadata: Tree, endpoints: Iterable[Endpoint]) -> Patch:
    """Other labels, annotations (None takes one away) and endpoints, if nobody was faster."""
    return Patch(
        ENDPOINTSLICES.resource,
        key_of(known),
        {"metadata": metadata, "endpoints": _trees(endpoints)},
        uid=known.metadata.uid,
        resource_version=known.metadata.resourceVersion,
        by_update=True,
    )


def delete(known: EndpointSlice) -> Delete:
    return Delete(ENDPOINTSLICES.resource, key_of(known), known.metadata.uid)


def keys_of_service(manager: str) -> Keys[Any]:
    """A change of one of the manager's slices is work for the service that it has or had."""

    def keys(_world: World, key: ObjectKey, old: EndpointSlice | None, new: EndpointSlice | None) -> set[Hashable]:
        labels = [s.metadata.labels for s in (old, new) if s is not None]
        return {
            ObjectKey(key.namespace, names[SERVICE_NAME])
            for names in labels
            if names.get(MANAGED_BY) == manager and SERVICE_NAME in names
        }

    return keys


def _trees(views: Iterable[Endpoint | EndpointPort]) -> list[Tree]:
    return [to_tree(v) for v in views]
