"""NodeMetrics and PodMetrics: computed when they are read, from what kubelets measure.

Source: k8s.io/metrics v1beta1 (fields), metrics-server (columns, verbs).
"""

from __future__ import annotations

from typing import Any, Final

from navarch.api.cells import name
from navarch.api.columns import NAME
from navarch.api.defaulting import each
from navarch.api.kind import Column, Kind
from navarch.base import quantity
from navarch.schema.types import Tree

GROUP: Final = "metrics.k8s.io"
_TYPES: Final = "io.k8s.metrics.pkg.apis.metrics.v1beta1."
_COLUMNS: Final = (
    NAME,
    Column("cpu", "Processor time per second over the window"),
    Column("memory", "Working set of memory at the end of the window"),
    Column("Window", "Time over which was measured"),
)


def _node_cells(tree: Tree, _now: float) -> list[Any]:
    usage = tree.get("usage") or {}
    return [name(tree), usage.get("cpu", "0"), usage.get("memory", "0"), tree.get("window", "")]


def _pod_cells(tree: Tree, _now: float) -> list[Any]:
    usages = [container.get("usage") or {} for container in each(tree, "containers")]
    sums = [_sum(usages, resource) for resource in ("cpu", "memory")]
    return [name(tree), *sums, tree.get("window", "")]


def _sum(usages: list[Tree], resource: str) -> str:
    total = quantity.parse("0")
    for usage in usages:
        total = quantity.parse(usage.get(resource, "0")).add(total)
    return str(total)


NODES: Final = Kind(
    group=GROUP,
    version="v1beta1",
    kind="NodeMetrics",
    plural="nodes",
    singular="",
    namespaced=False,
    type_name=_TYPES + "NodeMetrics",
    verbs=("get", "list"),
    columns=_COLUMNS,
    cells=_node_cells,
)
PODS: Final = Kind(
    group=GROUP,
    version="v1beta1",
    kind="PodMetrics",
    plural="pods",
    singular="",
    namespaced=True,
    type_name=_TYPES + "PodMetrics",
    verbs=("get", "list"),
    columns=_COLUMNS,
    cells=_pod_cells,
)
KINDS: Final = (NODES, PODS)
