"""ControllerRevision: an immutable snapshot of a controller's template."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each
from navarch.api.kind import Column, Kind
from navarch.api.validation.workloads import controller_revision_errors, controller_revision_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Controller", "Controller of the object"),
    Column("Revision", "Revision indicates the revision of the state represented by Data."),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    return [name(tree), _controller(tree), tree.get("revision", 0), age(tree, now)]


def _controller(tree: Tree) -> str:
    """`daemonset.apps/web`: the owner that controls the revision."""
    for owner in each(tree["metadata"], "ownerReferences"):
        if owner.get("controller"):
            group = owner.get("apiVersion", "").rpartition("/")[0]
            kind = owner.get("kind", "").lower()
            return f"{kind}.{group}/{owner.get('name')}" if group else f"{kind}/{owner.get('name')}"
    return NONE


KIND = Kind(
    group="apps",
    version="v1",
    kind="ControllerRevision",
    plural="controllerrevisions",
    singular="controllerrevision",
    namespaced=True,
    type_name="io.k8s.api.apps.v1.ControllerRevision",
    storage_version_hash="85nkx63pcBU=",
    columns=COLUMNS,
    cells=_cells,
    validate=controller_revision_errors,
    validate_update=controller_revision_update_errors,
)
