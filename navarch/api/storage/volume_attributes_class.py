"""VolumeAttributesClass: changeable parameters of volumes."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.api.validation.storage import attributes_class_errors, attributes_class_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("DriverName", "Name of the CSI driver This field is immutable."),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    return [name(tree), tree.get("driverName", ""), age(tree, now)]


KIND = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="VolumeAttributesClass",
    plural="volumeattributesclasses",
    singular="volumeattributesclass",
    namespaced=False,
    type_name="io.k8s.api.storage.v1.VolumeAttributesClass",
    short_names=("vac",),
    storage_version_hash="tIjydgKBC5w=",
    columns=COLUMNS,
    delete_returns_object=True,
    cells=_cells,
    revalidates_metadata=True,
    validate=attributes_class_errors,
    validate_update=attributes_class_update_errors,
    change_first=True,
)
