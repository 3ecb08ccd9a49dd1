"""Secret: data that only few may read."""

from __future__ import annotations

import base64
from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import fill
from navarch.api.fields import path
from navarch.api.kind import Column, Kind
from navarch.api.validation.config import secret_errors, secret_update_errors
from navarch.api.warnings import secret_warnings
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Type",
        "Used to facilitate programmatic handling of secret data. More info: "
        "https://kubernetes.io/docs/concepts/configuration/secret/#secret-types",
    ),
    Column(
        "Data",
        "Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or"
        " '.'. The serialized form of the secret data is a base64 encoded string, representing the "
        "arbitrary (possibly non-string) data value here. Described in "
        "https://tools.ietf.org/html/rfc4648#section-4",
    ),
    AGE,
)


def _default(tree: Tree) -> None:
    """`stringData` is a way of writing `data`: it is merged and not kept."""
    fill(tree, "type", "Opaque")
    texts = tree.pop("stringData", None)
    if texts:
        data = dict(tree.get("data") or {})
        data |= {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
        tree["data"] = data


def _cells(tree: Tree, now: float) -> list[Any]:
    return [name(tree), tree.get("type", ""), len(tree.get("data") or {}), age(tree, now)]


KIND = Kind(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    singular="secret",
    namespaced=True,
    type_name="io.k8s.api.core.v1.Secret",
    storage_version_hash="S6u1pOWzb84=",
    columns=COLUMNS,
    fields={
        "type": path("type"),
    },
    default=_default,
    cells=_cells,
    validate=secret_errors,
    validate_update=secret_update_errors,
    revalidates_metadata=True,
    warnings=secret_warnings,
)
