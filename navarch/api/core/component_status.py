"""ComponentStatus: health of the control plane's parts. Computed on each read, never stored."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import name
from navarch.api.columns import NAME
from navarch.api.defaulting import each
from navarch.api.kind import Column, Kind
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Status", "Status of the component conditions"),
    Column("Message", "Message of the component conditions"),
    Column("Error", "Error of the component conditions"),
)


def _cells(tree: Tree, _now: float) -> list[Any]:
    for condition in each(tree, "conditions"):
        if condition.get("type") == "Healthy":
            state = {"True": "Healthy", "False": "Unhealthy"}.get(condition.get("status", ""), "Unknown")
            return [name(tree), state, condition.get("message", ""), condition.get("error", "")]
    return [name(tree), "Unknown", "", ""]


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
    deprecation="v1 ComponentStatus is deprecated in v1.19+",
    columns=COLUMNS,
    cells=_cells,
)
