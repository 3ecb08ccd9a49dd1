"""Volumes of pods and how containers mount them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from navarch.api.validation.env import VOLUME_FIELDS, field_ref_errors, resource_ref_errors
from navarch.api.validation.labels import label_errors
from navarch.api.validation.metadata import annotation_errors
from navarch.api.validation.persistent import claim_spec_errors
from navarch.api.validation.rules import (
    Errors,
    descending_path,
    indexed,
    named,
    one_of,
    present,
    unreserved_path,
)
from navarch.api.validation.volume_sources import only_one, source_errors
from navarch.base import names, quantity
from navarch.base.field import duplicate, forbidden_field, invalid_value, not_found_field, required
from navarch.schema.types import Tree

_MODE_TEXT: Final = "must be a number between 0 and 0777 (octal), both inclusive"
_TOKEN_MIN_S: Final = 10 * 60
_TOKEN_MAX_S: Final = 1 << 32
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_PROPAGATION: Final = ("Bidirectional", "HostToContainer", "None")
#: The sources of a volume in the order in which Kubernetes counts them.
_SOURCES: Final = (
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
)


def volume_errors(spec: Tree, path: str) -> tuple[Errors, dict[str, Tree]]:
    """Errors of the volumes, and the volumes that have none, by name."""
    errors: Errors = []
    good: dict[str, Tree] = {}
    for where, volume in indexed(spec, "volumes", path):
        name = volume.get("name", "")
        found = _source_errors(volume, where)
        found += named(f"{where}.name", name, names.dns1123_label_errors)
        if name in good:
            found.append(duplicate(f"{where}.name", name))
        if found:
            errors += found
        else:
            good[name] = volume
    return errors, good


def mount_errors(container: Tree, path: str, volumes: Mapping[str, Tree]) -> Errors:
    """`volumeMounts` and `volumeDevices`."""
    errors: Errors = []
    points: set[str] = set()
    for where, mount in indexed(container, "volumeMounts", path):
        name, point = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            errors.append(required(f"{where}.name"))
        if name not in volumes:
            errors.append(not_found_field(f"{where}.name", name))
        if not point:
            errors.append(required(f"{where}.mountPath"))
        if point in points:
            errors.append(invalid_value(f"{where}.mountPath", point, "must be unique"))
        points.add(point)
        if mount.get("subPath"):
            errors += descending_path(f"{path}.volumeMounts.subPath", mount["subPath"])
        errors += _mount_option_errors(mount, container, where, f"{path}.volumeMounts")
    return errors + _device_errors(container, path, volumes, points)


def _mount_option_errors(mount: Tree, container: Tree, path: str, base: str) -> Errors:
    errors: Errors = []
    if mount.get("subPathExpr"):
        if mount.get("subPath"):
            text = "subPathExpr and subPath are mutually exclusive"
            errors.append(invalid_value(f"{path}.subPathExpr", mount["subPathExpr"], text))
        errors += descending_path(f"{base}.subPathExpr", mount["subPathExpr"])
    if (propagation := mount.get("mountPropagation")) is not None:
        where = f"{base}.mountPropagation"
        errors += one_of(where, propagation, _PROPAGATION)
        if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
            text = "Bidirectional mount propagation is available only to privileged containers"
            errors.append(forbidden_field(where, text))
    recursive = mount.get("recursiveReadOnly")
    if recursive is not None:
        where = f"{base}.recursiveReadOnly"
        errors += one_of(where, recursive, ("Disabled", "Enabled", "IfPossible"))
        if recursive in ("Enabled", "IfPossible"):
            if not mount.get("readOnly"):
                errors.append(forbidden_field(where, "may only be specified when readOnly is true"))
            if propagation not in (None, "None"):
                errors.append(
                    forbidden_field(where, "may only be specified when mountPropagation is None or not specified")
                )
    return errors


def _device_errors(container: Tree, path: str, volumes: Mapping[str, Tree], points: Collection[str]) -> Errors:
    errors: Errors = []
    seen_paths: set[str] = set()
    seen_names: set[str] = set()
    for where, device in indexed(container, "volumeDevices", path):
        name, point = device.get("name", ""), device.get("devicePath", "")
        if not name:
            errors.append(required(f"{where}.name"))
        if name in seen_names:
            errors.append(invalid_value(f"{where}.name", name, "must be unique"))
        if name not in volumes:
            errors.append(not_found_field(f"{where}.name", name))
        if not point:
            errors.append(required(f"{where}.devicePath"))
        if point in seen_paths:
            errors.append(invalid_value(f"{where}.devicePath", point, "must be unique"))
        if point in points:
            errors.append(invalid_value(f"{where}.devicePath", point, "must not already exist in volumeMounts"))
        seen_paths.add(point)
        seen_names.add(name)
    return errors


def _source_errors(volume: Tree, path: str) -> Errors:
    given = [key for key in _SOURCES if volume.get(key) is not None]
    if not given:
        return [required(path, "must specify a volume type")]
    errors = only_one(path, given, "may not specify more than 1 volume type")
    name, source = given[0], volume[given[0]]
    where = f"{path}.{name}"
    if name == "emptyDir":
        return errors + _empty_dir_errors(source, where)
    if name == "gitRepo":
        errors += present(source, where, "repository")
        return errors + (descending_path(f"{where}.directory", source["directory"]) if source.get("directory") else [])
    if name == "secret":
        return errors + present(source, where, "secretName") + _file_errors(source, where)
    if name == "configMap":
        return errors + present(source, where, "name") + _file_errors(source, where)
    if name == "downwardAPI":
        return errors + _mode_errors(source, "defaultMode", where) + _downward_errors(source, where)
    if name == "projected":
        return errors + _projected_errors(source, where)
    if name == "persistentVolumeClaim":
        return errors + present(source, where, "claimName")
    if name == "image":
        errors += present(source, where, "reference")
        return errors + one_of(f"{where}.pullPolicy", source.get("pullPolicy"), _PULL_POLICIES)
    if name == "ephemeral":
        return errors + _claim_template_errors(source, f"{where}.volumeClaimTemplate")
    return errors + source_errors(name, source, where)


def _claim_template_errors(source: Tree, path: str) -> Errors:
    """The claim that is made for one pod: its name is the pod's and the volume's."""
    template = source.get("volumeClaimTemplate")
    if template is None:
        return [required(path)]
    metadata = template.get("metadata") or {}
    errors = label_errors(metadata.get("labels"), f"{path}.metadata.labels")
    errors += annotation_errors(metadata.get("annotations"), f"{path}.metadata.annotations")
    errors += [
        forbidden_field(f"{path}.metadata.{key}", "cannot be set")
        for key in metadata
        if key not in ("labels", "annotations")
    ]
    return errors + claim_spec_errors(template.get("spec") or {}, f"{path}.spec")


def _empty_dir_errors(source: Tree, path: str) -> Errors:
    limit = source.get("sizeLimit")
    if limit is not None and quantity.parse(str(limit)).nano < 0:
        return [forbidden_field(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")]
    return []


def _mode_errors(tree: Tree, key: str, path: str) -> Errors:
    mode = tree.get(key)
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [invalid_value(f"{path}.{key}", mode, _MODE_TEXT)]


def _file_errors(source: Tree, path: str) -> Errors:
    errors = _mode_errors(source, "defaultMode", path)
    for where, item in indexed(source, "items", path):
        errors += _item_errors(item, where)
    return errors


def _item_errors(item: Tree, path: str) -> Errors:
    errors: Errors = []
    if not item.get("key"):
        errors.append(required(f"{path}.key"))
    if not item.get("path"):
        errors.append(required(f"{path}.path"))
    errors += unreserved_path(f"{path}.path", item.get("path", ""))
    return errors + _mode_errors(item, "mode", path)


def _downward_errors(source: Tree, path: str) -> Errors:
    errors: Errors = []
    for _, item in indexed(source, "items", path):
        if not item.get("path"):
            errors.append(required(f"{path}.path"))
        errors += unreserved_path(f"{path}.path", item.get("path", ""))
        field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
        if field is not None:
            errors += field_ref_errors(field, f"{path}.fieldRef", VOLUME_FIELDS)
            if resource is not None:
                text = "fieldRef and resourceFieldRef can not be specified simultaneously"
                errors.append(invalid_value(path, "resource", text))
        elif resource is not None:
            errors += resource_ref_errors(resource, f"{path}.resourceFieldRef", in_volume=True)
        else:
            errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
        errors += _mode_errors(item, "mode", path)
    return errors


def _projected_errors(source: Tree, path: str) -> Errors:
    errors = _mode_errors(source, "defaultMode", path)
    files: set[str] = set()
    for where, part in indexed(source, "sources", path):
        given = [key for key in part if part[key] is not None]
        if len(given) > 1:
            errors.append(forbidden_field(where, "may not specify more than 1 volume type per source"))
        for key in given:
            errors += _projection_errors(key, part[key], f"{where}.{key}", path)
            for _, item in indexed(part[key], "items", where):
                errors += _taken_errors(item.get("path", ""), part[key].get("name"), files, path)
    return errors


def _taken_errors(file: str, source: str | None, files: set[str], path: str) -> Errors:
    """Two sources that want one file. `source` is the name of what the later one reads, None for the pod."""
    taken = bool(file) and file in files
    files.add(file)
    return [invalid_value(path, file if source is None else source, "conflicting duplicate paths")] if taken else []


def _projection_errors(kind: str, source: Tree, path: str, base: str) -> Errors:
    if kind in ("secret", "configMap"):
        errors = present(source, path, "name")
        for where, item in indexed(source, "items", path):
            errors += _item_errors(item, where)
        return errors
    if kind == "downwardAPI":
        return _downward_errors(source, path)
    if kind == "serviceAccountToken":
        errors = []
        seconds = source.get("expirationSeconds")
        where = f"{path}.expirationSeconds"
        if seconds is not None and seconds < _TOKEN_MIN_S:
            errors.append(invalid_value(where, seconds, "may not specify a duration less than 10 minutes"))
        if seconds is not None and seconds > _TOKEN_MAX_S:
            errors.append(invalid_value(where, seconds, "may not specify a duration larger than 2^32 seconds"))
        if not (name := source.get("path")):
            errors.append(required(f"{base}.path"))
        else:
            errors += unreserved_path(f"{base}.path", name)
        return errors
    return []
