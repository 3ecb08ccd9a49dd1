"""The claims, volumes and storage classes that pods refer to. Callers: `run.py` fills it, VolumeBinding reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from navarch.api.views.storage import PersistentVolume, PersistentVolumeClaim, StorageClass
from navarch.base import quantity
from navarch.base.resource import ObjectKey

#: On a claim that waited for its pod: the node for which a volume is to be found or made.
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"


@dataclass(slots=True)
class Volumes:
    """By name; claims by namespace and name."""

    claims: dict[ObjectKey, PersistentVolumeClaim] = field(default_factory=dict)
    volumes: dict[str, PersistentVolume] = field(default_factory=dict)
    classes: dict[str, StorageClass] = field(default_factory=dict)

    def waits_for_pod(self, claim: PersistentVolumeClaim) -> bool:
        """Is the claim bound only once a pod that uses it has a node?"""
        found = self.classes.get(claim.spec.storageClassName or "")
        return found is not None and found.volumeBindingMode == "WaitForFirstConsumer"

    def unbound(self, namespace: str, names: Iterable[str]) -> list[PersistentVolumeClaim]:
        """Those of the named claims that wait for their pod's node."""
        found = (self.claims.get(ObjectKey(namespace, name)) for name in names)
        return [c for c in found if c is not None and c.status.phase != "Bound" and self.waits_for_pod(c)]

    def is_static(self, claim: PersistentVolumeClaim) -> bool:
        """Must a volume for the claim exist already?"""
        return self.classes[claim.spec.storageClassName or ""].provisioner == NO_PROVISIONER

    def candidates(self, claim: PersistentVolumeClaim) -> list[PersistentVolume]:
        """The free volumes that could serve the claim."""
        wanted = _storage(claim.spec.resources.requests) if claim.spec.resources is not None else 0
        return [
            v
            for v in self.volumes.values()
            if v.spec.storageClassName == claim.spec.storageClassName
            and v.status.phase == "Available"
            and v.spec.claimRef is None
            and set(claim.spec.accessModes) <= set(v.spec.accessModes)
            and _storage(v.spec.capacity) >= wanted
        ]


def _storage(amounts: Mapping[str, str]) -> int:
    return quantity.value(amounts.get("storage", "0"))
