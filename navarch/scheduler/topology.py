"""Pods counted per value of a node label (zone, host name). Callers: the plug-ins of spreading and affinity.

Worked example:
    zones of slots 0..3: a b - a      counts 1 2 5 3
    per_domain -> [4, 2]              (a, b; the node without a zone counts nowhere)
    at_nodes   -> [4, 2, 0, 4]
"""

from __future__ import annotations

import numpy as np

from navarch.scheduler.labels import Bools, Ints, LabelColumn


def per_domain(column: LabelColumn, counts: Ints, n: int, within: Bools) -> Ints:
    """The sum of `counts` for each value of the label, over the nodes `within` that have it."""
    ids = column.ids[:n]
    if len(column.values) >= n:
        # Nearly one node a domain: few slots hold anything.
        used = np.flatnonzero(counts[:n])
        used = used[within[used] & (ids[used] >= 0)]
    else:
        used = np.flatnonzero(within & (ids >= 0))
    sums = np.bincount(ids[used], weights=counts[used], minlength=len(column.values))
    whole: Ints = sums.astype(np.int64)
    return whole


def domains(column: LabelColumn, n: int, within: Bools) -> Bools:
    """Which values of the label occur on the nodes `within`."""
    seen = np.zeros(len(column.values) + 1, np.bool_)
    seen[column.ids[:n][within]] = True
    found: Bools = seen[:-1]
    return found


def at_nodes(column: LabelColumn, sums: Ints, n: int) -> Ints:
    """Each node's value of `sums`; 0 for nodes without the label."""
    spread: Ints = np.append(sums, 0)[column.ids[:n]]
    return spread
