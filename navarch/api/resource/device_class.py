"""DeviceClass: a kind of device that claims can ask for."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import Kind

COLUMNS = (
    NAME,
    AGE,
)


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
)
