"""VolumeBinding: claims must exist and be bound, and their volumes be reachable from the node.

A claim of a class with WaitForFirstConsumer may be unbound: it is bound once the pod has a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from navarch.base.resource import ObjectKey
from navarch.scheduler.columns import Columns
from navarch.scheduler.plugins.contract import Change, Plugin, Rejection, nowhere
from navarch.scheduler.plugins.node_affinity import term_matches
from navarch.scheduler.shape import Shape


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
    unreachable = nowhere(columns.n)
    for name in shape.claims:
        claim = columns.volumes.claims.get(ObjectKey(shape.namespace, name))
        volume = columns.volumes.volumes.get(claim.spec.volumeName) if claim is not None else None
        affinity = volume.spec.nodeAffinity if volume is not None else None
        if affinity is None or affinity.required is None:
            continue
        reachable = nowhere(columns.n)
        for term in affinity.required.nodeSelectorTerms:
            reachable |= term_matches(columns, term)
        unreachable |= ~reachable
    if not unreachable.any():
        return ()
    return (Rejection(unreachable, "node(s) didn't match PersistentVolume's node affinity", False),)


VOLUME_BINDING: Final = Plugin(
    "VolumeBinding",
    gate=gate,
    filter=filter_nodes,
    wakes=frozenset({Change.NODE_ADDED, Change.NODE_LABELS, Change.VOLUMES}),
)
