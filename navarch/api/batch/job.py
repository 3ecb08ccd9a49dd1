"""Job: pods that run to completion."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.fields import at
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status

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
    prepare_create=reset_status({}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    has_generation=True,
    fields={
        "status.successful": at("status.succeeded", "0"),
    },
)
