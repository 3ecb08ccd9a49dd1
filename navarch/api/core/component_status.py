"""ComponentStatus: health of the control plane's parts. Computed on each read, never stored."""

from __future__ import annotations

from navarch.api.columns import NAME
from navarch.api.kind import Column, Kind

COLUMNS = (
    NAME,
    Column("Status", "Status of the component conditions"),
    Column("Message", "Message of the component conditions"),
    Column("Error", "Error of the component conditions"),
)


KIND = Kind(
    group="",
    version="v1",
    kind="ComponentStatus",
    plural="componentstatuses",
    singular="componentstatus",
    namespaced=False,
    type_name="io.k8s.api.core.v1.ComponentStatus",
    short_names=("cs",),
    verbs=("get", "list"),
    columns=COLUMNS,
)
