"""CSIStorageCapacity: how much storage a driver can still make in a place."""

from __future__ import annotations

from navarch.api.columns import PLAIN_COLUMNS, plain_cells
from navarch.api.kind import Kind
from navarch.api.validation.storage import capacity_errors, capacity_update_errors

KIND = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="CSIStorageCapacity",
    plural="csistoragecapacities",
    singular="csistoragecapacity",
    namespaced=True,
    type_name="io.k8s.api.storage.v1.CSIStorageCapacity",
    storage_version_hash="xeVl+2Ly1kE=",
    columns=PLAIN_COLUMNS,
    cells=plain_cells,
    unconditional_update=False,
    validate=capacity_errors,
    validate_update=capacity_update_errors,
)
