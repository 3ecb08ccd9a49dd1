"""PodDisruptionBudget: how many pods may be disrupted at once."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.api.validation.disruption import budget_errors
from navarch.api.validation.workload_status import budget_status_errors
from navarch.base import names
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Min Available", "The minimum number of pods that must be available."),
    Column("Max Unavailable", "The maximum number of pods that may be unavailable."),
    Column("Allowed Disruptions", "Calculated number of pods that may be disrupted at this time.", type="integer"),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    bounds = [spec.get("minAvailable"), spec.get("maxUnavailable")]
    shown = ["N/A" if bound is None else str(bound) for bound in bounds]
    return [name(tree), *shown, status.get("disruptionsAllowed", 0), age(tree, now)]


KIND = Kind(
    group="policy",
    version="v1",
    kind="PodDisruptionBudget",
    plural="poddisruptionbudgets",
    singular="poddisruptionbudget",
    namespaced=True,
    type_name="io.k8s.api.policy.v1.PodDisruptionBudget",
    short_names=("pdb",),
    subresources=(status_of("PodDisruptionBudget"),),
    storage_version_hash="EVWiDmWqyJw=",
    columns=COLUMNS,
    prepare_create=reset_status({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    has_generation=True,
    unconditional_update=False,
    name_errors=names.path_segment_errors,
    cells=_cells,
    validate=budget_errors,
    validate_status=budget_status_errors,
)
