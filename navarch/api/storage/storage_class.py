"""StorageClass: a kind of storage and its provisioner."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import UNSET, age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import fill_pointer
from navarch.api.kind import Column, Kind
from navarch.api.validation.storage import storage_class_errors, storage_class_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Provisioner", "provisioner indicates the type of the provisioner."),
    Column(
        "ReclaimPolicy",
        "reclaimPolicy controls the reclaimPolicy for dynamically provisioned PersistentVolumes of "
        "this storage class. Defaults to Delete.",
    ),
    Column(
        "VolumeBindingMode",
        "volumeBindingMode indicates how PersistentVolumeClaims should be provisioned and bound.  "
        "When unset, VolumeBindingImmediate is used. This field is only honored by servers that "
        "enable the VolumeScheduling feature.",
    ),
    Column("AllowVolumeExpansion", "allowVolumeExpansion shows whether the storage class allow volume expand."),
    AGE,
)


def _default(tree: Tree) -> None:
    fill_pointer(tree, "reclaimPolicy", "Delete")
    fill_pointer(tree, "volumeBindingMode", "Immediate")


_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def _cells(tree: Tree, now: float) -> list[Any]:
    annotations = tree["metadata"].get("annotations") or {}
    is_default = any(annotations.get(key) == "true" for key in _DEFAULT)
    return [
        f"{name(tree)} (default)" if is_default else name(tree),
        tree.get("provisioner", ""),
        tree.get("reclaimPolicy") or "Delete",
        tree.get("volumeBindingMode") or UNSET,
        bool(tree.get("allowVolumeExpansion")),
        age(tree, now),
    ]


KIND = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    singular="storageclass",
    namespaced=False,
    type_name="io.k8s.api.storage.v1.StorageClass",
    short_names=("sc",),
    storage_version_hash="K+m6uJwbjGY=",
    columns=COLUMNS,
    delete_returns_object=True,
    default=_default,
    cells=_cells,
    revalidates_metadata=True,
    validate=storage_class_errors,
    validate_update=storage_class_update_errors,
)
