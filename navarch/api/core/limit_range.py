"""LimitRange: bounds and defaults for the resources of pods and claims of a namespace."""

from __future__ import annotations

from navarch.api.columns import PLAIN_COLUMNS, plain_cells
from navarch.api.defaulting import each
from navarch.api.kind import Kind
from navarch.api.validation.quotas import limit_range_errors
from navarch.schema.types import Tree


def _default(tree: Tree) -> None:
    """Containers: the default limit is the maximum, the default request the limit or the minimum."""
    for item in each(tree.get("spec") or {}, "limits"):
        if item.get("type") != "Container":
            continue
        limits = (item.get("max") or {}) | (item.get("default") or {})
        requests = (item.get("min") or {}) | limits | (item.get("defaultRequest") or {})
        if limits:
            item["default"] = limits
        if requests:
            item["defaultRequest"] = requests


def _prepare_create(tree: Tree) -> None:
    """One without a name is called by its uid."""
    metadata = tree["metadata"]
    metadata["name"] = metadata.get("name") or metadata.get("uid", "")


KIND = Kind(
    group="",
    version="v1",
    kind="LimitRange",
    plural="limitranges",
    singular="limitrange",
    namespaced=True,
    type_name="io.k8s.api.core.v1.LimitRange",
    short_names=("limits",),
    storage_version_hash="EBKMFVe6cwo=",
    columns=PLAIN_COLUMNS,
    cells=plain_cells,
    create_on_update=True,
    default=_default,
    prepare_create=_prepare_create,
    validate=limit_range_errors,
)
