"""Endpoints: the addresses behind a Service, in their older form."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, age, joined, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each, fill
from navarch.api.kind import Column, Kind
from navarch.api.validation.endpoints import endpoints_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Endpoints",
        "The set of all endpoints is the union of all subsets. Addresses are placed into subsets "
        "according to the IPs they share. A single address with multiple ports, some of which are "
        "ready and some of which are not (because they come from different containers) will result in"
        " the address being displayed in different subsets for the different ports. No address will "
        "appear in both Addresses and NotReadyAddresses in the same subset. Sets of addresses and "
        "ports that comprise a service.",
    ),
    AGE,
)


def _default(tree: Tree) -> None:
    for subset in each(tree, "subsets"):
        for port in each(subset, "ports"):
            fill(port, "protocol", "TCP")


def _cells(tree: Tree, now: float) -> list[Any]:
    subsets = list(each(tree, "subsets"))
    shown = joined(text for subset in subsets for text in _endpoints(subset))
    return [name(tree), shown if subsets else NONE, age(tree, now)]


def _endpoints(subset: Tree) -> list[str]:
    hosts = [address.get("ip", "") for address in each(subset, "addresses")]
    ports = [port.get("port", 0) for port in each(subset, "ports")]
    if not ports:
        return hosts
    return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for port in ports for host in hosts]


KIND = Kind(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    singular="endpoints",
    namespaced=True,
    type_name="io.k8s.api.core.v1.Endpoints",
    short_names=("ep",),
    deprecation="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    storage_version_hash="fWeeMqaN/OA=",
    columns=COLUMNS,
    create_on_update=True,
    default=_default,
    cells=_cells,
    validate=endpoints_errors,
)
