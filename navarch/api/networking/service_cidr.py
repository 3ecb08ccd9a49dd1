"""ServiceCIDR: a range from which Services get addresses."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.api.validation.addresses import new_service_cidr_errors, service_cidr_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "CIDRs",
        'CIDRs defines the IP blocks in CIDR notation (e.g. "192.168.0.0/24" or "2001:db8::/64") from'
        " which to assign service cluster IPs. Max of two CIDRs is allowed, one of each IP family. "
        "This field is immutable.",
    ),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    return [name(tree), ",".join(spec.get("cidrs") or ()), age(tree, now)]


KIND = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="ServiceCIDR",
    plural="servicecidrs",
    singular="servicecidr",
    namespaced=False,
    type_name="io.k8s.api.networking.v1.ServiceCIDR",
    subresources=(status_of("ServiceCIDR"),),
    storage_version_hash="gNLvruQhW2g=",
    columns=COLUMNS,
    prepare_create=reset_status({}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    cells=_cells,
    validate_update=service_cidr_update_errors,
    validate_new=new_service_cidr_errors,
)
