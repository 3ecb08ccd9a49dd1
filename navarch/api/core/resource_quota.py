"""ResourceQuota: how much a namespace may use in total."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.api.validation.quotas import quota_errors, quota_status_errors, quota_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Request", "Request represents a minimum amount of cpu/memory that a container may consume."),
    Column(
        "Limit",
        "Limits control the maximum amount of cpu/memory that a container may use independent of "
        "contention on the node.",
    ),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    status = tree.get("status") or {}
    used = status.get("used") or {}
    requests: list[str] = []
    limits: list[str] = []
    for resource, hard in sorted((status.get("hard") or {}).items()):
        column = limits if resource.startswith("limits.") else requests
        column.append(f"{resource}: {used.get(resource, 0)}/{hard}")
    return [name(tree), ", ".join(requests), ", ".join(limits), age(tree, now)]


KIND = Kind(
    group="",
    version="v1",
    kind="ResourceQuota",
    plural="resourcequotas",
    singular="resourcequota",
    namespaced=True,
    type_name="io.k8s.api.core.v1.ResourceQuota",
    short_names=("quota",),
    subresources=(status_of("ResourceQuota"),),
    storage_version_hash="8uhSgffRX6w=",
    columns=COLUMNS,
    prepare_create=reset_status({}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    delete_returns_object=True,
    cells=_cells,
    validate=quota_errors,
    validate_status=quota_status_errors,
    validate_update=quota_update_errors,
)
