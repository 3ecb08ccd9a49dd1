"""The volume binder: claims and volumes find each other, and hold on to each other. Pure.

Keys are those of claims (in a namespace) and of volumes (in none). A binding is written in four steps, in
this order, each of which can be repeated: the volume's claimRef, its phase, the claim's volumeName, its
phase. What the binder set itself, and may take back, carries an annotation.

Source: Kubernetes' persistent volume controller (annotations, phases, reasons and messages).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final

from navarch.api.views.meta import ObjectMeta
from navarch.api.views.node import Node
from navarch.api.views.storage import PersistentVolume, PersistentVolumeClaim, StorageClass
from navarch.base.resource import ObjectKey, Resource
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control.intents import DONE, Event, Intent, Look, Patch, Plan
from navarch.control.sources import CLAIMS, NODES, STORAGECLASSES, VOLUMES
from navarch.control.volume_match import CLASS_ANNOTATION, best, class_of, is_for
from navarch.control.world import Controller, Watch, World
from navarch.schema.types import Tree

BOUND: Final = "pv.kubernetes.io/bind-completed"
BY_CONTROLLER: Final = "pv.kubernetes.io/bound-by-controller"
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
#: Both are written: provisioners read one or the other.
PROVISIONERS: Final = ("volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner")
NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"
DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
_YES: Final = "yes"


def reconcile(world: World, key: ObjectKey, _now: float) -> Plan:
    if not key.namespace:
        volume = world[VOLUMES].get(key)
        return _volume(world, key, volume) if volume is not None else DONE
    claim = world[CLAIMS].get(key)
    if claim is None:
        return DONE
    if BOUND in claim.metadata.annotations:
        return _bound(world, claim)
    return _unbound(world, claim) if claim.metadata.deletionTimestamp is None else DONE


# --- claims
def _unbound(world: World, claim: PersistentVolumeClaim) -> Plan:
    if claim.spec.volumeName:
        volume = world[VOLUMES].get(ObjectKey("", claim.spec.volumeName))
        if volume is None or not (volume.spec.claimRef is None or is_for(volume, claim)):
            return Plan(tuple(_claim_phase(claim, "Pending")))
        return Plan(tuple(_bind(claim, volume)))
    if claim.spec.storageClassName is None and CLASS_ANNOTATION not in claim.metadata.annotations:
        default = default_class(world)
        if default is not None:
            return Plan((_patch_claim(claim, {"spec": {"storageClassName": default.metadata.name}}),))
    class_name = class_of(claim.metadata, claim.spec.storageClassName)
    kind = world[STORAGECLASSES].get(ObjectKey("", class_name))
    waits = kind is not None and kind.volumeBindingMode == "WaitForFirstConsumer"
    node_name = claim.metadata.annotations.get(SELECTED_NODE, "")
    node = world[NODES].get(ObjectKey("", node_name)) if node_name else None
    delayed = waits and node is None
    volumes, key = world[VOLUMES], key_of(claim)
    reserved = volumes.by_index("claim", (key.namespace, key.name))
    volume = best(claim, reserved, volumes.by_index("free", True), node, delayed=delayed)
    if volume is not None:
        return Plan(tuple(_bind(claim, volume)))
    return Plan((*_claim_phase(claim, "Pending"), *_wanting(claim, class_name, kind, delayed=delayed)))


def _wanting(
    claim: PersistentVolumeClaim, class_name: str, kind: StorageClass | None, *, delayed: bool
) -> Iterator[Intent]:
    """What is said of a claim without a volume, and who is asked to make one."""
    if not class_name or (kind is not None and kind.provisioner == NO_PROVISIONER and not delayed):
        text = "no persistent volumes available for this claim and no storage class is set"
        yield _event(claim, "Normal", "FailedBinding", text)
    elif kind is None:
        text = f'storageclass.storage.k8s.io "{class_name}" not found'
        yield _event(claim, "Warning", "ProvisioningFailed", text)
    elif delayed:
        yield _event(claim, "Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
    else:
        asked = dict.fromkeys(PROVISIONERS, kind.provisioner)
        if not asked.items() <= claim.metadata.annotations.items():
            yield _patch_claim(claim, {"metadata": {"annotations": asked}})
        text = (
            "Waiting for a volume to be created either by the external provisioner "
            f"'{kind.provisioner}' or manually by the system administrator. If volume creation is delayed, "
            "please verify that the provisioner is running and correctly registered."
        )
        yield _event(claim, "Normal", "ExternalProvisioning", text)


def _bound(world: World, claim: PersistentVolumeClaim) -> Plan:
    volume = world[VOLUMES].get(ObjectKey("", claim.spec.volumeName))
    if volume is None:
        text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        return Plan(tuple(_lost(claim, "ClaimLost", text)))
    if volume.spec.claimRef is not None and not is_for(volume, claim):
        text = (
            "Two claims are bound to the same volume, this one is bound incorrectly. "
            "Data on the volume may belong to the other claim."
        )
        return Plan(tuple(_lost(claim, "ClaimMisbound", text)))
    return Plan(tuple(_bind(claim, volume)))


def _lost(claim: PersistentVolumeClaim, reason: str, message: str) -> Iterator[Intent]:
    if claim.status.phase != "Lost":
        yield from _claim_phase(claim, "Lost")
        yield _event(claim, "Warning", reason, message)


def _bind(claim: PersistentVolumeClaim, volume: PersistentVolume) -> Iterator[Intent]:
    """The next of the four steps. The volume goes first: it can belong to one claim only."""
    to = volume.spec.claimRef
    if to is None or to.uid != claim.metadata.uid:
        metadata = claim.metadata
        claim_ref: Tree = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
            "resourceVersion": metadata.resourceVersion,
        }
        patch: Tree = {"spec": {"claimRef": claim_ref}}
        if to is None:
            patch["metadata"] = {"annotations": {BY_CONTROLLER: _YES}}
        yield _patch_volume(volume, patch)
        return
    if volume.status.phase != "Bound":
        yield from _volume_phase(volume, "Bound")
    annotations = {BOUND: _YES}
    if not claim.spec.volumeName:
        annotations[BY_CONTROLLER] = _YES
    wanted = {"metadata": {"annotations": annotations}, "spec": {"volumeName": volume.metadata.name}}
    if BOUND not in claim.metadata.annotations or not claim.spec.volumeName:
        yield _patch_claim(claim, wanted)
        return
    same = (claim.status.accessModes, dict(claim.status.capacity)) == (
        volume.spec.accessModes,
        dict(volume.spec.capacity),
    )
    if claim.status.phase != "Bound" or not same:
        status = {"accessModes": list(volume.spec.accessModes), "capacity": dict(volume.spec.capacity)}
        yield _patch_claim(claim, {"status": {"phase": "Bound", **status}}, "status")


def default_class(world: World) -> StorageClass | None:
    """The newest of the classes that are marked as default, by name among those of one age."""
    marked = [c for c in world[STORAGECLASSES].values() if c.metadata.annotations.get(DEFAULT_CLASS) == "true"]
    marked.sort(key=lambda c: c.metadata.name)
    return max(marked, key=lambda c: c.metadata.creationTimestamp or "", default=None)


# --- volumes
def _volume(world: World, key: ObjectKey, volume: PersistentVolume) -> Plan:
    to = volume.spec.claimRef
    if to is None or not to.uid:
        return Plan(tuple(_volume_phase(volume, "Available")))
    owner = ObjectKey(to.namespace, to.name)
    claim = world[CLAIMS].get(owner)
    if claim is None or claim.metadata.uid != to.uid:
        # The claim may be newer than what the cache holds.
        answer = world.seen.get(key, {}).get((CLAIMS.resource, owner))
        if answer is None and volume.status.phase not in ("Released", "Failed"):
            return Plan((Look(CLAIMS.resource, owner),))
        return DONE if answer == to.uid else Plan(tuple(_volume_phase(volume, "Released")))
    if claim.spec.volumeName == volume.metadata.name:
        return Plan(tuple(_volume_phase(volume, "Bound"))) if BOUND in claim.metadata.annotations else DONE
    if claim.spec.volumeName and BY_CONTROLLER in volume.metadata.annotations:
        patch = {"metadata": {"annotations": {BY_CONTROLLER: None}}, "spec": {"claimRef": None}}
        return Plan((_patch_volume(volume, patch),))
    if claim.spec.volumeName:
        return Plan(tuple(_volume_phase(volume, "Released")))
    return DONE


def _volume_phase(volume: PersistentVolume, phase: str) -> Iterator[Intent]:
    if volume.status.phase != phase:
        yield _patch_volume(volume, {"status": {"phase": phase}}, "status")


def _claim_phase(claim: PersistentVolumeClaim, phase: str) -> Iterator[Intent]:
    if claim.status.phase != phase:
        yield _patch_claim(claim, {"status": {"phase": phase}}, "status")


# --- writes
def _patch_volume(volume: PersistentVolume, patch: Tree, subresource: str = "") -> Patch:
    return _patch(VOLUMES.resource, volume.metadata, key_of(volume), patch, subresource)


def _patch_claim(claim: PersistentVolumeClaim, patch: Tree, subresource: str = "") -> Patch:
    return _patch(CLAIMS.resource, claim.metadata, key_of(claim), patch, subresource)


def _patch(resource: Resource, metadata: ObjectMeta, key: ObjectKey, patch: Tree, subresource: str) -> Patch:
    """The binding is decided on the state that was seen; the phases merely tell of it."""
    version = "" if subresource else metadata.resourceVersion
    return Patch(
        resource,
        key,
        patch,
        subresource=subresource,
        uid=metadata.uid,
        resource_version=version,
        by_update=True,
    )


def _event(claim: PersistentVolumeClaim, type_: str, reason: str, message: str) -> Event:
    return Event(reference(CLAIMS.resource, claim.metadata), type_, reason, message)


# --- keys
def _keys_of_claim(
    world: World, key: ObjectKey, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None
) -> list[Hashable]:
    """The claim, and the volumes that name it or that it names."""
    volumes = world[VOLUMES].by_index("claim", (key.namespace, key.name))
    named = {c.spec.volumeName for c in (old, new) if c is not None and c.spec.volumeName}
    return [key, *(key_of(v) for v in volumes), *(ObjectKey("", name) for name in sorted(named))]


def _keys_of_volume(
    world: World, key: ObjectKey, old: PersistentVolume | None, new: PersistentVolume | None
) -> list[Hashable]:
    """The volume, the claims it names, and where it is free every claim that wants one."""
    keys: list[Hashable] = [key]
    for volume in (old, new):
        if volume is not None and volume.spec.claimRef is not None:
            keys.append(ObjectKey(volume.spec.claimRef.namespace, volume.spec.claimRef.name))
    if new is not None and new.spec.claimRef is None:
        keys += _waiting(world)
    keys += [key_of(c) for c in world[CLAIMS].by_index("volume", key.name)]
    return keys


def _keys_of_class(
    world: World, key: ObjectKey, _old: StorageClass | None, _new: StorageClass | None
) -> list[Hashable]:
    return _waiting(world)


def _waiting(world: World) -> list[Hashable]:
    return [key_of(c) for c in world[CLAIMS].by_index("waiting", True)]


def _keys_of_node(world: World, key: ObjectKey, old: Node | None, _new: Node | None) -> list[Hashable]:
    """The claims for which a node was chosen before it was seen here."""
    if old is not None:
        return []
    waiting = world[CLAIMS].by_index("waiting", True)
    return [key_of(c) for c in waiting if c.metadata.annotations.get(SELECTED_NODE) == key.name]


CONTROLLER = Controller(
    "persistent-volume-binder",
    (
        Watch(CLAIMS, _keys_of_claim),
        Watch(VOLUMES, _keys_of_volume),
        Watch(STORAGECLASSES, _keys_of_class),
        Watch(NODES, _keys_of_node),
    ),
    reconcile,
)
