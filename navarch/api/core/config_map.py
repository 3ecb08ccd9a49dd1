"""ConfigMap: configuration as named texts and bytes."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind
from navarch.api.validation.config import config_map_errors, config_map_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Data",
        "Data contains the configuration data. Each key must consist of alphanumeric characters, '-',"
        " '_' or '.'. Values with non-UTF-8 byte sequences must use the BinaryData field. The keys "
        "stored in Data must not overlap with the keys in the BinaryData field, this is enforced "
        "during validation process.",
    ),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    return [name(tree), len(tree.get("data") or {}) + len(tree.get("binaryData") or {}), age(tree, now)]


KIND = Kind(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    singular="configmap",
    namespaced=True,
    type_name="io.k8s.api.core.v1.ConfigMap",
    short_names=("cm",),
    storage_version_hash="qFsyl6wFWjQ=",
    columns=COLUMNS,
    cells=_cells,
    validate=config_map_errors,
    validate_update=config_map_update_errors,
    revalidates_metadata=True,
)
