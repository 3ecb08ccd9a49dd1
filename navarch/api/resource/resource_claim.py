"""ResourceClaim: a request for devices."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind, status_of
from navarch.api.resource.requests import default_requests
from navarch.api.strategy import keep_all_but_status_strictly, keep_status, reset_status
from navarch.api.validation.resource_claims import resource_claim_errors, resource_claim_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("State", "A summary of the current state (allocated, pending, reserved, etc.)."),
    AGE,
)


def _default(tree: Tree) -> None:
    default_requests(tree.get("spec") or {})


def _cells(tree: Tree, now: float) -> list[Any]:
    status = tree.get("status") or {}
    states = ["deleted"] if tree["metadata"].get("deletionTimestamp") else []
    if status.get("allocation"):
        states.append("allocated")
        if status.get("reservedFor"):
            states.append("reserved")
    elif not states:
        states.append("pending")
    return [name(tree), ",".join(states), age(tree, now)]


KIND = Kind(
    group="resource.k8s.io",
    version="v1",
    kind="ResourceClaim",
    plural="resourceclaims",
    singular="resourceclaim",
    namespaced=True,
    type_name="io.k8s.api.resource.v1.ResourceClaim",
    subresources=(status_of("ResourceClaim"),),
    storage_version_hash="wgAZaHcZxUg=",
    columns=COLUMNS,
    prepare_create=reset_status({}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status_strictly,
    delete_returns_object=True,
    default=_default,
    cells=_cells,
    validate=resource_claim_errors,
    validate_update=resource_claim_update_errors,
)
