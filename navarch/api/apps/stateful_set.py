"""StatefulSet: pods with stable names, storage and order."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import SCALE, Column, Kind, Scale, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.base import names

COLUMNS = (
    NAME,
    Column("Ready", "Number of the pod with ready state"),
    AGE,
    Column("Containers", "Names of each container in the template.", priority=1),
    Column("Images", "Images referenced by each container in the template.", priority=1),
)


KIND = Kind(
    group="apps",
    version="v1",
    kind="StatefulSet",
    plural="statefulsets",
    singular="statefulset",
    namespaced=True,
    type_name="io.k8s.api.apps.v1.StatefulSet",
    short_names=("sts",),
    categories=("all",),
    subresources=(
        SCALE,
        status_of("StatefulSet"),
    ),
    storage_version_hash="H+vl74LkKdo=",
    columns=COLUMNS,
    prepare_create=reset_status({"replicas": 0, "availableReplicas": 0}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    has_generation=True,
    scale=Scale(),
    name_errors=names.dns1123_label_errors,
)
