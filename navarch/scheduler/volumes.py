"""The claims, volumes and storage classes that pods refer to. Callers: `run.py` fills it, VolumeBinding reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from navarch.api.views.storage import PersistentVolume, PersistentVolumeClaim, StorageClass
from navarch.base.resource import ObjectKey


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
