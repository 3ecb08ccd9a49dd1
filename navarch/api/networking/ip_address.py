"""IPAddress: a Service address that is taken."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import NAME
from navarch.api.kind import Column, Kind
from navarch.api.validation.addresses import ip_address_errors, ip_address_update_errors
from navarch.base import names
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "ParentRef",
        "ParentRef references the resource that an IPAddress is attached to. An IPAddress must "
        "reference a parent object.",
    ),
)


def _cells(tree: Tree, now: float) -> list[Any]:
    """The age has no column, yet it is sent."""
    return [name(tree), _parent((tree.get("spec") or {}).get("parentRef") or {}), age(tree, now)]


def _parent(reference: Tree) -> str:
    """`services/default/kubernetes` or `gateways.gateway.networking.k8s.io/g`."""
    group = f".{reference['group']}" if reference.get("group") else ""
    parts = [reference.get("resource", "") + group, reference.get("namespace", ""), reference.get("name", "")]
    return "/".join(part for part in parts if part)


def _name_errors(value: str) -> list[str]:
    """The name is the address, in its canonical form."""
    address = names.parse_ip(value)
    if address is None:
        return names.ip_errors(value)
    return [] if str(address) == value else [f'must be in canonical form ("{address}")']


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
    cells=_cells,
    name_errors=_name_errors,
    validate=ip_address_errors,
    validate_update=ip_address_update_errors,
)
