"""PersistentVolumeClaim: a request for storage."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import UNSET, access_modes, age, at, name
from navarch.api.columns import AGE, NAME
from navarch.api.core.storage_class_of import storage_class
from navarch.api.core.volume_defaults import default_claim
from navarch.api.defaulting import fill, struct
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status
from navarch.api.validation.persistent import claim_errors, claim_update_errors, new_claim_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Status", "phase represents the current phase of PersistentVolumeClaim."),
    Column("Volume", "volumeName is the binding reference to the PersistentVolume backing this claim."),
    Column("Capacity", "capacity represents the actual resources of the underlying volume."),
    Column(
        "Access Modes",
        "accessModes contains the actual access modes the volume backing the PVC has. More info: "
        "https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes-1",
    ),
    Column("StorageClass", "StorageClass of the pvc"),
    Column("VolumeAttributesClass", "VolumeAttributesClass of the pvc"),
    AGE,
    Column(
        "VolumeMode",
        "volumeMode defines what type of volume is required by the claim. Value of Filesystem is "
        "implied when not included in claim spec.",
        priority=1,
    ),
)


#: What `dataSource` may name; anything else must be in `dataSourceRef`.
_DATA_SOURCES = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def _default(tree: Tree) -> None:
    default_claim(tree)
    fill(struct(tree, "status"), "phase", "Pending")


def _prepare_create(tree: Tree) -> None:
    """A data source may be named in two ways; where no namespace is crossed both are shown."""
    tree["status"] = {"phase": "Pending"}
    spec = tree["spec"]
    if (source := spec.get("dataSource")) and (source.get("apiGroup") or "", source.get("kind")) not in _DATA_SOURCES:
        del spec["dataSource"]
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source and not reference:
        spec["dataSourceRef"] = dict(source)
    elif reference and not source and not reference.get("namespace"):
        spec["dataSource"] = dict(reference)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        name(tree),
        "Terminating" if tree["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        spec.get("volumeName", ""),
        (at(status, "capacity", "storage") or "0") if bound else "",
        access_modes(status.get("accessModes")) if bound else "",
        storage_class(tree),
        spec.get("volumeAttributesClassName") or UNSET,
        age(tree, now),
        spec.get("volumeMode") or UNSET,
    ]


KIND = Kind(
    group="",
    version="v1",
    kind="PersistentVolumeClaim",
    plural="persistentvolumeclaims",
    singular="persistentvolumeclaim",
    namespaced=True,
    type_name="io.k8s.api.core.v1.PersistentVolumeClaim",
    short_names=("pvc",),
    subresources=(status_of("PersistentVolumeClaim"),),
    storage_version_hash="QWTyNDq0dC4=",
    columns=COLUMNS,
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    delete_returns_object=True,
    default=_default,
    prepare_create=_prepare_create,
    cells=_cells,
    validate=claim_errors,
    validate_update=claim_update_errors,
    revalidates_metadata=True,
    validate_new=new_claim_errors,
)
