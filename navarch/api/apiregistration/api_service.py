"""APIService: who serves a group version: this server or another behind it."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status_strictly, keep_status
from navarch.api.validation.api_services import api_service_errors
from navarch.base import names
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Service", "The reference to the service that hosts this API endpoint."),
    Column("Available", "Whether this service is available."),
    AGE,
)


def _default(tree: Tree) -> None:
    if service := (tree.get("spec") or {}).get("service"):
        service.setdefault("port", 443)


def _prepare_create(tree: Tree) -> None:
    """Services that this server answers itself are there from the first moment."""
    tree["status"] = {}
    if not (tree.get("spec") or {}).get("service"):
        condition = {"type": "Available", "status": "True"}
        condition["lastTransitionTime"] = tree["metadata"]["creationTimestamp"]
        condition |= {"reason": "Local", "message": "Local APIServices are always available"}
        tree["status"]["conditions"] = [condition]


def _cells(tree: Tree, now: float) -> list[Any]:
    service = (tree.get("spec") or {}).get("service")
    backend = f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"
    available = "Unknown"
    for condition in each(tree.get("status") or {}, "conditions"):
        if condition.get("type") == "Available":
            status = condition.get("status", "")
            available = status if status == "True" else f"{status} ({condition.get('reason', '')})"
    return [name(tree), backend, available, age(tree, now)]


KIND = Kind(
    group="apiregistration.k8s.io",
    version="v1",
    kind="APIService",
    plural="apiservices",
    singular="apiservice",
    namespaced=False,
    type_name="io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
    categories=("api-extensions",),
    subresources=(status_of("APIService"),),
    storage_version_hash="InPBPD7+PqM=",
    columns=COLUMNS,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    prepare_status=keep_all_but_status_strictly,
    unconditional_update=False,
    name_errors=names.path_segment_errors,
    default=_default,
    cells=_cells,
    validate=api_service_errors,
)
