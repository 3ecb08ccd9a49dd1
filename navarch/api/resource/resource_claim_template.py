"""ResourceClaimTemplate: makes one ResourceClaim for each pod."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Kind
from navarch.api.resource.requests import default_requests
from navarch.api.validation.resource_claims import claim_template_errors, claim_template_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    AGE,
)


def _default(tree: Tree) -> None:
    default_requests((tree.get("spec") or {}).get("spec") or {})


def _cells(tree: Tree, now: float) -> list[Any]:
    return [name(tree), age(tree, now)]


KIND = Kind(
    group="resource.k8s.io",
    version="v1",
    kind="ResourceClaimTemplate",
    plural="resourceclaimtemplates",
    singular="resourceclaimtemplate",
    namespaced=True,
    type_name="io.k8s.api.resource.v1.ResourceClaimTemplate",
    storage_version_hash="TuzjC49aUfM=",
    columns=COLUMNS,
    delete_returns_object=True,
    default=_default,
    cells=_cells,
    validate=claim_template_errors,
    validate_update=claim_template_update_errors,
)
