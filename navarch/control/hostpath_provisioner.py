"""The host-path provisioner: makes a directory of a node the volume of a claim, and gives it up again. Pure.

For single machines and tests, as the storage of the class `standard`. The data lives on one node: where the
class waits for the pod's node, the volume is tied to that node; where it does not, a pod on another node
finds an empty directory. Each claim has a directory of its own, which nobody clears: deleting the volume
leaves the data on the node.

It works under the binder's identity, as do all provisioners that are built into the control plane.
"""

from __future__ import annotations

from typing import Final

from navarch.api.views.storage import PersistentVolume, PersistentVolumeClaim, StorageClass
from navarch.base.resource import ObjectKey
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control.intents import DONE, Create, Delete, Event, Plan
from navarch.control.sources import CLAIMS, NODES, STORAGECLASSES, VOLUMES
from navarch.control.volume_binder import BOUND, DEFAULT_CLASS, PROVISIONERS, SELECTED_NODE
from navarch.control.volume_match import class_of
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

PROVISIONER: Final = "navarch.dev/hostpath"
PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
DIRECTORY: Final = "/var/lib/navarch/volumes"
_HOSTNAME: Final = "kubernetes.io/hostname"

#: The class of claims that name none. It waits for the pod, so that pods stay where their data is.
STANDARD_CLASS: Final[Tree] = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {DEFAULT_CLASS: "true"}},
    "provisioner": PROVISIONER,
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "WaitForFirstConsumer",
}


def reconcile(world: World, key: ObjectKey, _now: float) -> Plan:
    if not key.namespace:
        return _given_up(world[VOLUMES].get(key))
    claim = world[CLAIMS].get(key)
    if claim is None or claim.metadata.deletionTimestamp is not None or claim.spec.volumeName:
        return DONE
    if BOUND in claim.metadata.annotations or claim.metadata.annotations.get(PROVISIONERS[-1]) != PROVISIONER:
        return DONE
    kind = world[STORAGECLASSES].get(ObjectKey("", class_of(claim.metadata, claim.spec.storageClassName)))
    if kind is None or kind.provisioner != PROVISIONER or world[VOLUMES].get(ObjectKey("", name_for(claim))):
        return DONE
    node = claim.metadata.annotations.get(SELECTED_NODE, "")
    if kind.volumeBindingMode == "WaitForFirstConsumer" and not node:
        return DONE
    about = reference(CLAIMS.resource, claim.metadata)
    done = Event(about, "Normal", "ProvisioningSucceeded", "Successfully provisioned volume {name}")
    failed = Event(about, "Warning", "ProvisioningFailed", "failed to create volume: {error}")
    return Plan((Create(VOLUMES.resource, volume(claim, kind, _hostname(world, node)), "", done, failed),))


def name_for(claim: PersistentVolumeClaim) -> str:
    return f"pvc-{claim.metadata.uid}"


def volume(claim: PersistentVolumeClaim, kind: StorageClass, hostname: str) -> Tree:
    """The volume for a claim, reserved for it, tied to the node `hostname` if there is one."""
    metadata = claim.metadata
    requests = claim.spec.resources.requests if claim.spec.resources is not None else {}
    directory = f"{name_for(claim)}_{metadata.namespace}_{metadata.name}"
    spec: Tree = {
        "accessModes": list(claim.spec.accessModes),
        "capacity": {"storage": requests.get("storage", "0")},
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
        },
        "hostPath": {"path": f"{DIRECTORY}/{directory}", "type": "DirectoryOrCreate"},
        "persistentVolumeReclaimPolicy": kind.reclaimPolicy or "Delete",
        "storageClassName": kind.metadata.name,
        "volumeMode": claim.spec.volumeMode or "Filesystem",
    }
    if kind.mountOptions:
        spec["mountOptions"] = list(kind.mountOptions)
    if hostname:
        here = {"key": _HOSTNAME, "operator": "In", "values": [hostname]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}
    owner = {"name": name_for(claim), "annotations": {PROVISIONED_BY: PROVISIONER}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": owner, "spec": spec}


def _given_up(found: PersistentVolume | None) -> Plan:
    if found is None or found.metadata.deletionTimestamp is not None or found.status.phase != "Released":
        return DONE
    mine = found.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER
    if not mine or found.spec.persistentVolumeReclaimPolicy != "Delete":
        return DONE
    metadata = found.metadata
    return Plan((Delete(VOLUMES.resource, key_of(found), metadata.uid, metadata.resourceVersion),))


def _hostname(world: World, name: str) -> str:
    node = world[NODES].get(ObjectKey("", name)) if name else None
    return node.metadata.labels.get(_HOSTNAME, name) if node is not None else name


CONTROLLER = Controller(
    "persistent-volume-binder",
    (Watch(CLAIMS, same_key), Watch(VOLUMES, same_key)),
    reconcile,
    reads=(STORAGECLASSES, NODES),
)
