"""Questions that controllers ask about pods, and how a pod is made from a template. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from navarch.api.views.pod import Pod, PodCondition
from navarch.base import times
from navarch.base.resource import Resource
from navarch.client.cache import HasMetadata
from navarch.schema.types import Tree


def condition(pod: Pod, type_: str) -> PodCondition | None:
    return next((c for c in pod.status.conditions if c.type == type_), None)


def is_finished(pod: Pod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")


def is_active(pod: Pod) -> bool:
    """Neither finished nor being deleted."""
    return pod.metadata.deletionTimestamp is None and not is_finished(pod)


def is_terminating(pod: Pod) -> bool:
    """Being deleted, but not finished."""
    return pod.metadata.deletionTimestamp is not None and not is_finished(pod)


def is_ready(pod: Pod) -> bool:
    ready = condition(pod, "Ready")
    return ready is not None and ready.status == "True"


def ready_since(pod: Pod) -> float | None:
    """When the pod became ready; None if it is not."""
    ready = condition(pod, "Ready")
    if ready is None or ready.status != "True":
        return None
    return times.parse(ready.lastTransitionTime) if ready.lastTransitionTime else 0.0


def available_at(pod: Pod, min_ready_s: int) -> float | None:
    """When a ready pod counts as available; None if it is not ready."""
    since = ready_since(pod)
    if since is None:
        return None
    return since + min_ready_s if min_ready_s else 0.0


def next_available_s(pods: Iterable[Pod], min_ready_s: int, now: float) -> float | None:
    """Seconds until the next of `pods` becomes available by mere passing of time."""
    if not min_ready_s:
        return None
    later = [at - now for at in (available_at(p, min_ready_s) for p in pods) if at is not None and at > now]
    return min(later, default=None)


def restarts(pod: Pod) -> int:
    return max((s.restartCount for s in pod.status.containerStatuses), default=0)


def owner_reference(resource: Resource, view: HasMetadata) -> Tree:
    """The controlling reference to `view`, as Kubernetes' controllers write it."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": view.metadata.name,
        "uid": view.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_tree(template: Tree, resource: Resource, owner: HasMetadata) -> Tree:
    """A pod of `owner`, named by the server. Shares the template's spec, which is not to be changed."""
    source = template.get("metadata") or {}
    prefix = owner.metadata.name + "-"
    metadata: Tree = {"generateName": prefix, "namespace": owner.metadata.namespace}
    for field in ("labels", "annotations", "finalizers"):
        if source.get(field):
            metadata[field] = source[field].copy()
    metadata["ownerReferences"] = [owner_reference(resource, owner)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec") or {}}
