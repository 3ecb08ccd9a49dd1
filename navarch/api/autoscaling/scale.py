"""Scale: how many pods a workload wants and has. Served as the `scale` of workloads alone."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Desired", "replicas is the desired number of instances for the scaled object.", type="integer"),
    Column(
        "Available",
        "replicas is the actual number of observed instances of the scaled object.",
        type="integer",
    ),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    replicas = (tree.get("spec") or {}).get("replicas", 0), (tree.get("status") or {}).get("replicas", 0)
    return [name(tree), *replicas, age(tree, now)]


KIND = Kind(
    group="autoscaling",
    version="v1",
    kind="Scale",
    plural="scales",
    singular="scale",
    namespaced=True,
    type_name="io.k8s.api.autoscaling.v1.Scale",
    columns=COLUMNS,
    cells=_cells,
)
