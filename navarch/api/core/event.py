"""Event (core/v1): something that happened to an object. Kept for an hour."""

from __future__ import annotations

import dataclasses
from typing import Any

from navarch.api.cells import name, since
from navarch.api.columns import NAME
from navarch.api.fields import path
from navarch.api.kind import Column, Kind
from navarch.api.validation.events import core_event_errors
from navarch.base import names
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


def _source(tree: Tree) -> str:
    """Field selector `source`: the component, by its older name or its newer one."""
    component: str = (tree.get("source") or {}).get("component", "")
    return component or tree.get("reportingComponent", "")


def cells(tree: Tree, now: float) -> list[Any]:
    involved, series = tree.get("involvedObject") or {}, tree.get("series")
    first = since(tree.get("firstTimestamp") or tree.get("eventTime"), now)
    last = since(tree["lastTimestamp"], now) if tree.get("lastTimestamp") else first
    count = tree.get("count") or 1
    if series:
        last, count = since(series.get("lastObservedTime"), now), series.get("count", 0)
    target = involved.get("kind", "").lower()
    if involved.get("name"):
        target += f"/{involved['name']}"
    return [
        last,
        tree.get("type", ""),
        tree.get("reason", ""),
        target,
        involved.get("fieldPath", ""),
        _reporter(tree),
        (tree.get("message") or "").strip(),
        first,
        count,
        name(tree),
    ]


def _reporter(tree: Tree) -> str:
    """`kubelet, node-1`: who saw it, and where."""
    source = tree.get("source") or {}
    component = source.get("component") or tree.get("reportingComponent") or ""
    instance = source.get("host") or tree.get("reportingInstance") or ""
    return f"{component}, {instance}" if instance else component


KIND = Kind(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    namespaced=True,
    type_name="io.k8s.api.core.v1.Event",
    short_names=("ev",),
    storage_version_hash="r2yiGXH7wu8=",
    columns=COLUMNS,
    create_on_update=True,
    ttl_s=3600.0,
    fields={
        "involvedObject.kind": path("involvedObject.kind"),
        "involvedObject.namespace": path("involvedObject.namespace"),
        "involvedObject.name": path("involvedObject.name"),
        "involvedObject.uid": path("involvedObject.uid"),
        "involvedObject.apiVersion": path("involvedObject.apiVersion"),
        "involvedObject.resourceVersion": path("involvedObject.resourceVersion"),
        "involvedObject.fieldPath": path("involvedObject.fieldPath"),
        "reason": path("reason"),
        "reportingComponent": path("reportingComponent"),
        "source": _source,
        "type": path("type"),
    },
    name_errors=names.path_segment_errors,
    cells=cells,
    validate=core_event_errors,
)
