"""ReplicaSet: keeps a number of equal pods alive."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, at, containers, name
from navarch.api.columns import AGE, NAME
from navarch.api.core.pod_defaults import default_template
from navarch.api.defaulting import struct
from navarch.api.fields import path
from navarch.api.kind import SCALE, Column, Kind, Scale, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.api.validation.workload_status import replica_set_status_errors
from navarch.api.validation.workloads import replica_set_errors, selector_is_immutable
from navarch.api.warnings import of_template
from navarch.base.selector import format_label_selector
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Desired",
        "Replicas is the number of desired pods. This is a pointer to distinguish between explicit "
        "zero and unspecified. Defaults to 1. More info: "
        "https://kubernetes.io/docs/concepts/workloads/controllers/replicaset",
        type="integer",
    ),
    Column(
        "Current",
        "Replicas is the most recently observed number of non-terminating pods. More info: "
        "https://kubernetes.io/docs/concepts/workloads/controllers/replicaset",
        type="integer",
    ),
    Column(
        "Ready",
        "The number of non-terminating pods targeted by this ReplicaSet with a Ready Condition.",
        type="integer",
    ),
    AGE,
    Column("Containers", "Names of each container in the template.", priority=1),
    Column("Images", "Images referenced by each container in the template.", priority=1),
    Column(
        "Selector",
        "Selector is a label query over pods that should match the replica count. Label keys and "
        "values that must match in order to be controlled by this replica set. It must match the pod "
        "template's labels. More info: "
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        priority=1,
    ),
)


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    default_template(spec)
    spec.setdefault("replicas", 1)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    return [
        name(tree),
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age(tree, now),
        *containers(at(spec, "template", "spec")),
        format_label_selector(spec.get("selector")),
    ]


KIND = Kind(
    group="apps",
    version="v1",
    kind="ReplicaSet",
    plural="replicasets",
    singular="replicaset",
    namespaced=True,
    type_name="io.k8s.api.apps.v1.ReplicaSet",
    short_names=("rs",),
    categories=("all",),
    subresources=(
        SCALE,
        status_of("ReplicaSet"),
    ),
    storage_version_hash="P1RzHs8/mWQ=",
    columns=COLUMNS,
    prepare_create=reset_status({"replicas": 0}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    has_generation=True,
    scale=Scale(),
    fields={
        "status.replicas": path("status.replicas", "0"),
    },
    default=_default,
    cells=_cells,
    validate=replica_set_errors,
    validate_status=replica_set_status_errors,
    validate_update=selector_is_immutable,
    warnings=of_template("spec", "template"),
)
