"""IPAddress: a Service address that is taken."""

from __future__ import annotations

from navarch.api.columns import NAME
from navarch.api.kind import Column, Kind

COLUMNS = (
    NAME,
    Column(
        "ParentRef",
        "ParentRef references the resource that an IPAddress is attached to. An IPAddress must "
        "reference a parent object.",
    ),
)


KIND = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="IPAddress",
    plural="ipaddresses",
    singular="ipaddress",
    namespaced=False,
    type_name="io.k8s.api.networking.v1.IPAddress",
    short_names=("ip",),
    storage_version_hash="3f/plJFChNE=",
    columns=COLUMNS,
)
