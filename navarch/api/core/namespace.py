"""Namespace: a scope for names; deleting it deletes what is in it."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import struct
from navarch.api.fields import path
from navarch.api.kind import Column, Kind, Subresource, status_of
from navarch.api.strategy import carry, keep_all_but_status
from navarch.api.validation.nodes import namespace_errors, namespace_status_errors
from navarch.base import names
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Status", "The status of the namespace"),
    AGE,
)


_NAME_LABEL = "kubernetes.io/metadata.name"
_FINALIZER = "kubernetes"


def _default(tree: Tree) -> None:
    metadata = struct(tree, "metadata")
    if metadata.get("name"):
        struct(metadata, "labels")[_NAME_LABEL] = metadata["name"]


def _prepare_create(tree: Tree) -> None:
    _default(tree)
    tree["status"] = {"phase": "Active"}
    spec = struct(tree, "spec")
    finalizers = spec.get("finalizers") or []
    if _FINALIZER not in finalizers:
        spec["finalizers"] = [*finalizers, _FINALIZER]


def _prepare_update(new: Tree, old: Tree) -> None:
    """Neither the status nor the finalizers of the spec: those have a subresource each."""
    carry(new, old, "spec")
    carry(new, old, "status")


def _held(tree: Tree) -> bool:
    """Until its content is gone."""
    return bool((tree.get("spec") or {}).get("finalizers"))


def _mark_deleted(tree: Tree) -> None:
    struct(tree, "status")["phase"] = "Terminating"


def _cells(tree: Tree, now: float) -> list[Any]:
    status = tree.get("status") or {}
    return [name(tree), status.get("phase", ""), age(tree, now)]


KIND = Kind(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    singular="namespace",
    namespaced=False,
    type_name="io.k8s.api.core.v1.Namespace",
    short_names=("ns",),
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    subresources=(
        Subresource("finalize", "Namespace", ("update",)),
        status_of("Namespace"),
    ),
    storage_version_hash="Q3oi5N2YM8M=",
    columns=COLUMNS,
    prepare_status=keep_all_but_status,
    fields={
        "status.phase": path("status.phase"),
    },
    name_errors=names.dns1123_label_errors,
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    cells=_cells,
    validate=namespace_errors,
    validate_status=namespace_status_errors,
    held=_held,
    mark_deleted=_mark_deleted,
    revalidates_metadata=True,
)
