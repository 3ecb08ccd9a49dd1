"""The namespace controller: empties a namespace that is being deleted, pods first, then lets it go.

Source: Kubernetes' namespace deletion (ordered since v1.34; conditions and their texts).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

from navarch.base.resource import ObjectKey, Resource
from navarch.base.times import format_time
from navarch.client.cache import key_of
from navarch.client.recorder import EVENTS
from navarch.control.intents import DONE, DeleteCollection, Intent, Patch, Plan, PutSpec, RequireEmpty
from navarch.control.sources import NAMESPACES, PODS
from navarch.control.views import Bare
from navarch.control.world import Controller, Source, Watch, World, same_key
from navarch.schema.types import Tree

FINALIZER: Final = "kubernetes"

Sources = Mapping[Resource, Source[Bare]]
Content = Mapping[Resource, Sequence[Bare]]


class Emptier:
    """The reconcile function over the namespaced resources of `sources`."""

    def __init__(self, sources: Sources) -> None:
        self.sources = {r: s for r, s in sources.items() if r.namespaced}

    def reconcile(self, world: World, key: ObjectKey, now: float) -> Plan:
        namespace = world[NAMESPACES].get(key)
        if namespace is None or namespace.metadata.deletionTimestamp is None:
            return DONE
        if FINALIZER not in namespace.spec.finalizers:
            return DONE
        content = {r: list(world[s].by_index("namespace", key.name)) for r, s in self.sources.items()}
        content = {r: views for r, views in content.items() if views}
        metadata = namespace.metadata
        if not content:
            kept = [f for f in namespace.spec.finalizers if f != FINALIZER]
            return Plan(
                (
                    *(DeleteCollection(r, key.name) for r in (*self.sources, EVENTS)),
                    RequireEmpty(tuple(self.sources), key.name),
                    PutSpec(
                        NAMESPACES.resource,
                        key,
                        {"finalizers": kept},
                        metadata.uid,
                        metadata.resourceVersion,
                        "finalize",
                    ),
                )
            )
        first = {r: v for r, v in content.items() if r == PODS.resource} or content
        intents: list[Intent] = [
            DeleteCollection(r, key.name, tuple((key_of(v), v.metadata.uid) for v in views))
            for r, views in first.items()
            if any(v.metadata.deletionTimestamp is None for v in views)
        ]
        standing = namespace.status.conditions
        old = [{"type": c.type, "status": c.status, "reason": c.reason, "message": c.message} for c in standing]
        new = conditions(content)
        if old != new:
            stamped = [{**c, "lastTransitionTime": format_time(now)} for c in new]
            status = {"status": {"conditions": stamped}}
            intents.append(
                Patch(NAMESPACES.resource, key, status, subresource="status", uid=metadata.uid, by_update=True)
            )
        return Plan(tuple(intents))

    def key_of_content(
        self, world: World, key: ObjectKey, _old: Bare | None, _new: Bare | None
    ) -> tuple[Hashable, ...]:
        """The namespace, if it is being deleted."""
        owner = ObjectKey("", key.namespace)
        namespace = world[NAMESPACES].get(owner)
        return (owner,) if namespace is not None and namespace.metadata.deletionTimestamp is not None else ()


def conditions(content: Content) -> list[Tree]:
    """What stands in the way of the namespace's end."""
    counts = ", ".join(f"{_plain(r)} has {len(views)} resource instances" for r, views in sorted(content.items()))
    finalizers = Counter(f for views in content.values() for v in views for f in v.metadata.finalizers)
    holding = ", ".join(f"{f} in {n} resource instances" for f, n in sorted(finalizers.items()))
    return [
        _condition(
            "NamespaceDeletionDiscoveryFailure", False, "ResourcesDiscovered", "All resources successfully discovered"
        ),
        _condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            False,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        _condition(
            "NamespaceDeletionContentFailure",
            False,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        _condition("NamespaceContentRemaining", True, "SomeResourcesRemain", f"Some resources are remaining: {counts}"),
        _condition(
            "NamespaceFinalizersRemaining",
            True,
            "SomeFinalizersRemain",
            f"Some content in the namespace has finalizers remaining: {holding}",
        )
        if holding
        else _condition(
            "NamespaceFinalizersRemaining",
            False,
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
        ),
    ]


def _plain(resource: Resource) -> str:
    """Kubernetes writes `pods.` for the core group."""
    return f"{resource.plural}.{resource.group}"


def _condition(type_: str, status: bool, reason: str, message: str) -> Tree:
    return {"type": type_, "status": str(status), "reason": reason, "message": message}


def controller(sources: Sources) -> Controller:
    emptier = Emptier(sources)
    watches: tuple[Watch[Any], ...] = (
        Watch(NAMESPACES, same_key),
        *(Watch(s, emptier.key_of_content) for s in emptier.sources.values()),
    )
    return Controller("namespace-controller", watches, emptier.reconcile)
