"""ServiceAccount: the identity under which pods talk to the API."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Kind, Subresource
from navarch.api.warnings import service_account_warnings
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    return [name(tree), age(tree, now)]


KIND = Kind(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    singular="serviceaccount",
    namespaced=True,
    type_name="io.k8s.api.core.v1.ServiceAccount",
    short_names=("sa",),
    subresources=(Subresource("token", "TokenRequest", ("create",), group="authentication.k8s.io", version="v1"),),
    storage_version_hash="pbx9ZvyFpBE=",
    columns=COLUMNS,
    delete_returns_object=True,
    cells=_cells,
    revalidates_metadata=True,
    warnings=service_account_warnings,
)
