"""Job: pods that run to completion."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, at, containers, name
from navarch.api.columns import AGE, NAME
from navarch.api.core.pod_defaults import default_template
from navarch.api.defaulting import each, fill, fill_pointer, struct
from navarch.api.fields import path
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status
from navarch.api.validation.job_status import job_status_errors
from navarch.api.validation.jobs import job_update_errors, new_job_errors
from navarch.api.warnings import of_template
from navarch.base import times
from navarch.base.selector import format_label_selector
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Status", "Status of the job."),
    Column(
        "Completions",
        "The number of pods which reached phase Succeeded. The value increases monotonically for a "
        "given spec. However, it may decrease in reaction to scale down of elastic indexed jobs.",
    ),
    Column("Duration", "Time required to complete the job."),
    AGE,
    Column("Containers", "Names of each container in the template.", priority=1),
    Column("Images", "Images referenced by each container in the template.", priority=1),
    Column(
        "Selector",
        "A label query over pods that should match the pod count. Normally, the system sets this "
        "field for you. More info: "
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        priority=1,
    ),
)


#: The labels by which a Job knows its pods, and their older names.
_UID_LABELS = ("batch.kubernetes.io/controller-uid", "controller-uid")
_NAME_LABELS = ("batch.kubernetes.io/job-name", "job-name")
_INT32_MAX = 2**31 - 1


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    default_template(spec)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", _INT32_MAX if spec.get("backoffLimitPerIndex") is not None else 6)
    fill_pointer(spec, "completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    failure_policy = spec.get("podFailurePolicy")
    fill_pointer(spec, "podReplacementPolicy", "Failed" if failure_policy else "TerminatingOrFailed")
    for rule in each(failure_policy or {}, "rules"):
        for pattern in each(rule, "onPodConditions"):
            fill(pattern, "status", "True")
    _copy_labels(tree)


def _prepare_create(tree: Tree) -> None:
    """No status; a selector for the pods of this very Job, unless the client brings its own."""
    tree["status"] = {}
    spec = tree["spec"]
    if spec.get("manualSelector"):
        return
    metadata = tree["metadata"]
    labels = struct(struct(spec["template"], "metadata"), "labels")
    for label in _NAME_LABELS:
        labels.setdefault(label, metadata.get("name", ""))
    for label in _UID_LABELS:
        labels.setdefault(label, metadata.get("uid", ""))
    spec["template"]["metadata"]["labels"] = dict(sorted(labels.items()))
    selector = struct(spec, "selector")
    chosen = {_UID_LABELS[0]: metadata.get("uid", "")} | (selector.get("matchLabels") or {})
    selector["matchLabels"] = dict(sorted(chosen.items()))


def _copy_labels(tree: Tree) -> None:
    """A Job without labels of its own shows those of its pods."""
    labels = (tree["spec"]["template"].get("metadata") or {}).get("labels")
    metadata = struct(tree, "metadata")
    if labels and not metadata.get("labels"):
        metadata["labels"] = dict(labels)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec, status = tree.get("spec") or {}, tree.get("status") or {}
    return [
        name(tree),
        _state(tree),
        _completions(spec, status.get("succeeded", 0)),
        _duration(status, now),
        age(tree, now),
        *containers(at(spec, "template", "spec")),
        format_label_selector(spec.get("selector")),
    ]


def _state(tree: Tree) -> str:
    conditions = each(tree.get("status") or {}, "conditions")
    true = {condition.get("type") for condition in conditions if condition.get("status") == "True"}
    for state, shown in (
        ("Complete" in true, "Complete"),
        ("Failed" in true, "Failed"),
        (bool(tree["metadata"].get("deletionTimestamp")), "Terminating"),
        ("Suspended" in true, "Suspended"),
        ("FailureTarget" in true, "FailureTarget"),
        ("SuccessCriteriaMet" in true, "SuccessCriteriaMet"),
    ):
        if state:
            return shown
    return "Running"


def _completions(spec: Tree, succeeded: int) -> str:
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _duration(status: Tree, now: float) -> str:
    if not status.get("startTime"):
        return ""
    ended = status.get("completionTime")
    return times.human_duration((times.parse(ended) if ended else now) - times.parse(status["startTime"]))


KIND = Kind(
    group="batch",
    version="v1",
    kind="Job",
    plural="jobs",
    singular="job",
    namespaced=True,
    type_name="io.k8s.api.batch.v1.Job",
    categories=("all",),
    subresources=(status_of("Job"),),
    storage_version_hash="mudhfqk/qZY=",
    columns=COLUMNS,
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    orphans_by_default=True,
    has_generation=True,
    fields={
        "status.successful": path("status.succeeded", "0"),
    },
    default=_default,
    prepare_create=_prepare_create,
    complete=_copy_labels,
    cells=_cells,
    validate=new_job_errors,
    validate_status=job_status_errors,
    validate_update=job_update_errors,
    revalidates_metadata=True,
    warnings=of_template("spec", "template"),
)
