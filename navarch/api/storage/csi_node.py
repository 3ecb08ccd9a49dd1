"""CSINode: the storage drivers of a node."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.api.validation.storage import csi_node_errors, csi_node_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Drivers", "Drivers indicates the number of CSI drivers registered on the node", type="integer"),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    return [name(tree), len(spec.get("drivers") or ()), age(tree, now)]


KIND = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="CSINode",
    plural="csinodes",
    singular="csinode",
    namespaced=False,
    type_name="io.k8s.api.storage.v1.CSINode",
    storage_version_hash="Pe62DkZtjuo=",
    columns=COLUMNS,
    unconditional_update=False,
    delete_returns_object=True,
    cells=_cells,
    validate=csi_node_errors,
    validate_update=csi_node_update_errors,
)
