"""Which volume suits a claim. Pure.

Source: Kubernetes' `FindMatchingVolume`: class, mode, access modes, selector, node and size; the smallest
volume that is large enough wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from navarch.api.views.meta import ObjectMeta
from navarch.api.views.node import Node
from navarch.api.views.storage import PersistentVolume, PersistentVolumeClaim
from navarch.base import quantity
from navarch.base.selector import from_label_selector
from navarch.control.placement import term_matches

#: The older way to name a class, which goes before the field.
CLASS_ANNOTATION: Final = "volume.beta.kubernetes.io/storage-class"


def best(
    claim: PersistentVolumeClaim,
    reserved: Iterable[PersistentVolume],
    free: Iterable[PersistentVolume],
    node: Node | None,
    *,
    delayed: bool,
) -> PersistentVolume | None:
    """The volume that is reserved for the claim, else the smallest free one that fits. A claim that is
    `delayed` until its pod has a node takes only what is reserved for it."""
    own = [v for v in reserved if is_for(v, claim) and _fits(claim, v)]
    if own or delayed:
        return min(own, key=_order, default=None)
    selector = from_label_selector(claim.spec.selector) if claim.spec.selector is not None else None
    fitting = [
        v
        for v in free
        if v.status.phase == "Available"
        and _fits(claim, v)
        and (selector is None or selector.matches(v.metadata.labels))
        and (node is None or is_reachable(v, node))
    ]
    return min(fitting, key=_order, default=None)


def is_for(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether the volume names this very claim, or any claim of its name."""
    to = volume.spec.claimRef
    return (
        to is not None
        and (to.namespace, to.name) == (claim.metadata.namespace, claim.metadata.name)
        and to.uid in ("", claim.metadata.uid)
    )


def class_of(metadata: ObjectMeta, name: str | None) -> str:
    """The class that a claim or a volume belongs to; empty for none."""
    return metadata.annotations.get(CLASS_ANNOTATION) or name or ""


def is_reachable(volume: PersistentVolume, node: Node) -> bool:
    affinity = volume.spec.nodeAffinity
    if affinity is None or affinity.required is None:
        return True
    return any(term_matches(term, node) for term in affinity.required.nodeSelectorTerms)


def _fits(claim: PersistentVolumeClaim, volume: PersistentVolume) -> bool:
    return (
        volume.metadata.deletionTimestamp is None
        and class_of(volume.metadata, volume.spec.storageClassName)
        == class_of(claim.metadata, claim.spec.storageClassName)
        and (volume.spec.volumeMode or "Filesystem") == (claim.spec.volumeMode or "Filesystem")
        and set(claim.spec.accessModes) <= set(volume.spec.accessModes)
        and size(volume) >= wanted(claim)
    )


def wanted(claim: PersistentVolumeClaim) -> int:
    """The storage that the claim asks for, in 10^-9 bytes."""
    requests = claim.spec.resources.requests if claim.spec.resources is not None else {}
    return quantity.parse(requests.get("storage", "0")).nano


def size(volume: PersistentVolume) -> int:
    """The volume's storage, in 10^-9 bytes."""
    return quantity.parse(volume.spec.capacity.get("storage", "0")).nano


def _order(volume: PersistentVolume) -> tuple[int, str]:
    return size(volume), volume.metadata.name
