"""VolumeAttachment: the wish to attach a volume to a node."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status_strictly, keep_status, reset_status
from navarch.api.validation.storage import attachment_errors, attachment_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Attacher",
        "attacher indicates the name of the volume driver that MUST handle this request. This is the "
        "name returned by GetPluginName().",
        format="name",
    ),
    Column("PV", "persistentVolumeName represents the name of the persistent volume to attach."),
    Column("Node", "nodeName represents the node that the volume should be attached to."),
    Column(
        "Attached",
        "attached indicates the volume is successfully attached. This field must only be set by the "
        "entity completing the attach operation, i.e. the external-attacher.",
        type="boolean",
    ),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    status = tree.get("status") or {}
    return [
        name(tree),
        spec.get("attacher", ""),
        (spec.get("source") or {}).get("persistentVolumeName", ""),
        spec.get("nodeName", ""),
        status.get("attached", False),
        age(tree, now),
    ]


KIND = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="VolumeAttachment",
    plural="volumeattachments",
    singular="volumeattachment",
    namespaced=False,
    type_name="io.k8s.api.storage.v1.VolumeAttachment",
    subresources=(status_of("VolumeAttachment"),),
    storage_version_hash="tJx/ezt6UDU=",
    columns=COLUMNS,
    prepare_create=reset_status({"attached": False}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status_strictly,
    unconditional_update=False,
    delete_returns_object=True,
    cells=_cells,
    validate=attachment_errors,
    validate_update=attachment_update_errors,
)
