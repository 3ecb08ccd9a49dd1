"""Event (events.k8s.io/v1): the newer form of the core Event, in which it is stored."""

from __future__ import annotations

import dataclasses
from typing import Any

from navarch.api.columns import NAME
from navarch.api.core import event
from navarch.api.events import convert
from navarch.api.fields import path
from navarch.api.kind import Column, Kind
from navarch.api.validation.events import event_change_errors, event_errors
from navarch.schema.types import Tree

COLUMNS = (
    Column("Last Seen", "The time at which the most recent occurrence of this event was recorded."),
    Column("Type", "Type of this event (Normal, Warning), new types could be added in the future"),
    Column(
        "Reason",
        "This should be a short, machine understandable string that gives the reason for the "
        "transition into the object's current status.",
    ),
    Column("Object", "The object that this event is about."),
    Column(
        "Subobject",
        "If referring to a piece of an object instead of an entire object, this string should contain"
        " a valid JSON/Go field access statement, such as desiredState.manifest.containers[2]. For "
        "example, if the object reference is to a container within a pod, this would take on a value "
        'like: "spec.containers{name}" (where "name" refers to the name of the container that '
        'triggered the event) or if no container name is specified "spec.containers[2]" (container '
        "with index 2 in this pod). This syntax is chosen only to have some well-defined way of "
        "referencing a part of an object.",
        priority=1,
    ),
    Column(
        "Source", "The component reporting this event. Should be a short machine understandable string.", priority=1
    ),
    Column("Message", "A human-readable description of the status of this operation."),
    Column(
        "First Seen",
        "The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)",
        priority=1,
    ),
    Column("Count", "The number of times this event has occurred.", priority=1),
    dataclasses.replace(NAME, priority=1),
)


def _cells(tree: Tree, now: float) -> list[Any]:
    stored = dict(tree)
    convert.to_core(stored)
    return event.cells(stored, now)


KIND = Kind(
    group="events.k8s.io",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    namespaced=True,
    type_name="io.k8s.api.events.v1.Event",
    short_names=("ev",),
    storage_version_hash="r2yiGXH7wu8=",
    columns=COLUMNS,
    create_on_update=True,
    ttl_s=3600.0,
    fields={
        "regarding.kind": path("involvedObject.kind"),
        "regarding.namespace": path("involvedObject.namespace"),
        "regarding.name": path("involvedObject.name"),
        "regarding.uid": path("involvedObject.uid"),
        "regarding.apiVersion": path("involvedObject.apiVersion"),
        "regarding.resourceVersion": path("involvedObject.resourceVersion"),
        "regarding.fieldPath": path("involvedObject.fieldPath"),
        "reason": path("reason"),
        "reportingController": path("reportingComponent"),
        "type": path("type"),
    },
    stored_as="events",
    to_stored=convert.to_core,
    from_stored=convert.from_core,
    cells=_cells,
    validate=event_errors,
    validate_change=event_change_errors,
)
