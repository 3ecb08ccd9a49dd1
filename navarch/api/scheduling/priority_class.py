"""PriorityClass: a named pod priority."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import fill_pointer
from navarch.api.kind import Column, Kind
from navarch.api.validation.disruption import priority_class_errors, priority_class_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Value",
        "value represents the integer value of this priority class. This is the actual priority that "
        "pods receive when they have the name of this class in their pod spec.",
        type="integer",
    ),
    Column(
        "Global-Default",
        "globalDefault specifies whether this PriorityClass should be considered as the default "
        "priority for pods that do not have any priority class. Only one PriorityClass can be marked "
        "as `globalDefault`. However, if more than one PriorityClasses exists with their "
        "`globalDefault` field set to true, the smallest value of such global default PriorityClasses"
        " will be used as the default priority.",
        type="boolean",
    ),
    AGE,
    Column(
        "PreemptionPolicy",
        "preemptionPolicy is the Policy for preempting pods with lower priority. One of Never, "
        "PreemptLowerPriority. Defaults to PreemptLowerPriority if unset.",
    ),
)


def _default(tree: Tree) -> None:
    fill_pointer(tree, "preemptionPolicy", "PreemptLowerPriority")


def _cells(tree: Tree, now: float) -> list[Any]:
    policy = tree.get("preemptionPolicy", "")
    return [name(tree), tree.get("value", 0), tree.get("globalDefault", False), age(tree, now), policy]


KIND = Kind(
    group="scheduling.k8s.io",
    version="v1",
    kind="PriorityClass",
    plural="priorityclasses",
    singular="priorityclass",
    namespaced=False,
    type_name="io.k8s.api.scheduling.v1.PriorityClass",
    short_names=("pc",),
    storage_version_hash="1QwjyaZjj3Y=",
    columns=COLUMNS,
    has_generation=True,
    default=_default,
    cells=_cells,
    validate=priority_class_errors,
    validate_update=priority_class_update_errors,
)
