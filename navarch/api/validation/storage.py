"""The kinds of storage.k8s.io.

Source: kubernetes `pkg/apis/storage/validation`.
"""

from __future__ import annotations

from typing import Any, Final

from navarch.api.validation.go_form import shown
from navarch.api.validation.labels import selector_errors
from navarch.api.validation.persistent import inline_volume_errors
from navarch.api.validation.rules import NOT_NEGATIVE, Errors, indexed, invalid_each, named, not_negative, supported
from navarch.api.validation.volume_sources import csi_driver_errors
from navarch.base import names, quantity
from navarch.base.field import (
    duplicate,
    forbidden_field,
    immutable,
    invalid_value,
    not_supported,
    required,
    too_long,
)
from navarch.schema.types import Tree

_RECLAIM: Final = ("Delete", "Retain")
_BINDING: Final = ("Immediate", "WaitForFirstConsumer")
_GROUP_POLICIES: Final = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES: Final = ("Persistent", "Ephemeral")
_MAX_PARAMETERS: Final = 512
_MAX_PARAMETER_BYTES: Final = 256 * 1024
_MAX_DRIVER_BYTES: Final = 63
_MAX_NODE_ID_BYTES: Final = 256
_MIN_TOKEN_S: Final = 600
_MAX_TOKEN_S: Final = 2**32
_MIN_PERIOD_S: Final = 10


def storage_class_errors(tree: Tree) -> Errors:
    errors = _provisioner_errors(tree.get("provisioner", ""), "provisioner")
    errors += _parameter_errors(tree, may_be_empty=True)
    errors += supported("reclaimPolicy", tree.get("reclaimPolicy"), _RECLAIM) if tree.get("reclaimPolicy") else []
    mode = tree.get("volumeBindingMode")
    errors += [required("volumeBindingMode")] if mode is None else supported("volumeBindingMode", mode, _BINDING)
    return errors + _topologies_errors(tree)


def storage_class_update_errors(new: Tree, old: Tree) -> Errors:
    errors: Errors = []
    if (new.get("parameters") or {}) != (old.get("parameters") or {}):
        errors.append(immutable("parameters", new.get("parameters")))
    if new.get("provisioner") != old.get("provisioner"):
        errors.append(immutable("provisioner", new.get("provisioner", "")))
    return errors + [
        immutable(key, new.get(key)) for key in ("reclaimPolicy", "volumeBindingMode") if new.get(key) != old.get(key)
    ]


def attributes_class_errors(tree: Tree) -> Errors:
    errors = _provisioner_errors(tree.get("driverName", ""), "driverName")
    return errors + _parameter_errors(tree, may_be_empty=False)


def attributes_class_update_errors(new: Tree, old: Tree) -> Errors:
    return [
        forbidden_field(key, f"updates to {key} are forbidden.")
        for key in ("driverName", "parameters")
        if (new.get(key) or None) != (old.get(key) or None)
    ]


def _provisioner_errors(name: str, path: str) -> Errors:
    return named(path, name.lower(), names.qualified_name_errors)


def _parameter_errors(tree: Tree, *, may_be_empty: bool) -> Errors:
    parameters = tree.get("parameters") or {}
    if not parameters and not may_be_empty:
        return [required("parameters", "must contain at least one key/value pair")]
    if len(parameters) > _MAX_PARAMETERS:
        return [too_long("Provisioner Parameters exceeded max allowed", _MAX_PARAMETERS)]
    errors: Errors = []
    if "" in parameters:
        errors.append(invalid_value("parameters", "", "field can not be empty."))
    if sum(len(key.encode()) + len(str(value).encode()) for key, value in parameters.items()) > _MAX_PARAMETER_BYTES:
        errors.append(too_long("parameters", _MAX_PARAMETER_BYTES))
    return errors


def _topologies_errors(tree: Tree) -> Errors:
    """Each term's keys are unique, and no two terms are the same."""
    errors: Errors = []
    seen: list[dict[str, set[str]]] = []
    for place, term in indexed(tree, "allowedTopologies", ""):
        path = place.lstrip(".")
        pairs: dict[str, set[str]] = {}
        for where, expression in indexed(term, "matchLabelExpressions", path):
            errors += _expression_errors(expression, where, pairs)
        if pairs in seen:
            errors.append(duplicate(f"{path}.matchLabelExpressions", ""))
        seen.append(pairs)
    return errors


def _expression_errors(expression: Tree, path: str, pairs: dict[str, set[str]]) -> Errors:
    key, values = expression.get("key", ""), expression.get("values") or []
    errors: Errors = [] if values else [required(f"{path}.values")]
    unique: set[str] = set()
    for index, value in enumerate(values):
        if value in unique:
            errors.append(duplicate(f"{path}.values[{index}]", value))
        unique.add(value)
    errors += invalid_each(f"{path}.key", key, names.qualified_name_errors(key))
    if key in pairs:
        errors.append(duplicate(f"{path}.key", key))
    pairs[key] = unique
    return errors


