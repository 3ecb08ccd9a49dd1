"""Protection in use: a claim stays while a pod on a node uses it, a volume while it is bound, a class of attributes
while a claim or a volume names it. Pure.

Three controllers of one shape: the finalizer is given to what lacks it, and taken when nothing holds the
object back any more.

Source: Kubernetes' pvc, pv and volume attributes class protection controllers.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from navarch.api.views.pod import Pod
from navarch.api.views.storage import PersistentVolume, PersistentVolumeClaim
from navarch.base.resource import ObjectKey, Resource
from navarch.client.cache import HasMetadata, key_of
from navarch.control.intents import DONE, Patch, Plan
from navarch.control.sources import CLAIMS, PODS, VOLUMEATTRIBUTESCLASSES, VOLUMES, pod_claims
from navarch.control.world import Controller, Watch, World, same_key

CLAIM_FINALIZER: Final = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER: Final = "kubernetes.io/pv-protection"
CLASS_FINALIZER: Final = "kubernetes.io/vac-protection"


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


def reconcile_class(world: World, key: ObjectKey, _now: float) -> Plan:
    found = world[VOLUMEATTRIBUTESCLASSES].get(key)
    if found is None:
        return DONE
    used = found.metadata.deletionTimestamp is not None and (
        any(key in _classes_of_claim(claim) for claim in world[CLAIMS].values())
        or any(key in _classes_of_volume(volume) for volume in world[VOLUMES].values())
    )
    return _protect(VOLUMEATTRIBUTESCLASSES.resource, found, CLASS_FINALIZER, used=used)


def _classes_of_claim(claim: PersistentVolumeClaim | None) -> set[Hashable]:
    if claim is None:
        return set()
    names = (claim.spec.volumeAttributesClassName, claim.status.currentVolumeAttributesClassName)
    return {ObjectKey("", name) for name in names if name}


def _classes_of_volume(volume: PersistentVolume | None) -> set[Hashable]:
    name = volume.spec.volumeAttributesClassName if volume is not None else None
    return {ObjectKey("", name)} if name else set()


def _keys_of_claim(
    _world: World, _key: ObjectKey, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None
) -> set[Hashable]:
    """The classes that a claim names no longer."""
    return _classes_of_claim(old) - _classes_of_claim(new)


def _keys_of_volume(
    _world: World, _key: ObjectKey, old: PersistentVolume | None, new: PersistentVolume | None
) -> set[Hashable]:
    return _classes_of_volume(old) - _classes_of_volume(new)


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
CLASSES_CONTROLLER = Controller(
    "volumeattributesclass-protection-controller",
    (Watch(VOLUMEATTRIBUTESCLASSES, same_key), Watch(CLAIMS, _keys_of_claim), Watch(VOLUMES, _keys_of_volume)),
    reconcile_class,
)
