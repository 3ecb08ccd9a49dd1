"""Node, Namespace and Lease."""

from __future__ import annotations

from typing import Final

from navarch.api.validation.affinity import EFFECTS
from navarch.api.validation.metadata import STANDARD_FINALIZERS
from navarch.api.validation.resources import is_extended
from navarch.api.validation.rules import NOT_NEGATIVE, POSITIVE, Errors, indexed, invalid_each, not_negative, one_of
from navarch.base import names, quantity
from navarch.base.field import duplicate, forbidden_field, invalid_value, not_supported, required
from navarch.schema.types import Tree

_ONCE: Final = 'node updates may not change {field} except from "" to valid'
_STRATEGIES: Final = ("OldestEmulationVersion",)


def node_errors(tree: Tree) -> Errors:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    errors = _taint_errors(spec)
    for key in ("capacity", "allocatable"):
        for name, amount in (status.get(key) or {}).items():
            where = f"status.{key}.{name}"
            if quantity.parse(str(amount)).nano < 0:
                errors.append(invalid_value(where, str(amount), NOT_NEGATIVE))
            elif is_extended(name) and quantity.parse(str(amount)).nano % quantity.NANO:
                errors.append(invalid_value(where, str(amount), "must be an integer"))
    ranges = spec.get("podCIDRs") or []
    for index, text in enumerate(ranges):
        errors += invalid_each(f"spec.podCIDRs[{index}]", text, names.cidr_errors(text))
    if len(ranges) > 1:
        versions = [network.version for text in ranges if (network := names.parse_cidr(text))]
        if len(ranges) > 2 or len(set(versions)) != len(versions):
            text = "may specify no more than one CIDR for each IP family"
            errors.append(invalid_value("spec.podCIDRs", ranges, text))
    return errors


def node_update_errors(new: Tree, old: Tree) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = _taint_errors(spec)
    if before.get("podCIDRs") and spec.get("podCIDRs") != before.get("podCIDRs"):
        errors.append(forbidden_field("spec.podCIDRs", _ONCE.format(field="podCIDR")))
    if before.get("providerID") and spec.get("providerID") != before.get("providerID"):
        errors.append(forbidden_field("spec.providerID", _ONCE.format(field="providerID")))
    return errors


def namespace_errors(tree: Tree) -> Errors:
    errors: Errors = []
    for finalizer in (tree.get("spec") or {}).get("finalizers") or ():
        errors += invalid_each("spec.finalizers", finalizer, names.qualified_name_errors(finalizer))
        if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(invalid_value("spec.finalizers", finalizer, text))
    return errors


def namespace_status_errors(new: Tree, _old: Tree) -> Errors:
    """The phase says whether it is being deleted, and nothing else."""
    phase = (new.get("status") or {}).get("phase", "")
    if new["metadata"].get("deletionTimestamp"):
        wanted, text = "Terminating", "may only be 'Terminating' if `deletionTimestamp` is not empty"
    else:
        wanted, text = "Active", "may only be 'Active' if `deletionTimestamp` is empty"
    return [invalid_value("status.Phase", phase, text)] if phase != wanted else []


def lease_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors: Errors = []
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        errors.append(invalid_value("spec.leaseDurationSeconds", duration, POSITIVE))
    errors += not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))
    if spec.get("holderIdentity") == "":
        errors.append(invalid_value("spec.holderIdentity", "", "must not be empty"))
    return errors + one_of("spec.strategy", spec.get("strategy"), _STRATEGIES)


def _taint_errors(spec: Tree) -> Errors:
    errors: Errors = []
    seen: set[tuple[str, str]] = set()
    for where, taint in indexed(spec, "taints", "metadata"):
        key, value, effect = taint.get("key", ""), taint.get("value", ""), taint.get("effect", "")
        errors += invalid_each(f"{where}.key", key, names.qualified_name_errors(key))
        errors += invalid_each(f"{where}.value", value, names.label_value_errors(value))
        if not effect:
            errors.append(required(f"{where}.effect"))
        elif effect not in EFFECTS:
            errors.append(not_supported(f"{where}.effect", effect, EFFECTS))
        if (key, effect) in seen:
            shown = {"Key": key, "Value": value, "Effect": effect, "TimeAdded": None}
            error = duplicate(where, shown)
            text = "taints must be unique by key and effect pair"
            errors.append(type(error)(error.reason, error.path, text, shown))
        seen.add((key, effect))
    return errors
