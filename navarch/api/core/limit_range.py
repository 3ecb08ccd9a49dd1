"""LimitRange: bounds and defaults for the resources of pods and claims of a namespace."""

from __future__ import annotations

from navarch.api.columns import PLAIN_COLUMNS, plain_cells
from navarch.api.kind import Kind

KIND = Kind(
    group="",
    version="v1",
    kind="LimitRange",
    plural="limitranges",
    singular="limitrange",
    namespaced=True,
    type_name="io.k8s.api.core.v1.LimitRange",
    short_names=("limits",),
    storage_version_hash="EBKMFVe6cwo=",
    columns=PLAIN_COLUMNS,
    cells=plain_cells,
    create_on_update=True,
)
