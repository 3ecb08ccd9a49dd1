"""DaemonSet: one pod on each fitting node."""

from __future__ import annotations

import re
from typing import Any

from navarch.api.cells import age, at, containers, labels, name
from navarch.api.columns import AGE, NAME
from navarch.api.core.pod_defaults import default_template
from navarch.api.defaulting import fill, struct
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import carry, keep_all_but_status
from navarch.api.validation.workload_status import daemon_set_status_errors
from navarch.api.validation.workloads import daemon_set_errors, selector_is_immutable
from navarch.api.warnings import of_template
from navarch.base.errors import bad_request
from navarch.base.selector import format_label_selector
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Desired",
        "The total number of nodes that should be running the daemon pod (including nodes correctly "
        "running the daemon pod). More info: "
        "https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
        type="integer",
    ),
    Column(
        "Current",
        "The number of nodes that are running at least 1 daemon pod and are supposed to run the "
        "daemon pod. More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
        type="integer",
    ),
    Column(
        "Ready",
        "numberReady is the number of nodes that should be running the daemon pod and have one or "
        "more of the daemon pod running with a Ready Condition.",
        type="integer",
    ),
    Column("Up-to-date", "The total number of nodes that are running updated daemon pod", type="integer"),
    Column(
        "Available",
        "The number of nodes that should be running the daemon pod and have one or more of the daemon"
        " pod running and available (ready for at least spec.minReadySeconds)",
        type="integer",
    ),
    Column(
        "Node Selector",
        "NodeSelector is a selector which must be true for the pod to fit on a node. Selector which "
        "must match a node's labels for the pod to be scheduled on that node. More info: "
        "https://kubernetes.io/docs/concepts/configuration/assign-pod-node/",
    ),
    AGE,
    Column("Containers", "Names of each container in the template.", priority=1),
    Column("Images", "Images referenced by each container in the template.", priority=1),
    Column(
        "Selector",
        "A label query over pods that are managed by the daemon set. Must match in order to be "
        "controlled. It must match the pod template's labels. More info: "
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        priority=1,
    ),
)


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    default_template(spec)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = struct(spec, "updateStrategy")
    fill(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = struct(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    # Whoever writes the object comes to own the counter, which the server then sets.
    count = struct(struct(tree, "metadata"), "annotations").setdefault(_GENERATION, "0")
    if not _INTEGER.fullmatch(count):
        text = f'strconv.ParseInt: parsing "{count}": invalid syntax'
        raise bad_request(f'DaemonSet in version "v1" cannot be handled as a DaemonSet: {text}')


#: An old counter of template changes, kept as an annotation of every DaemonSet.
_GENERATION = "deprecated.daemonset.template.generation"
_INTEGER = re.compile("[+-]?[0-9]+")
_STATUS = {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}


def _prepare_create(tree: Tree) -> None:
    tree["status"] = dict(_STATUS)
    struct(tree["metadata"], "annotations")[_GENERATION] = "1"


def _prepare_update(new: Tree, old: Tree) -> None:
    carry(new, old, "status")
    before = (old["metadata"].get("annotations") or {}).get(_GENERATION, "0")
    count = int(before) if before.isdigit() else 0
    if new["spec"].get("template") != old["spec"].get("template"):
        count += 1
    struct(new["metadata"], "annotations")[_GENERATION] = str(count)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    return [
        name(tree),
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        labels(at(spec, "template", "spec", "nodeSelector")),
        age(tree, now),
        *containers(at(spec, "template", "spec")),
        format_label_selector(spec.get("selector")),
    ]


KIND = Kind(
    group="apps",
    version="v1",
    kind="DaemonSet",
    plural="daemonsets",
    singular="daemonset",
    namespaced=True,
    type_name="io.k8s.api.apps.v1.DaemonSet",
    short_names=("ds",),
    categories=("all",),
    subresources=(status_of("DaemonSet"),),
    storage_version_hash="dd7pWHUlMKQ=",
    columns=COLUMNS,
    prepare_status=keep_all_but_status,
    has_generation=True,
    stand_ins=frozenset({_GENERATION}),
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    cells=_cells,
    validate=daemon_set_errors,
    validate_status=daemon_set_status_errors,
    validate_update=selector_is_immutable,
    change_first=True,
    warnings=of_template("spec", "template"),
)
