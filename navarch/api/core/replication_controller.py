"""ReplicationController: keeps a number of pods alive; the ReplicaSet's ancestor."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, at, containers, labels, name
from navarch.api.columns import AGE, NAME
from navarch.api.core.pod_defaults import default_template
from navarch.api.defaulting import struct
from navarch.api.fields import path
from navarch.api.kind import SCALE, Column, Kind, Scale, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.api.validation.workload_status import replica_set_status_errors
from navarch.api.validation.workloads import replication_controller_errors
from navarch.api.warnings import of_template
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Desired",
        "Replicas is the number of desired replicas. This is a pointer to distinguish between "
        "explicit zero and unspecified. Defaults to 1. More info: "
        "https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller",
        type="integer",
    ),
    Column(
        "Current",
        "Replicas is the most recently observed number of replicas. More info: "
        "https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller",
        type="integer",
    ),
    Column("Ready", "The number of ready replicas for this replication controller.", type="integer"),
    AGE,
    Column("Containers", "Names of each container in the template.", priority=1),
    Column("Images", "Images referenced by each container in the template.", priority=1),
    Column(
        "Selector",
        "Selector is a label query over pods that should match the Replicas count. If Selector is "
        "empty, it is defaulted to the labels present on the Pod template. Label keys and values that"
        " must match in order to be controlled by this replication controller, if empty defaulted to "
        "labels on Pod template. More info: "
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        priority=1,
    ),
)


def _default(tree: Tree) -> None:
    """Selector and labels come from the template's labels, the one kind for which they do."""
    spec = struct(tree, "spec")
    spec.setdefault("replicas", 1)
    if not spec.get("template"):
        return
    default_template(spec)
    labels = spec["template"]["metadata"].get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        if not struct(tree, "metadata").get("labels"):
            tree["metadata"]["labels"] = dict(labels)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    return [
        name(tree),
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age(tree, now),
        *containers(at(spec, "template", "spec")),
        labels(spec.get("selector")),
    ]


KIND = Kind(
    group="",
    version="v1",
    kind="ReplicationController",
    plural="replicationcontrollers",
    singular="replicationcontroller",
    namespaced=True,
    type_name="io.k8s.api.core.v1.ReplicationController",
    short_names=("rc",),
    categories=("all",),
    subresources=(
        SCALE,
        status_of("ReplicationController"),
    ),
    storage_version_hash="Jond2If31h0=",
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
    validate=replication_controller_errors,
    validate_status=replica_set_status_errors,
    warnings=of_template("spec", "template"),
)
