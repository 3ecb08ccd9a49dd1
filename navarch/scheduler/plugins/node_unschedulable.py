"""NodeUnschedulable: cordoned nodes take only pods that tolerate it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from navarch.api.views.node import Taint
from navarch.scheduler.columns import Columns
from navarch.scheduler.plugins.contract import Change, Plugin, Rejection
from navarch.scheduler.plugins.taint_toleration import tolerated
from navarch.scheduler.shape import Shape

_CORDON: Final = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


def filter_nodes(columns: Columns, shape: Shape) -> Sequence[Rejection]:
    cordoned = columns.unschedulable[: columns.n]
    if not cordoned.any() or tolerated(_CORDON, shape.tolerations):
        return ()
    return (Rejection(cordoned, "node(s) were unschedulable", False),)


NODE_UNSCHEDULABLE: Final = Plugin(
    "NodeUnschedulable", filter=filter_nodes, wakes=frozenset({Change.NODE_ADDED, Change.NODE_TAINTS})
)
