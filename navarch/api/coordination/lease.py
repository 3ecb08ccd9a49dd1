"""Lease: a lock or heartbeat that must be renewed."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.api.validation.nodes import lease_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Holder",
        "holderIdentity contains the identity of the holder of a current lease. If Coordinated Leader"
        " Election is used, the holder identity must be equal to the elected "
        "LeaseCandidate.metadata.name field.",
    ),
    AGE,
)


def _prepare_create(tree: Tree) -> None:
    """Drop the fields of coordinated leader election, which is not on by default."""
    spec = tree.get("spec") or {}
    spec.pop("strategy", None)
    spec.pop("preferredHolder", None)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    return [name(tree), spec.get("holderIdentity") or "", age(tree, now)]


KIND = Kind(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    singular="lease",
    namespaced=True,
    type_name="io.k8s.api.coordination.v1.Lease",
    storage_version_hash="gqkMMb/YqFM=",
    columns=COLUMNS,
    create_on_update=True,
    unconditional_update=False,
    prepare_create=_prepare_create,
    cells=_cells,
    validate=lease_errors,
)
