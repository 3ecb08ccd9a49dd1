"""Defaults of volumes, of pods and of PersistentVolumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from navarch.api.core.container_defaults import default_field_ref, pull_policy
from navarch.api.defaulting import each, fill, fill_pointer, struct
from navarch.schema.types import Tree

#: Permission bits of files from Secrets and the like: octal 0644.
FILE_MODE: Final = 0o644
TOKEN_LIFETIME_S: Final = 60 * 60


def default_volume(volume: Tree) -> None:
    """A volume of a pod; one without a source is an emptyDir."""
    if not any(volume.get(key) is not None for key in volume if key != "name"):
        volume["emptyDir"] = {}
    default_source(volume)


def default_source(tree: Tree) -> None:
    """The volume source that is an entry of `tree`: a volume or a PersistentVolume's spec."""
    for name, default in _SOURCES.items():
        if isinstance(source := tree.get(name), dict):
            default(source)


def default_claim(claim: Tree) -> None:
    """A PersistentVolumeClaim or a template of one."""
    spec = struct(claim, "spec")
    fill_pointer(spec, "volumeMode", "Filesystem")
    struct(spec, "resources")


def _files(source: Tree) -> None:
    source.setdefault("defaultMode", FILE_MODE)
    for item in each(source, "items"):
        default_field_ref(item)


def _projected(source: Tree) -> None:
    source.setdefault("defaultMode", FILE_MODE)
    for part in each(source, "sources"):
        if token := part.get("serviceAccountToken"):
            token.setdefault("expirationSeconds", TOKEN_LIFETIME_S)
        for item in each(part.get("downwardAPI") or {}, "items"):
            default_field_ref(item)


def _host_path(source: Tree) -> None:
    source.setdefault("type", "")


def _iscsi(source: Tree) -> None:
    fill(source, "iscsiInterface", "default")


def _rbd(source: Tree) -> None:
    fill(source, "pool", "rbd")
    fill(source, "user", "admin")
    fill(source, "keyring", "/etc/ceph/keyring")


def _azure_disk(source: Tree) -> None:
    for key, value in (("cachingMode", "ReadWrite"), ("fsType", "ext4"), ("readOnly", False), ("kind", "Shared")):
        source.setdefault(key, value)


def _scale_io(source: Tree) -> None:
    fill(source, "storageMode", "ThinProvisioned")
    fill(source, "fsType", "xfs")


def _image(source: Tree) -> None:
    fill(source, "pullPolicy", pull_policy(source.get("reference") or ""))


def _ephemeral(source: Tree) -> None:
    if template := source.get("volumeClaimTemplate"):
        default_claim(template)


_SOURCES: Final[Mapping[str, Callable[[Tree], None]]] = {
    "secret": _files,
    "configMap": _files,
    "downwardAPI": _files,
    "projected": _projected,
    "hostPath": _host_path,
    "iscsi": _iscsi,
    "rbd": _rbd,
    "azureDisk": _azure_disk,
    "scaleIO": _scale_io,
    "image": _image,
    "ephemeral": _ephemeral,
}
