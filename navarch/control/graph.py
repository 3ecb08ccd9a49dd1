"""The metadata of all objects of all resources: who owns what, and what a namespace holds."""

from __future__ import annotations

from collections.abc import Iterable

from navarch.base.resource import ObjectKey, Resource
from navarch.control.sources import namespace
from navarch.control.views import Bare
from navarch.control.world import Source


def owners(view: Bare) -> tuple[str, ...]:
    """The uids of all owners, controlling or not."""
    return tuple(r.uid for r in view.metadata.ownerReferences)


def bare_sources(resources: Iterable[Resource]) -> dict[Resource, Source[Bare]]:
    """A metadata source per resource, with the indexes `owners` and `namespace`."""
    indexes = {"owners": owners, "namespace": namespace}
    return {r: Source(r, Bare, indexes) for r in resources}


def owner_key(resource: Resource, namespace_of_dependent: str, name: str) -> ObjectKey:
    """An owner lives in the namespace of its dependent, or in none."""
    return ObjectKey(namespace_of_dependent if resource.namespaced else "", name)
