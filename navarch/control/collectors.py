"""The controllers that look at every resource, custom ones included: garbage, namespaces and quotas.

Callers: those who run the control plane. A control plane watches a set of resources that is fixed at
its start; this one is started anew whenever CustomResourceDefinitions change the set. These
controllers keep nothing between reconciliations that they cannot read again, so nothing is lost by that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from navarch.api.views.base import View
from navarch.api.views.meta import NO_METADATA, ObjectMeta
from navarch.base.resource import Resource
from navarch.client.cache import Cache
from navarch.client.contract import Client
from navarch.client.informer import Informer
from navarch.control.catalog import collectors, single_minded
from navarch.control.config import Config
from navarch.control.runner import ControlPlane
from navarch.seams.contract import Seams

DEFINITIONS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False)


class Names(View, frozen=True):
    plural: str = ""
    kind: str = ""


class Version(View, frozen=True):
    name: str = ""
    served: bool = False
    storage: bool = False


class DefinitionSpec(View, frozen=True):
    group: str = ""
    scope: str = ""
    names: Names = Names()
    versions: tuple[Version, ...] = ()


class Condition(View, frozen=True):
    type: str = ""
    status: str = ""


class DefinitionStatus(View, frozen=True):
    conditions: tuple[Condition, ...] = ()


class Definition(View, frozen=True):
    """What a CustomResourceDefinition says of where its objects are."""

    metadata: ObjectMeta = NO_METADATA
    spec: DefinitionSpec = DefinitionSpec()
    status: DefinitionStatus = DefinitionStatus()


def custom_resources(definitions: Iterable[Definition]) -> tuple[Resource, ...]:
    """One served version of each established definition: the storage version where that is served."""
    found = []
    for definition in definitions:
        spec = definition.spec
        served = [version for version in spec.versions if version.served]
        established = any(c.type == "Established" and c.status == "True" for c in definition.status.conditions)
        if not served or not established:
            continue
        version = next((v for v in served if v.storage), served[0])
        names = spec.names
        found.append(Resource(spec.group, version.name, names.plural, names.kind, spec.scope == "Namespaced"))
    return tuple(sorted(found))


async def run_controllers(
    client: Client, seams: Seams, config: Config, *, client_for: Callable[[str], Client] | None = None
) -> None:
    """Run all controllers of a cluster until cancelled. `config.resources` are the built-in ones."""
    async with asyncio.TaskGroup() as group:
        group.create_task(ControlPlane(client, seams, single_minded(config), client_for=client_for).run())
        group.create_task(run_collectors(client, seams, config, client_for=client_for))


async def run_collectors(
    client: Client, seams: Seams, config: Config, *, client_for: Callable[[str], Client] | None = None
) -> None:
    """Run them until cancelled."""
    definitions: Informer[Definition] = Informer(client, DEFINITIONS, Definition, rng=seams.rng)
    changed = asyncio.Event()
    definitions.on_change(lambda _key, _old, _new: changed.set())

    async def follow(group: asyncio.TaskGroup) -> None:
        await definitions.synced.wait()
        while True:
            custom = custom_resources(definitions.cache.values())
            whole = replace(config, resources=(*config.resources, *custom))
            plane = group.create_task(ControlPlane(client, seams, collectors(whole), client_for=client_for).run())
            await _until_other(custom, definitions.cache, changed)
            plane.cancel()
            await asyncio.wait([plane])

    async with asyncio.TaskGroup() as group:
        group.create_task(definitions.run())
        # A task of its own: who waits within the group cannot be dropped quietly.
        group.create_task(follow(group))


async def _until_other(custom: tuple[Resource, ...], cache: Cache[Definition], changed: asyncio.Event) -> None:
    """Wait until the definitions are about other resources."""
    while custom_resources(cache.values()) == custom:
        changed.clear()
        await changed.wait()
