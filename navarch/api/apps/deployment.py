"""Deployment: replicated pods with rolling updates."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, at, containers, name
from navarch.api.columns import AGE, NAME
from navarch.api.core.pod_defaults import default_template
from navarch.api.defaulting import fill, struct
from navarch.api.kind import SCALE, Column, Kind, Scale, status_of
from navarch.api.strategy import keep_all_but_status_and_labels, keep_status, reset_status
from navarch.api.validation.workload_status import deployment_status_errors
from navarch.api.validation.workloads import deployment_errors, selector_is_immutable
from navarch.api.warnings import of_template
from navarch.base.selector import format_label_selector
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Ready", "Number of the pod with ready state"),
    Column(
        "Up-to-date",
        "Total number of non-terminating pods targeted by this deployment that have the desired template spec.",
    ),
    Column(
        "Available",
        "Total number of available non-terminating pods (ready for at least minReadySeconds) targeted"
        " by this deployment.",
    ),
    AGE,
    Column("Containers", "Names of each container in the template.", priority=1),
    Column("Images", "Images referenced by each container in the template.", priority=1),
    Column(
        "Selector",
        "Label selector for pods. Existing ReplicaSets whose pods are selected by this will be the "
        "ones affected by this deployment. It must match the pod template's labels.",
        priority=1,
    ),
)


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    default_template(spec)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = struct(spec, "strategy")
    fill(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = struct(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def _cells(tree: Tree, now: float) -> list[Any]:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    return [
        name(tree),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age(tree, now),
        *containers(at(spec, "template", "spec")),
        format_label_selector(spec.get("selector")),
    ]


KIND = Kind(
    group="apps",
    version="v1",
    kind="Deployment",
    plural="deployments",
    singular="deployment",
    namespaced=True,
    type_name="io.k8s.api.apps.v1.Deployment",
    short_names=("deploy",),
    categories=("all",),
    subresources=(
        SCALE,
        status_of("Deployment"),
    ),
    storage_version_hash="8aSe+NMegvE=",
    columns=COLUMNS,
    prepare_create=reset_status({}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status_and_labels,
    has_generation=True,
    counted=lambda tree: tree["metadata"].get("annotations"),
    scale=Scale(),
    default=_default,
    cells=_cells,
    validate=deployment_errors,
    validate_status=deployment_status_errors,
    validate_update=selector_is_immutable,
    warnings=of_template("spec", "template"),
)
