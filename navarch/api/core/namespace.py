"""Namespace: a scope for names; deleting it deletes what is in it."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.fields import at
from navarch.api.kind import Column, Kind, Subresource, status_of
from navarch.api.strategy import keep_all_but_status, keep_status
from navarch.base import names

COLUMNS = (
    NAME,
    Column("Status", "The status of the namespace"),
    AGE,
)


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
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    fields={
        "status.phase": at("status.phase"),
    },
    name_errors=names.dns1123_label_errors,
)
