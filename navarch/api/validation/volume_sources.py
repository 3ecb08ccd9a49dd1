"""Volume sources that pods and PersistentVolumes share in form: disks and file servers.

`source_errors` knows them by name; those of pods alone are in `volumes.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from navarch.api.validation.rules import (
    Errors,
    absolute_path,
    between,
    named,
    no_backsteps,
    present,
    supported,
)
from navarch.base import names
from navarch.base.field import forbidden_field, invalid_value, not_supported, required, too_long
from navarch.schema.types import Tree

#: Entries that may not be empty, of sources with no other rule.
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "awsElasticBlockStore": ("volumeID",),
    "azureFile": ("secretName", "shareName"),
    "cephfs": ("monitors",),
    "cinder": ("volumeID",),
    "flexVolume": ("driver",),
    "gcePersistentDisk": ("pdName",),
    "glusterfs": ("endpoints", "path"),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "rbd": ("monitors", "image"),
    "scaleIO": ("gateway", "system", "volumeName"),
    "vsphereVolume": ("volumePath",),
}
_HOST_PATH_TYPES: Final = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_IQN: Final = re.compile(r"iqn\.\d{4}-\d{2}\.([a-z0-9-.]+)(:[^,;*&$|\s]+)?")
_EUI: Final = re.compile(r"eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16}([0-9A-Fa-f]{16})?")
_DISK_URIS: Final = {
    "Managed": ("/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",),
    "Blob": ("https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",),
}


def source_errors(name: str, source: Tree, path: str) -> Errors:
    """The errors of a source; `path` is that of the source itself."""
    errors = present(source, path, *_REQUIRED.get(name, ()))
    if "partition" in source and name in ("awsElasticBlockStore", "gcePersistentDisk"):
        errors += between(f"{path}.partition", source["partition"], 0, 255)
    if rule := _RULES.get(name):
        errors += rule(source, path)
    return errors


def _host_path(source: Tree, path: str) -> Errors:
    where = source.get("path", "")
    if not where:
        return [required(f"{path}.path")]
    errors = no_backsteps(f"{path}.path", where)
    kind = source.get("type") or ""
    return errors if kind in _HOST_PATH_TYPES else [*errors, not_supported(f"{path}.type", kind, _HOST_PATH_TYPES)]


def _nfs(source: Tree, path: str) -> Errors:
    errors = present(source, path, "server", "path")
    return errors + absolute_path(f"{path}.path", source.get("path", ""))


def _iscsi(source: Tree, path: str) -> Errors:
    errors = present(source, path, "targetPortal")
    iqn = source.get("iqn", "")
    if not iqn:
        errors.append(required(f"{path}.iqn"))
    elif not iqn.startswith(("iqn", "eui", "naa")):
        # Kubernetes says it to pods in more words than to persistent volumes.
        hint = "" if path == "spec.iscsi" else " starting with iqn, eui, or naa"
        errors.append(invalid_value(f"{path}.iqn", iqn, f"must be valid format{hint}"))
    elif not (_IQN if iqn.startswith("iqn") else _EUI).fullmatch(iqn):
        errors.append(invalid_value(f"{path}.iqn", iqn, "must be valid format"))
    errors += between(f"{path}.lun", source.get("lun"), 0, 255)
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and not source.get("secretRef"):
        errors.append(required(f"{path}.secretRef"))
    return errors


def _fc(source: Tree, path: str) -> Errors:
    targets, wwids = source.get("targetWWNs"), source.get("wwids")
    if (not targets and not wwids) or (targets and wwids):
        return [required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both")]
    if targets:
        if source.get("lun") is None:
            return [required(f"{path}.lun", "lun is required if targetWWNs is specified")]
        return between(f"{path}.lun", source["lun"], 0, 255)
    return []


def _flocker(source: Tree, path: str) -> Errors:
    dataset = source.get("datasetName", "")
    if bool(dataset) == bool(source.get("datasetUUID")):
        if dataset:
            return [invalid_value(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")]
        return [required(path, "one of datasetName and datasetUUID is required")]
    if "/" in dataset:
        return [invalid_value(f"{path}.datasetName", dataset, "must not contain '/'")]
    return []


def _quobyte(source: Tree, path: str) -> Errors:
    text = "must be a host:port pair or multiple pairs separated by commas"
    registry = source.get("registry", "")
    errors: Errors = []
    if not registry:
        errors.append(required(f"{path}.registry", text))
    elif len(registry) >= 65:
        errors += [invalid_value(f"{path}.registry", registry, text)]
    else:
        errors += [
            invalid_value(f"{path}.registry", registry, text)
            for pair in registry.split(",")
            if pair.count(":") != 1 or not all(pair.split(":"))
        ]
    if not source.get("volume"):
        errors.append(required(f"{path}.volume"))
    return errors


def _azure_disk(source: Tree, path: str) -> Errors:
    errors = present(source, path, "diskName", "diskURI")
    kinds, caching = ("Dedicated", "Managed", "Shared"), ("None", "ReadOnly", "ReadWrite")
    for key, allowed in (("cachingMode", caching), ("kind", kinds)):
        if source.get(key) is not None:
            errors += supported(f"{path}.{key}", source[key], allowed)
    uri = source.get("diskURI", "")
    managed = source.get("kind") == "Managed"
    if managed and not uri.startswith("/"):
        errors.append(not_supported(f"{path}.diskURI", uri, _DISK_URIS["Managed"]))
    if not managed and not uri.startswith("https://"):
        errors.append(not_supported(f"{path}.diskURI", uri, _DISK_URIS["Blob"]))
    return errors


def _storageos(source: Tree, path: str) -> Errors:
    errors: Errors = []
    for key in ("volumeName", "volumeNamespace"):
        value = source.get(key) or ""
        if value:
            errors += named(f"{path}.{key}", value, names.dns1123_label_errors)
        elif key == "volumeName":
            errors.append(required(f"{path}.{key}"))
    return errors


def _csi(source: Tree, path: str) -> Errors:
    errors = csi_driver_errors(f"{path}.driver", source.get("driver", ""))
    if (reference := source.get("nodePublishSecretRef")) is not None:
        if not (name := reference.get("name")):
            errors.append(required(f"{path}.nodePublishSecretRef.name"))
        else:
            errors += [invalid_value(f"{path}.name", name, text) for text in names.dns1123_subdomain_errors(name)]
    return errors


def csi_driver_errors(path: str, name: str) -> Errors:
    if not name:
        return [required(path)]
    errors: Errors = []
    if len(name) > 63:
        errors.append(too_long(path, 63))
    return errors + [invalid_value(path, name, text) for text in names.dns1123_subdomain_errors(name.lower())]


def _local(source: Tree, path: str) -> Errors:
    where = source.get("path", "")
    return no_backsteps(f"{path}.path", where) if where else [required(f"{path}.path")]


_RULES: Final[Mapping[str, Callable[[Tree, str], Errors]]] = {
    "hostPath": _host_path,
    "nfs": _nfs,
    "iscsi": _iscsi,
    "fc": _fc,
    "flocker": _flocker,
    "quobyte": _quobyte,
    "azureDisk": _azure_disk,
    "storageos": _storageos,
    "csi": _csi,
    "local": _local,
}


def only_one(path: str, given: list[str], text: str) -> Errors:
    """All sources after the first are too many."""
    return [forbidden_field(f"{path}.{key}", text) for key in given[1:]]
