"""DeviceClass: a kind of device that claims can ask for."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Kind
from navarch.api.validation.resource_claims import device_class_errors
from navarch.base import names
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    return [name(tree), age(tree, now)]


KIND = Kind(
    group="resource.k8s.io",
    version="v1",
    kind="DeviceClass",
    plural="deviceclasses",
    singular="deviceclass",
    namespaced=False,
    type_name="io.k8s.api.resource.v1.DeviceClass",
    storage_version_hash="Yk2PTc1Ybxk=",
    columns=COLUMNS,
    has_generation=True,
    delete_returns_object=True,
    cells=_cells,
    name_errors=names.dns1123_subdomain_errors_in_bytes,
    validate=device_class_errors,
)
