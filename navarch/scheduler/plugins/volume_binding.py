"""VolumeBinding: claims must exist and be bound, and their volumes be reachable from the node.

A claim of a class with WaitForFirstConsumer may be unbound: the node that the pod would get is noted on it,
and the pod waits until the claim is bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from navarch.api.views.storage import PersistentVolume
from navarch.base.resource import ObjectKey
from navarch.scheduler.columns import NODE_NAME, Columns
from navarch.scheduler.labels import Bools
from navarch.scheduler.plugins.contract import Change, Plugin, Rejection, nowhere
from navarch.scheduler.plugins.node_affinity import term_matches
from navarch.scheduler.shape import Shape
from navarch.scheduler.volumes import SELECTED_NODE


def gate(columns: Columns, shape: Shape) -> str:
    """Why the pod must wait for its claims, "" if it need not."""
    for name in shape.claims:
        claim = columns.volumes.claims.get(ObjectKey(shape.namespace, name))
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if claim.metadata.deletionTimestamp is not None:
            return f'persistentvolumeclaim "{name}" is being deleted'
        if claim.status.phase == "Lost":
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{claim.spec.volumeName}"'
        if claim.status.phase != "Bound" and not columns.volumes.waits_for_pod(claim):
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def filter_nodes(columns: Columns, shape: Shape) -> Sequence[Rejection]:
    if not shape.claims:
        return ()
    unreachable, without = nowhere(columns.n), nowhere(columns.n)
    for name in shape.claims:
        claim = columns.volumes.claims.get(ObjectKey(shape.namespace, name))
        volume = columns.volumes.volumes.get(claim.spec.volumeName) if claim is not None else None
        if volume is not None:
            unreachable |= ~_reachable(columns, volume)
    for claim in columns.volumes.unbound(shape.namespace, shape.claims):
        if selected := claim.metadata.annotations.get(SELECTED_NODE):
            without |= ~columns.label(NODE_NAME).equal((selected,), columns.n)
        elif columns.volumes.is_static(claim):
            served = nowhere(columns.n)
            for volume in columns.volumes.candidates(claim):
                served |= _reachable(columns, volume)
            without |= ~served
    return (
        Rejection(unreachable, "node(s) didn't match PersistentVolume's node affinity", False),
        Rejection(without & ~unreachable, "node(s) didn't find available persistent volumes to bind", False),
    )


def _reachable(columns: Columns, volume: PersistentVolume) -> Bools:
    """The nodes from which a volume can be used."""
    affinity = volume.spec.nodeAffinity
    if affinity is None or affinity.required is None:
        return np.ones(columns.n, np.bool_)
    reachable = nowhere(columns.n)
    for term in affinity.required.nodeSelectorTerms:
        reachable |= term_matches(columns, term)
    return reachable


VOLUME_BINDING: Final = Plugin(
    "VolumeBinding",
    gate=gate,
    filter=filter_nodes,
    wakes=frozenset({Change.NODE_ADDED, Change.NODE_LABELS, Change.VOLUMES}),
)
