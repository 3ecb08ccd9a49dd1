"""Typed views of the volumes of a pod.

Field names are those of the wire. The default is the absent value, never an API default. Fields that
no brain reads are left out; `tests/api/test_views.py` holds the rest against the fact tables.
"""

from __future__ import annotations

from navarch.api.views.base import View


class KeyToPath(View, frozen=True):
    key: str = ""
    mode: int | None = None
    path: str = ""


class ObjectFieldSelector(View, frozen=True):
    apiVersion: str = ""
    fieldPath: str = ""


class ResourceFieldSelector(View, frozen=True):
    containerName: str = ""
    divisor: str = ""
    resource: str = ""


class EmptyDirVolumeSource(View, frozen=True):
    medium: str = ""
    sizeLimit: str = ""


class HostPathVolumeSource(View, frozen=True):
    path: str = ""
    type: str = ""


class SecretVolumeSource(View, frozen=True):
    defaultMode: int | None = None
    items: tuple[KeyToPath, ...] = ()
    optional: bool | None = None
    secretName: str = ""


class ConfigMapVolumeSource(View, frozen=True):
    defaultMode: int | None = None
    items: tuple[KeyToPath, ...] = ()
    name: str = ""
    optional: bool | None = None


class DownwardAPIVolumeFile(View, frozen=True):
    fieldRef: ObjectFieldSelector | None = None
    mode: int | None = None
    path: str = ""
    resourceFieldRef: ResourceFieldSelector | None = None


class DownwardAPIVolumeSource(View, frozen=True):
    defaultMode: int | None = None
    items: tuple[DownwardAPIVolumeFile, ...] = ()


class PersistentVolumeClaimVolumeSource(View, frozen=True):
    claimName: str = ""
    readOnly: bool | None = None


class ServiceAccountTokenProjection(View, frozen=True):
    audience: str = ""
    expirationSeconds: int | None = None
    path: str = ""


class SecretProjection(View, frozen=True):
    items: tuple[KeyToPath, ...] = ()
    name: str = ""
    optional: bool | None = None


class ConfigMapProjection(View, frozen=True):
    items: tuple[KeyToPath, ...] = ()
    name: str = ""
    optional: bool | None = None


class DownwardAPIProjection(View, frozen=True):
    items: tuple[DownwardAPIVolumeFile, ...] = ()


class VolumeProjection(View, frozen=True):
    configMap: ConfigMapProjection | None = None
    downwardAPI: DownwardAPIProjection | None = None
    secret: SecretProjection | None = None
    serviceAccountToken: ServiceAccountTokenProjection | None = None


class ProjectedVolumeSource(View, frozen=True):
    defaultMode: int | None = None
    sources: tuple[VolumeProjection, ...] = ()


class ImageVolumeSource(View, frozen=True):
    pullPolicy: str = ""
    reference: str = ""


class Volume(View, frozen=True):
    configMap: ConfigMapVolumeSource | None = None
    downwardAPI: DownwardAPIVolumeSource | None = None
    emptyDir: EmptyDirVolumeSource | None = None
    hostPath: HostPathVolumeSource | None = None
    image: ImageVolumeSource | None = None
    name: str = ""
    persistentVolumeClaim: PersistentVolumeClaimVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    secret: SecretVolumeSource | None = None
