"""ValidatingWebhookConfiguration: webhooks that refuse objects on admission."""

from __future__ import annotations

from typing import Any

from navarch.api.admissionregistration.match import default_webhooks
from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.api.validation.webhooks import webhook_configuration_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Webhooks", "Webhooks indicates the number of webhooks registered in this configuration", type="integer"),
    AGE,
)


def _default(tree: Tree) -> None:
    default_webhooks(tree, mutating=False)


def _cells(tree: Tree, now: float) -> list[Any]:
    return [name(tree), len(tree.get("webhooks") or ()), age(tree, now)]


KIND = Kind(
    group="admissionregistration.k8s.io",
    version="v1",
    kind="ValidatingWebhookConfiguration",
    plural="validatingwebhookconfigurations",
    singular="validatingwebhookconfiguration",
    namespaced=False,
    type_name="io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration",
    categories=("api-extensions",),
    storage_version_hash="B0wHjQmsGNk=",
    columns=COLUMNS,
    has_generation=True,
    unconditional_update=False,
    default=_default,
    cells=_cells,
    validate=webhook_configuration_errors,
)
