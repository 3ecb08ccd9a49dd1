"""RuntimeClass: a container runtime handler that pods can ask for."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.api.validation.runtime_class import runtime_class_errors, runtime_class_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Handler", ""),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    return [name(tree), tree.get("handler", ""), age(tree, now)]


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
    cells=_cells,
    validate=runtime_class_errors,
    validate_update=runtime_class_update_errors,
)
