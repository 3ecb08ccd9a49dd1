"""ResourceSlice: devices that a driver offers."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each
from navarch.api.fields import path
from navarch.api.kind import Column, Kind
from navarch.api.validation.resource_claims import new_slice_errors, slice_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Node",
        "NodeName identifies the node which provides the resources in this pool. A field selector can"
        " be used to list only ResourceSlice objects belonging to a certain node.\n\nThis field can be "
        "used to limit access from nodes to ResourceSlices with the same node name. It also indicates"
        " to autoscalers that adding new nodes of the same type as some old node might also make new "
        "resources available.\n\nExactly one of NodeName, NodeSelector, AllNodes, and "
        "PerDeviceNodeSelection must be set. This field is immutable.",
    ),
    Column(
        "Driver",
        "Driver identifies the DRA driver providing the capacity information. A field selector can be"
        " used to list only ResourceSlice objects with a certain driver name.\n\nMust be a DNS "
        "subdomain and should end with a DNS domain owned by the vendor of the driver. It should use "
        "only lower case characters. This field is immutable.",
    ),
    Column(
        "Pool",
        "Name is used to identify the pool. For node-local devices, this is often the node name, but "
        "this is not required.\n\nIt must not be longer than 253 characters and must consist of one or "
        "more DNS sub-domains separated by slashes. This field is immutable.",
    ),
    AGE,
)


def _prepare_create(tree: Tree) -> None:
    """Taints without a time are of now."""
    now = tree["metadata"].get("creationTimestamp")
    for device in each(tree.get("spec") or {}, "devices"):
        for taint in each(device, "taints"):
            taint.setdefault("timeAdded", now)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    return [
        name(tree),
        spec.get("nodeName") or "",
        spec.get("driver", ""),
        (spec.get("pool") or {}).get("name", ""),
        age(tree, now),
    ]


KIND = Kind(
    group="resource.k8s.io",
    version="v1",
    kind="ResourceSlice",
    plural="resourceslices",
    singular="resourceslice",
    namespaced=False,
    type_name="io.k8s.api.resource.v1.ResourceSlice",
    storage_version_hash="KsC072WgaEY=",
    columns=COLUMNS,
    has_generation=True,
    delete_returns_object=True,
    fields={
        "spec.nodeName": path("spec.nodeName"),
        "spec.driver": path("spec.driver"),
    },
    prepare_create=_prepare_create,
    cells=_cells,
    validate_update=slice_update_errors,
    validate_new=new_slice_errors,
)