def attachment_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    source, node = spec.get("source") or {}, spec.get("nodeName", "")
    name, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    errors = csi_driver_errors("spec.attacher", spec.get("attacher", ""))
    one_of_both = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    path = "spec.source"
    if name is None and inline is None:
        errors.append(required(path, one_of_both))
    elif name is not None and inline is not None:
        errors.append(forbidden_field(path, one_of_both))
    elif name is not None:
        if not name:
            errors.append(required(f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName"))
        errors += invalid_each(f"{path}.persistentVolumeName", name, names.dns1123_subdomain_errors(name))
    else:
        errors += inline_volume_errors(inline or {}, f"{path}.inlineVolumeSpec")
    return errors + invalid_each("spec.nodeName", node, names.dns1123_subdomain_errors(node))


def attachment_update_errors(new: Tree, old: Tree) -> Errors:
    now, was = (shown("VolumeAttachmentSpec", tree.get("spec") or {}) for tree in (new, old))
    return [immutable("spec", now)] if now != was else []


def csi_node_errors(tree: Tree) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for path, driver in indexed(tree.get("spec") or {}, "drivers", "spec"):
        name = driver.get("name", "")
        errors += csi_driver_errors(f"{path}.name", name)
        errors += _node_id_errors(driver.get("nodeID", ""), f"{path}.nodeID")
        if name and name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
        errors += _topology_key_errors(driver.get("topologyKeys") or [], path)
        errors += not_negative(f"{path}.allocatable.count", (driver.get("allocatable") or {}).get("count"))
    return errors


def csi_node_update_errors(new: Tree, old: Tree) -> Errors:
    """A driver that is there stays as it is, or goes; only its number of volumes may change."""
    before = {driver.get("name", ""): driver for driver in (old.get("spec") or {}).get("drivers") or ()}
    errors: Errors = []
    for driver in (new.get("spec") or {}).get("drivers") or ():
        was = before.get(driver.get("name", ""))
        if was is not None and {**driver, "allocatable": None} != {**was, "allocatable": None}:
            errors.append(immutable("spec.drivers", shown("CSINodeDriver", {**driver, "allocatable": None})))
    return errors


def _node_id_errors(node_id: str, path: str) -> Errors:
    if not node_id:
        return [required(path)]
    if len(node_id.encode()) > _MAX_NODE_ID_BYTES:
        return [invalid_value(path, node_id, f"must be {_MAX_NODE_ID_BYTES} characters or less")]
    return []


def _topology_key_errors(keys: list[str], path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for key in (key or "" for key in keys):
        if not key:
            errors.append(required(path))
        if key in seen:
            errors.append(duplicate(path, key))
        seen.add(key)
        errors += invalid_each(path, key, names.qualified_name_errors(key))
    return errors


def csi_driver_object_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    name = tree["metadata"].get("name", "")
    errors = [too_long("metadata.name", _MAX_DRIVER_BYTES)] if len(name.encode()) > _MAX_DRIVER_BYTES else []
    errors += [required(f"spec.{field}") for key, field in _DRIVER_FLAGS if spec.get(key) is None]
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in _LIFECYCLES:
            errors.append(not_supported("spec.volumeLifecycleModes", mode or "", _LIFECYCLES))
    if spec.get("fsGroupPolicy") is not None:
        errors += supported("spec.fsGroupPolicy", spec["fsGroupPolicy"], _GROUP_POLICIES)
    errors += _token_request_errors(spec)
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < _MIN_PERIOD_S:
        text = f"must be greater than or equal to {_MIN_PERIOD_S} seconds"
        errors.append(invalid_value("spec.nodeAllocatableUpdatePeriodSeconds", period, text))
    return errors


#: Flags of a driver, and under which name their absence is reported.
_DRIVER_FLAGS: Final = (
    ("attachRequired", "attachedRequired"),
    ("podInfoOnMount", "podInfoOnMount"),
    ("storageCapacity", "storageCapacity"),
)


def csi_driver_update_errors(new: Tree, old: Tree) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    return [
        immutable(f"spec.{shown_as}", spec.get(key))
        for key, shown_as in (("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes"))
        if (spec.get(key) or None) != (before.get(key) or None)
    ]


def _token_request_errors(spec: Tree) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for path, request in indexed(spec, "tokenRequests", "spec"):
        audience = request.get("audience", "")
        if audience in seen:
            errors.append(duplicate(f"{path}.audience", audience))
            continue
        seen.add(audience)
        seconds = request.get("expirationSeconds")
        if seconds is None:
            continue
        if seconds < _MIN_TOKEN_S:
            text = "may not specify a duration less than 10 minutes"
            errors.append(invalid_value(f"{path}.expirationSeconds", seconds, text))
        if seconds > _MAX_TOKEN_S:
            text = "may not specify a duration larger than 2^32 seconds"
            errors.append(invalid_value(f"{path}.expirationSeconds", seconds, text))
    return errors


def capacity_errors(tree: Tree) -> Errors:
    errors: Errors = []
    name = tree.get("storageClassName", "")
    errors += invalid_each("storageClassName", name, names.dns1123_subdomain_errors(name))
    errors += selector_errors(tree.get("nodeTopology"), "nodeTopology")
    amount = tree.get("capacity")
    if amount is not None and _amount(amount).nano < 0:
        errors.append(invalid_value("capacity", str(_amount(amount)), NOT_NEGATIVE))
    return errors


def capacity_update_errors(new: Tree, old: Tree) -> Errors:
    errors: Errors = []
    if new.get("nodeTopology") != old.get("nodeTopology"):
        errors.append(immutable("nodeTopology", new.get("nodeTopology")))
    if new.get("storageClassName") != old.get("storageClassName"):
        errors.append(immutable("storageClassName", new.get("storageClassName", "")))
    return errors


def _amount(amount: Any) -> quantity.Quantity:
    return quantity.parse(str(amount))
