"""Which objects a controller owns, by owner reference and selector: adoption, release, whose work a change is. Pure.

Source: Kubernetes' controller reference rules: an object without controller that the selector matches is
adopted, an owned one that it no longer matches is released; neither while the owner is being deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

from navarch.base.resource import ObjectKey, Resource
from navarch.base.selector import Selector, from_label_selector
from navarch.client.cache import HasMetadata, key_of
from navarch.control.intents import Patch
from navarch.control.pods import owner_reference
from navarch.control.sources import controller_of
from navarch.control.views import to_tree
from navarch.control.world import Keys, Source, World
from navarch.schema.types import Tree

V = TypeVar("V", bound=HasMetadata)


def claim(
    resource: Resource,
    owner: HasMetadata,
    selector: Selector,
    of: Resource,
    owned: Iterable[V],
    orphans: Iterable[V],
) -> tuple[list[V], list[Patch]]:
    """The objects of `owner` (adopted ones included) and the patches that adopt and release.

    `resource` is the owner's, `of` that of the objects.
    """
    mine: list[V] = []
    patches: list[Patch] = []
    leaving = owner.metadata.deletionTimestamp is not None
    for view in owned:
        if selector.matches(view.metadata.labels):
            mine.append(view)
        elif not leaving and view.metadata.deletionTimestamp is None:
            patches.append(_release(of, owner, view))
    if leaving:
        return mine, patches
    for view in orphans:
        if view.metadata.deletionTimestamp is None and selector.matches(view.metadata.labels):
            mine.append(view)
            patches.append(_adopt(resource, of, owner, view))
    return mine, patches


def keys_of_owner(kind: str) -> Keys[Any]:
    """A change is work for the owner of that kind that the object has or had."""

    def keys(_world: World, key: ObjectKey, old: HasMetadata | None, new: HasMetadata | None) -> set[Hashable]:
        parents = (controller_of(view) for view in (old, new) if view is not None)
        return {ObjectKey(key.namespace, p.name) for p in parents if p is not None and p.kind == kind}

    return keys


def keys_of_claimants(kind: str, owners: Source[V], selector: Callable[[V], Selector]) -> Keys[Any]:
    """As `keys_of_owner`; for an object that nobody controls, also for those that might adopt it."""
    owner_keys = keys_of_owner(kind)

    def keys(world: World, key: ObjectKey, old: HasMetadata | None, new: HasMetadata | None) -> set[Hashable]:
        found = set(owner_keys(world, key, old, new))
        if new is not None and controller_of(new) is None:
            candidates = world[owners].by_index("namespace", key.namespace)
            found |= {key_of(c) for c in candidates if selector(c).matches(new.metadata.labels)}
        return found

    return keys


def label_selector(owner: Any) -> Selector:
    """The `spec.selector` of a workload."""
    return from_label_selector(owner.spec.selector)


def _adopt(resource: Resource, of: Resource, owner: HasMetadata, view: HasMetadata) -> Patch:
    return _set_owners(of, view, [*_references(view), owner_reference(resource, owner)])


def _release(of: Resource, owner: HasMetadata, view: HasMetadata) -> Patch:
    return _set_owners(of, view, [r for r in _references(view) if r["uid"] != owner.metadata.uid])


def _references(view: HasMetadata) -> list[Tree]:
    return [to_tree(r) for r in view.metadata.ownerReferences]


def _set_owners(of: Resource, view: HasMetadata, references: list[Tree]) -> Patch:
    """The whole list is replaced, so the patch holds only for the state it was made from."""
    metadata = view.metadata
    patch = {"metadata": {"ownerReferences": references or None}}
    return Patch(of, key_of(view), patch, uid=metadata.uid, resource_version=metadata.resourceVersion)
