"""StatefulSet: pods with stable names, storage and order."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, at, containers, name
from navarch.api.columns import AGE, NAME
from navarch.api.core.pod_defaults import default_template
from navarch.api.core.volume_defaults import default_claim
from navarch.api.defaulting import each, fill, struct
from navarch.api.kind import SCALE, Column, Kind, Scale, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.api.validation.workload_status import stateful_set_status_errors
from navarch.api.validation.workloads import new_stateful_set_errors, stateful_set_errors, stateful_set_update_errors
from navarch.api.warnings import of_template
from navarch.base import names
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Ready", "Number of the pod with ready state"),
    AGE,
    Column("Containers", "Names of each container in the template.", priority=1),
    Column("Images", "Images referenced by each container in the template.", priority=1),
)


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    default_template(spec)
    fill(spec, "podManagementPolicy", "OrderedReady")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = struct(spec, "updateStrategy")
    fill(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        struct(strategy, "rollingUpdate").setdefault("partition", 0)
    retention = struct(spec, "persistentVolumeClaimRetentionPolicy")
    fill(retention, "whenDeleted", "Retain")
    fill(retention, "whenScaled", "Retain")
    for claim in each(spec, "volumeClaimTemplates"):
        claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        default_claim(claim)
        fill(struct(claim, "status"), "phase", "Pending")


def _cells(tree: Tree, now: float) -> list[Any]:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [name(tree), ready, age(tree, now), *containers(at(spec, "template", "spec"))]


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
    default=_default,
    cells=_cells,
    validate=stateful_set_errors,
    validate_status=stateful_set_status_errors,
    validate_update=stateful_set_update_errors,
    validate_new=new_stateful_set_errors,
    warnings=of_template("spec", "template"),
)
