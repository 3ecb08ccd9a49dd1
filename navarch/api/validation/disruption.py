"""PodDisruptionBudget and PriorityClass."""

from __future__ import annotations

from typing import Final

from navarch.api.validation.labels import selector_errors
from navarch.api.validation.rules import Errors, one_of, percent_or_int, supported
from navarch.base import names
from navarch.base.field import forbidden_field, immutable, invalid_value
from navarch.schema.types import Tree

#: Priorities above it belong to the system's own classes.
HIGHEST_USER_PRIORITY: Final = 1_000_000_000

#: The classes of the system and their values.
SYSTEM_CLASSES: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


def budget_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    errors: Errors = []
    if least is not None and most is not None:
        text = "minAvailable and maxUnavailable cannot be both set"
        errors.append(invalid_value("spec", _shown(spec), text))
    for key, bound in (("minAvailable", least), ("maxUnavailable", most)):
        if bound is None:
            continue
        errors += percent_or_int(f"spec.{key}", bound)
        if isinstance(bound, str) and not names.percent_errors(bound) and int(bound[:-1]) > 100:
            errors.append(invalid_value(f"spec.{key}", bound, "must not be greater than 100%"))
    errors += selector_errors(spec.get("selector"), "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None:
        errors += supported("spec.unhealthyPodEvictionPolicy", policy, ("AlwaysAllow", "IfHealthyBudget"))
    return errors


def priority_class_errors(tree: Tree) -> Errors:
    name, value = tree["metadata"].get("name", ""), tree.get("value", 0)
    errors: Errors = []
    if name.startswith("system-"):
        text = (
            "priority class names with 'system-' prefix are reserved for system use only. "
            f"error: {name} is not a known system priority class"
        )
        if SYSTEM_CLASSES.get(name) != value:
            errors.append(forbidden_field("metadata.name", text))
    elif value > HIGHEST_USER_PRIORITY:
        text = f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        errors.append(forbidden_field("value", text))
    policy = tree.get("preemptionPolicy")
    if policy is not None:
        errors += one_of("preemptionPolicy", policy, ("PreemptLowerPriority", "Never"), needed=True)
    return errors


def priority_class_update_errors(new: Tree, old: Tree) -> Errors:
    errors: Errors = []
    if new.get("value") != old.get("value"):
        errors.append(forbidden_field("value", "may not be changed in an update."))
    if new.get("preemptionPolicy") != old.get("preemptionPolicy"):
        errors.append(immutable("preemptionPolicy", new.get("preemptionPolicy")))
    return errors


def _shown(spec: Tree) -> Tree:
    """A budget's spec as the server's own structure prints it."""
    return {
        "MinAvailable": spec.get("minAvailable"),
        "Selector": spec.get("selector"),
        "MaxUnavailable": spec.get("maxUnavailable"),
        "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
    }
