"""Events: lenient in their older API, strict in events.k8s.io.

Both forms are checked in the stored form, that of core/v1; only the name of the reporting field
in messages tells them apart.
"""

from __future__ import annotations

from typing import Any, Final

from navarch.api.events.convert import to_core
from navarch.api.validation.rules import Errors, invalid_each
from navarch.base import names
from navarch.base.field import immutable, invalid_value, required
from navarch.schema.types import Tree

_SHORT_MAX: Final = 128
_MESSAGE_MAX: Final = 1024
_UNSET: Final = "needs to be unset"
#: Kinds without a namespace, about which events may lie anywhere.
_CLUSTER_SCOPED: Final = ("Node", "Namespace", "PersistentVolume")
_REFERENCE: Final = (
    ("Kind", "kind"),
    ("Namespace", "namespace"),
    ("Name", "name"),
    ("UID", "uid"),
    ("APIVersion", "apiVersion"),
    ("ResourceVersion", "resourceVersion"),
    ("FieldPath", "fieldPath"),
)
_FIXED: Final = (
    "involvedObject",
    "reason",  # Kubernetes names it twice
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "eventTime",
    "action",
    "related",
    "reportingInstance",
    "type",
)


def core_event_errors(tree: Tree) -> Errors:
    return _shared_errors(tree, "reportingComponent")


def event_errors(tree: Tree) -> Errors:
    """An event of events.k8s.io/v1."""
    event = _stored(tree)
    errors = _shared_errors(event, "reportingController") + _series_errors(event)
    if not event.get("eventTime"):
        errors.append(required("eventTime"))
    kind = event.get("type", "")
    if kind not in ("Normal", "Warning"):
        errors.append(invalid_value("type", "", f"has invalid value: {kind}"))
    errors += [invalid_value(key, "", _UNSET) for key in ("firstTimestamp", "lastTimestamp", "count") if event.get(key)]
    source = event.get("source") or {}
    if source.get("component") or source.get("host"):
        errors.append(invalid_value("source", "", _UNSET))
    return errors


def event_change_errors(new: Tree, old: Tree) -> Errors:
    """Of an event that changes only what makes its series is asked; the rest may not change."""
    event, before = _stored(new), _stored(old)
    errors = _shared_errors(event, "reportingController") + _series_errors(event)
    errors += [immutable(key, _shown(key, event)) for key in _FIXED if event.get(key) != before.get(key)]
    if event.get("reportingComponent") != before.get("reportingComponent"):
        errors.append(immutable("reportingController", event.get("reportingComponent")))
    return errors


def _series_errors(event: Tree) -> Errors:
    series = event.get("series")
    errors: Errors = []
    if series is not None:
        if (series.get("count") or 0) < 2:
            errors.append(invalid_value("series.count", "", "should be at least 2"))
        if not series.get("lastObservedTime"):
            errors.append(required("series.lastObservedTime"))
    return errors


def _shown(key: str, event: Tree) -> Any:
    """A value as the server's own structure prints it."""
    if key == "involvedObject":
        involved = event.get(key) or {}
        return {shown: involved.get(name, "") for shown, name in _REFERENCE}
    return event.get(key) if key in ("eventTime", "related") else event.get(key, "")


def _stored(tree: Tree) -> Tree:
    event = dict(tree)
    to_core(event)
    return event


def _shared_errors(event: Tree, reporter_field: str) -> Errors:
    errors: Errors = []
    namespace = event["metadata"].get("namespace") or ""
    involved = (event.get("involvedObject") or {}).get("namespace") or ""
    kind = (event.get("involvedObject") or {}).get("kind") or ""
    if involved:
        agree = namespace == involved or not kind or kind in _CLUSTER_SCOPED
    else:
        agree = namespace in ("", "default") or kind in _CLUSTER_SCOPED
    if not agree:
        errors.append(invalid_value("involvedObject.namespace", involved, "does not match event.namespace"))
    if not event.get("eventTime"):
        return errors
    reporter = event.get("reportingComponent") or ""
    if not reporter:
        errors.append(required(reporter_field))
    errors += invalid_each(reporter_field, reporter, names.qualified_name_errors(reporter))
    for key in ("reportingInstance", "action", "reason"):
        value = event.get(key) or ""
        if not value:
            errors.append(required(key))
        elif len(value) > _SHORT_MAX:
            errors.append(invalid_value(key, "", f"can have at most {_SHORT_MAX} characters"))
    if len(event.get("message") or "") > _MESSAGE_MAX:
        errors.append(invalid_value("message", "", f"can have at most {_MESSAGE_MAX} characters"))
    return errors
