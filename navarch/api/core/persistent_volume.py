"""PersistentVolume: a piece of storage in the cluster."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import UNSET, access_modes, age, at, name
from navarch.api.columns import AGE, NAME
from navarch.api.core.storage_class_of import storage_class
from navarch.api.core.volume_defaults import default_source
from navarch.api.defaulting import fill, fill_pointer, struct
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status
from navarch.api.validation.persistent import volume_errors, volume_update_errors
from navarch.api.warnings import volume_warnings
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Capacity",
        "capacity is the description of the persistent volume's resources and capacity. More info: "
        "https://kubernetes.io/docs/concepts/storage/persistent-volumes#capacity",
    ),
    Column(
        "Access Modes",
        "accessModes contains all ways the volume can be mounted. More info: "
        "https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes",
    ),
    Column(
        "Reclaim Policy",
        "persistentVolumeReclaimPolicy defines what happens to a persistent volume when released from"
        " its claim. Valid options are Retain (default for manually created PersistentVolumes), "
        "Delete (default for dynamically provisioned PersistentVolumes), and Recycle (deprecated). "
        "Recycle must be supported by the volume plugin underlying this PersistentVolume. More info: "
        "https://kubernetes.io/docs/concepts/storage/persistent-volumes#reclaiming",
    ),
    Column(
        "Status",
        "phase indicates if a volume is available, bound to a claim, or released by a claim. More "
        "info: https://kubernetes.io/docs/concepts/storage/persistent-volumes#phase",
    ),
    Column(
        "Claim",
        "claimRef is part of a bi-directional binding between PersistentVolume and "
        "PersistentVolumeClaim. Expected to be non-nil when bound. claim.VolumeName is the "
        "authoritative bind between PV and PVC. More info: "
        "https://kubernetes.io/docs/concepts/storage/persistent-volumes#binding",
    ),
    Column("StorageClass", "StorageClass of the pv"),
    Column("VolumeAttributesClass", "VolumeAttributesClass of the pv"),
    Column(
        "Reason",
        "reason is a brief CamelCase string that describes any failure and is meant for machine "
        "parsing and tidy display in the CLI.",
    ),
    AGE,
    Column(
        "VolumeMode",
        "volumeMode defines if a volume is intended to be used with a formatted filesystem or to "
        "remain in raw block state. Value of Filesystem is implied when not included in spec.",
        priority=1,
    ),
)


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    default_source(spec)
    fill(spec, "persistentVolumeReclaimPolicy", "Retain")
    fill_pointer(spec, "volumeMode", "Filesystem")
    fill(struct(tree, "status"), "phase", "Pending")


def _prepare_create(tree: Tree) -> None:
    now = tree["metadata"].get("creationTimestamp")
    tree["status"] = {"phase": "Pending", "lastPhaseTransitionTime": now}


def _cells(tree: Tree, now: float) -> list[Any]:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    claim = spec.get("claimRef")
    return [
        name(tree),
        at(spec, "capacity", "storage") or "0",
        access_modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if tree["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        storage_class(tree),
        spec.get("volumeAttributesClassName") or UNSET,
        status.get("reason", ""),
        age(tree, now),
        spec.get("volumeMode") or UNSET,
    ]


KIND = Kind(
    group="",
    version="v1",
    kind="PersistentVolume",
    plural="persistentvolumes",
    singular="persistentvolume",
    namespaced=False,
    type_name="io.k8s.api.core.v1.PersistentVolume",
    short_names=("pv",),
    subresources=(status_of("PersistentVolume"),),
    storage_version_hash="HN/zwEC+JgM=",
    columns=COLUMNS,
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    delete_returns_object=True,
    default=_default,
    prepare_create=_prepare_create,
    cells=_cells,
    validate=volume_errors,
    validate_update=volume_update_errors,
    revalidates_metadata=True,
    warnings=volume_warnings,
)
