"""Protection in use: a claim stays while a pod on a node uses it, a volume while it is bound. Pure.

Two controllers of one shape: the finalizer is given to what lacks it, and taken when nothing holds the
object back any more.

Source: Kubernetes' pvc and pv protection controllers.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey, Resource
from navarch.client.cache import HasMetadata, key_of
from navarch.control.intents import DONE, Patch, Plan
from navarch.control.sources import CLAIMS, PODS, VOLUMES, pod_claims
from navarch.control.world import Controller, Watch, World, same_key

CLAIM_FINALIZER: Final = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER: Final = "kubernetes.io/pv-protection"


def reconcile_claim(world: World, key: ObjectKey, _now: float) -> Plan:
    claim = world[CLAIMS].get(key)
    if claim is None:
        return DONE
    # A pod without a node does no harm: the kubelet starts none with a claim that is being deleted.
    used = any(p.spec.nodeName for p in world[PODS].by_index("claim", (key.namespace, key.name)))
    return _protect(CLAIMS.resource, claim, CLAIM_FINALIZER, used=used)


def reconcile_volume(world: World, key: ObjectKey, _now: float) -> Plan:
    volume = world[VOLUMES].get(key)
    if volume is None:
        return DONE
    return _protect(VOLUMES.resource, volume, VOLUME_FINALIZER, used=volume.status.phase == "Bound")


def _protect(resource: Resource, view: HasMetadata, finalizer: str, *, used: bool) -> Plan:
    metadata = view.metadata
    leaving = metadata.deletionTimestamp is not None
    held = finalizer in metadata.finalizers
    if held == (not leaving) or (leaving and used):
        return DONE
    wanted = [f for f in metadata.finalizers if f != finalizer] + ([] if leaving else [finalizer])
    return Plan(
        (
            Patch(
                resource,
                key_of(view),
                {"metadata": {"finalizers": wanted or None}},
                uid=metadata.uid,
                resource_version=metadata.resourceVersion,
                by_update=True,
            ),
        )
    )


def _keys_of_pod(_world: World, _key: ObjectKey, old: Pod | None, new: Pod | None) -> set[Hashable]:
    """The claims of a pod that goes. What it uses does not change while it lives."""
    return {ObjectKey(*claim) for claim in pod_claims(old)} if old is not None and new is None else set()


CLAIMS_CONTROLLER = Controller(
    "pvc-protection-controller", (Watch(CLAIMS, same_key), Watch(PODS, _keys_of_pod)), reconcile_claim
)
VOLUMES_CONTROLLER = Controller("pv-protection-controller", (Watch(VOLUMES, same_key),), reconcile_volume)
