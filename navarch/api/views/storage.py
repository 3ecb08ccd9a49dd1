"""Typed views of volumes and claims: core/v1 PersistentVolume(Claim), storage.k8s.io/v1 StorageClass.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from collections.abc import Mapping

from navarch.api.views.base import EMPTY, View
from navarch.api.views.meta import NO_METADATA, LabelSelector, ObjectMeta
from navarch.api.views.pod import NodeSelector, ObjectReference


class VolumeResourceRequirements(View, frozen=True):
    limits: Mapping[str, str] = EMPTY
    requests: Mapping[str, str] = EMPTY


class PersistentVolumeClaimSpec(View, frozen=True):
    accessModes: tuple[str, ...] = ()
    resources: VolumeResourceRequirements | None = None
    selector: LabelSelector | None = None
    storageClassName: str | None = None
    volumeAttributesClassName: str | None = None
    volumeMode: str = ""
    volumeName: str = ""


class PersistentVolumeClaimStatus(View, frozen=True):
    accessModes: tuple[str, ...] = ()
    capacity: Mapping[str, str] = EMPTY
    currentVolumeAttributesClassName: str | None = None
    phase: str = ""


class PersistentVolumeClaim(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: PersistentVolumeClaimSpec = PersistentVolumeClaimSpec()
    status: PersistentVolumeClaimStatus = PersistentVolumeClaimStatus()


class VolumeNodeAffinity(View, frozen=True):
    required: NodeSelector | None = None


class PersistentVolumeSpec(View, frozen=True):
    accessModes: tuple[str, ...] = ()
    capacity: Mapping[str, str] = EMPTY
    claimRef: ObjectReference | None = None
    nodeAffinity: VolumeNodeAffinity | None = None
    persistentVolumeReclaimPolicy: str = ""
    storageClassName: str = ""
    volumeAttributesClassName: str | None = None
    volumeMode: str = ""


class PersistentVolumeStatus(View, frozen=True):
    phase: str = ""


class PersistentVolume(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    spec: PersistentVolumeSpec = PersistentVolumeSpec()
    status: PersistentVolumeStatus = PersistentVolumeStatus()


class StorageClass(View, frozen=True):
    metadata: ObjectMeta = NO_METADATA
    mountOptions: tuple[str, ...] = ()
    provisioner: str = ""
    reclaimPolicy: str = ""
    volumeBindingMode: str = ""
