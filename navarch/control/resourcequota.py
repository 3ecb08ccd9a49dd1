"""The resource quota controller: recounts what a namespace uses of its quotas.

Admission charges each write to the quotas; this controller gives back what was deleted or failed to be
written, and counts from nothing every five minutes. What each pod uses is remembered as long as the pod
does not change, so that a recount of a large namespace is a sum.

Source: Kubernetes' resource quota controller.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, Final

from navarch.api.usage import Usage, counts, usage_of
from navarch.api.views.pod import Pod
from navarch.base import quantity
from navarch.base.quantity import ZERO
from navarch.base.resource import ObjectKey, Resource
from navarch.client.cache import HasMetadata, key_of
from navarch.control.intents import DONE, Plan, Update
from navarch.control.pods import is_finished
from navarch.control.sources import CLAIMS, PODS, RESOURCEQUOTAS, SERVICES
from navarch.control.views import Bare, ResourceQuota, to_tree
from navarch.control.world import Controller, Source, Watch, World
from navarch.schema.types import Tree

RESYNC_S: Final = 300.0
#: A recount looks at all objects of the namespace, so that a burst of changes is counted once.
PAUSE_S: Final = 1.0
#: What is weighed object by object; of everything else a quota knows the number only.
WEIGHED: Final[Mapping[str, Source[Any]]] = {
    "pods": PODS,
    "services": SERVICES,
    "persistentvolumeclaims": CLAIMS,
}


def bucket_of(resource: Resource) -> str:
    """The resource's name in `count/NAME`."""
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


class Counter:
    """The reconcile function over all resources that can be counted."""

    def __init__(self, sources: Mapping[Resource, Source[Bare]]) -> None:
        self.sources = {bucket_of(r): s for r, s in sources.items() if r.namespaced and bucket_of(r) not in WEIGHED}
        #: When each quota was counted last.
        self._counted_at: dict[ObjectKey, float] = {}
        #: By quota (key, uid) and bucket, by the uid of the object: its resourceVersion and what it uses.
        self._known: dict[tuple[ObjectKey, str, str], dict[str, tuple[str, Usage]]] = {}

    def reconcile(self, world: World, key: ObjectKey, now: float) -> Plan:
        quota = world[RESOURCEQUOTAS].get(key)
        if quota is None:
            self._known = {k: v for k, v in self._known.items() if k[0] != key}
            self._counted_at.pop(key, None)
            return DONE
        pause_s = self._counted_at.get(key, -PAUSE_S) + PAUSE_S - now
        if pause_s > 0 and quota.status.hard == quota.spec.hard:
            return Plan(requeue_after_s=pause_s)
        self._counted_at[key] = now
        used = {name: str(amount) for name, amount in self._used(world, quota).items()}
        if quota.status.hard == quota.spec.hard and quota.status.used == used:
            return Plan(requeue_after_s=RESYNC_S, routine=True)
        # The role allows no reading: what the cache holds is sent back whole.
        status = {"hard": dict(quota.spec.hard), "used": used}
        tree = {**_tree(quota), "apiVersion": "v1", "kind": "ResourceQuota", "status": status}
        return Plan((Update(RESOURCEQUOTAS.resource, tree, "status"),), RESYNC_S, routine=True)

    def _used(self, world: World, quota: ResourceQuota) -> Usage:
        used: Usage = dict.fromkeys(sorted(quota.spec.hard), ZERO)
        namespace = quota.metadata.namespace
        scoped = bool(quota.spec.scopes or quota.spec.scopeSelector)
        for bucket, source in WEIGHED.items():
            for usage in self._usages(quota, bucket, world[source].by_index("namespace", namespace)):
                for name in usage.keys() & used.keys():
                    used[name] = used[name].add(usage[name])
        for bucket, bare in self.sources.items():
            names = usage_of(bucket, {}).keys() & used.keys()
            if names and not scoped:
                number = quantity.from_value(len(world[bare].by_index("namespace", namespace)))
                used |= dict.fromkeys(names, number)
        return used

    def _usages(self, quota: ResourceQuota, bucket: str, views: Iterable[HasMetadata]) -> Iterator[Usage]:
        remembered = (key_of(quota), quota.metadata.uid, bucket)
        known, fresh = self._known.get(remembered, {}), {}
        for view in views:
            uid, version = view.metadata.uid, view.metadata.resourceVersion
            entry = known.get(uid)
            if entry is None or entry[0] != version:
                entry = (version, _usage(quota, bucket, view))
            fresh[uid] = entry
            yield entry[1]
        self._known[remembered] = fresh


def _keys(world: World, key: ObjectKey, old: HasMetadata | None, new: HasMetadata | None) -> list[Hashable]:
    """The quotas of the namespace, when an object comes or goes."""
    return [] if old is not None and new is not None else _quotas(world, key)


def _keys_of_change(world: World, key: ObjectKey, _old: HasMetadata | None, _new: HasMetadata | None) -> list[Hashable]:
    return _quotas(world, key)


def _keys_of_pod(world: World, key: ObjectKey, old: Pod | None, new: Pod | None) -> list[Hashable]:
    """Of a pod's life only its end and a resize change what it uses."""
    if old is not None and new is not None and is_finished(old) == is_finished(new):
        before, after = ([c.resources for c in p.spec.containers] for p in (old, new))
        if before == after:
            return []
    return _quotas(world, key)


def _keys_of_quota(
    world: World, key: ObjectKey, old: ResourceQuota | None, new: ResourceQuota | None
) -> list[Hashable]:
    """The quota, and as quotas count each other, all of the namespace when one comes or goes."""
    return [key] if old is not None and new is not None else [key, *_quotas(world, key)]


def _quotas(world: World, key: ObjectKey) -> list[Hashable]:
    return [key_of(q) for q in world[RESOURCEQUOTAS].by_index("namespace", key.namespace)]


def _usage(quota: ResourceQuota, bucket: str, view: Any) -> Usage:
    tree = {"metadata": to_tree(view.metadata), "spec": to_tree(view.spec), "status": to_tree(view.status)}
    return usage_of(bucket, tree) if counts(_tree(quota), bucket, tree) else {}


def _tree(quota: ResourceQuota) -> Tree:
    """The quota without its status."""
    return {"metadata": to_tree(quota.metadata), "spec": to_tree(quota.spec)}


def controller(sources: Mapping[Resource, Source[Bare]]) -> Controller:
    counter = Counter(sources)
    watches: tuple[Watch[Any], ...] = (
        Watch(RESOURCEQUOTAS, _keys_of_quota),
        Watch(PODS, _keys_of_pod),
        Watch(SERVICES, _keys_of_change),
        Watch(CLAIMS, _keys_of_change),
        *(Watch(s, _keys) for s in counter.sources.values()),
    )
    return Controller("resourcequota-controller", watches, counter.reconcile)
