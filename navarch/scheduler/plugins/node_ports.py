"""NodePorts: a host port is taken once per address and protocol; 0.0.0.0 takes it on all addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from navarch.scheduler.columns import Columns
from navarch.scheduler.plugins.contract import Change, Plugin, Reach, Rejection, nowhere
from navarch.scheduler.shape import Shape


def filter_nodes(columns: Columns, shape: Shape) -> Sequence[Rejection]:
    if not shape.host_ports:
        return ()
    taken = nowhere(columns.n)
    for slot, used in columns.ports.items():
        if any(mine.conflicts(other) for other in used for mine in shape.host_ports):
            taken[slot] = True
    return (Rejection(taken, "node(s) didn't have free ports for the requested pod ports", True),)


def reach(shape: Shape) -> Reach:
    return Reach.NODE if shape.host_ports else Reach.NONE


NODE_PORTS: Final = Plugin(
    "NodePorts",
    filter=filter_nodes,
    reach=reach,
    wakes=frozenset({Change.NODE_ADDED, Change.POD_REMOVED}),
)
