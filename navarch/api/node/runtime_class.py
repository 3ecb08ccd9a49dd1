"""RuntimeClass: a container runtime handler that pods can ask for."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind

COLUMNS = (
    NAME,
    Column("Handler", ""),
    AGE,
)


KIND = Kind(
    group="node.k8s.io",
    version="v1",
    kind="RuntimeClass",
    plural="runtimeclasses",
    singular="runtimeclass",
    namespaced=False,
    type_name="io.k8s.api.node.v1.RuntimeClass",
    storage_version_hash="WQTu1GL3T2Q=",
    columns=COLUMNS,
    create_on_update=True,
    unconditional_update=False,
)
