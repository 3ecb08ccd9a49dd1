"""ResourceClaim, ResourceClaimTemplate, DeviceClass and ResourceSlice.

Source: kubernetes `pkg/apis/resource/validation`; KEP-4381.
"""

from __future__ import annotations

import re
from typing import Final

from navarch.api.validation.affinity import node_selector_errors
from navarch.api.validation.devices import (
    EFFECTS,
    claim_errors,
    configuration_errors,
    qualified_errors,
    selector_list_errors,
)
from navarch.api.validation.go_form import shown
from navarch.api.validation.labels import label_errors
from navarch.api.validation.metadata import annotation_errors
from navarch.api.validation.rules import ABOVE_ZERO, Errors, indexed, invalid_each, supported
from navarch.api.validation.volume_sources import csi_driver_errors
from navarch.base import names
from navarch.base.field import duplicate, immutable, invalid_value, required, too_long
from navarch.schema.types import Tree

_MAX_POOL_BYTES: Final = 253
_MAX_TEXT_BYTES: Final = 64
_SEMVER: Final = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?"
)
_WHERE: Final = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"


def resource_claim_errors(tree: Tree) -> Errors:
    return claim_errors((tree.get("spec") or {}).get("devices") or {}, "spec.devices")


def resource_claim_update_errors(new: Tree, old: Tree) -> Errors:
    return _frozen(new, old, "ResourceClaimSpec")


def claim_template_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    metadata = spec.get("metadata") or {}
    errors = label_errors(metadata.get("labels"), "spec.metadata.labels")
    errors += annotation_errors(metadata.get("annotations"), "spec.metadata.annotations")
    return errors + claim_errors((spec.get("spec") or {}).get("devices") or {}, "spec.spec.devices")


def claim_template_update_errors(new: Tree, old: Tree) -> Errors:
    return _frozen(new, old, "ResourceClaimTemplateSpec")


def _frozen(new: Tree, old: Tree, shape: str) -> Errors:
    now, was = (shown(shape, tree.get("spec") or {}) for tree in (new, old))
    return [immutable("spec", now)] if now != was else []


def device_class_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = selector_list_errors(spec, "spec")
    for path, config in indexed(spec, "config", "spec"):
        errors += configuration_errors(config, path)
    return errors


def new_slice_errors(tree: Tree) -> Errors:
    return _slice_errors(tree.get("spec") or {}, None)


def slice_update_errors(new: Tree, old: Tree) -> Errors:
    """The faults of the slice, with those of the change where Kubernetes names them."""
    return _slice_errors(new.get("spec") or {}, old.get("spec") or {})


def _slice_errors(spec: Tree, before: Tree | None) -> Errors:
    pool = spec.get("pool") or {}
    errors = csi_driver_errors("spec.driver", spec.get("driver", "")) + _pool_errors(pool, "spec.pool")
    if before is not None:
        pairs = (
            ("spec.pool.name", pool.get("name", ""), (before.get("pool") or {}).get("name", "")),
            ("spec.driver", spec.get("driver", ""), before.get("driver", "")),
            ("spec.nodeName", spec.get("nodeName"), before.get("nodeName")),
        )
        errors += [immutable(path, now) for path, now, was in pairs if now != was]
    errors += _node_errors(spec)
    seen: set[str] = set()
    for path, device in indexed(spec, "devices", "spec"):
        name = device.get("name", "")
        errors += _device_errors(device, path)
        if name in seen:
            errors.append(duplicate(path, name))
        seen.add(name)
    return errors


def _pool_errors(pool: Tree, path: str) -> Errors:
    name, count, generation = pool.get("name", ""), pool.get("resourceSliceCount", 0), pool.get("generation", 0)
    errors: Errors = []
    if not name:
        errors.append(required(f"{path}.name"))
    else:
        if len(name.encode()) > _MAX_POOL_BYTES:
            errors.append(too_long(f"{path}.name", _MAX_POOL_BYTES))
        for part in name.split("/"):
            errors += invalid_each(f"{path}.name", part, names.dns1123_subdomain_errors(part))
    if count <= 0:
        errors.append(invalid_value(f"{path}.resourceSliceCount", count, ABOVE_ZERO))
    if generation < 0:
        text = "must be greater than or equal to zero"
        errors.append(invalid_value(f"{path}.generation", generation, text))
    return errors


def _node_errors(spec: Tree) -> Errors:
    """Where the devices are is said in one way only."""
    errors: Errors = []
    given: list[str] = []
    if (name := spec.get("nodeName")) is not None:
        if name:
            given.append("nodeName")
            errors += invalid_each("spec.nodeName", name, names.dns1123_subdomain_errors(name))
        else:
            text = "must be either unset or set to a non-empty string"
            errors.append(invalid_value("spec.nodeName", name, text))
    if spec.get("nodeSelector") is not None:
        given.append("nodeSelector")
        errors += node_selector_errors(spec["nodeSelector"], "spec.nodeSelector")
        if len(spec["nodeSelector"].get("nodeSelectorTerms") or ()) > 1:
            where = "spec.nodeSelector.nodeSelectorTerms"
            terms = spec["nodeSelector"]["nodeSelectorTerms"]
            errors.append(invalid_value(where, terms, "must have exactly one node selector term"))
    for key in ("allNodes", "perDeviceNodeSelection"):
        if spec.get(key):
            given.append(key)
        elif spec.get(key) is not None:
            errors.append(invalid_value(f"spec.{key}", False, "must be either unset or set to true"))
    if not given:
        errors.append(required("spec", _WHERE))
    elif len(given) > 1:
        listed = "{" + ", ".join(f"`{key}`" for key in given) + "}"
        errors.append(invalid_value("spec", listed, f"{_WHERE}, but multiple fields are set"))
    return errors


def _device_errors(device: Tree, path: str) -> Errors:
    name = device.get("name", "")
    errors = invalid_each(f"{path}.name", name, names.dns1123_label_errors(name))
    for key, attribute in (device.get("attributes") or {}).items():
        where = f"{path}.attributes[{key}]"
        errors += qualified_errors(key, where) + _attribute_errors(attribute or {}, where)
    for key in device.get("capacity") or {}:
        errors += qualified_errors(key, f"{path}.capacity[{key}]")
    for where, taint in indexed(device, "taints", path):
        errors += _taint_errors(taint, where)
    return errors


def _attribute_errors(attribute: Tree, path: str) -> Errors:
    given = [key for key in ("bool", "int", "string", "version") if attribute.get(key) is not None]
    if len(given) != 1:
        return [invalid_value(path, "", "exactly one value must be specified")]
    key, value = given[0], attribute[given[0]]
    where = f"{path}.{key}"
    errors: Errors = []
    if key in ("string", "version") and len(value.encode()) > _MAX_TEXT_BYTES:
        errors.append(too_long(where, _MAX_TEXT_BYTES))
    if key == "version" and not _SEMVER.fullmatch(value):
        text = "must be a string compatible with semver.org spec 2.0.0"
        errors.append(invalid_value(where, value, text))
    return errors


def _taint_errors(taint: Tree, path: str) -> Errors:
    key, value, effect = taint.get("key", ""), taint.get("value", ""), taint.get("effect", "")
    errors = invalid_each(f"{path}.key", key, names.qualified_name_errors(key))
    if value:
        errors += invalid_each(f"{path}.value", value, names.label_value_errors(value))
    return errors + (supported(f"{path}.effect", effect, EFFECTS) if effect else [required(f"{path}.effect")])
