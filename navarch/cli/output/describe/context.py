"""What describers need beside the object: the server, the time, and the form of the text."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from navarch.base import times
from navarch.cli.errors import ApiError
from navarch.cli.output.tabs import elastic
from navarch.cli.selection import Found
from navarch.cli.session import Session
from navarch.schema.types import Tree

#: Annotations that only machines read.
_HIDDEN_ANNOTATIONS = frozenset(("kubectl.kubernetes.io/last-applied-configuration",))
_MAX_ANNOTATION = 140


class Context:
    def __init__(self, session: Session, *, show_events: bool) -> None:
        self._session = session
        self._show_events = show_events
        self.now = time.time()

    def get(self, path: str, **query: str) -> Tree | None:
        """What is at the path; None if it cannot be had."""
        try:
            return self._session.client.get(path, list(query.items())).tree()
        except ApiError:
            return None

    def items(self, path: str, **query: str) -> list[Tree]:
        """The objects of a list, fetched in pieces; none if they cannot be had."""
        size = self._session.chunk_size
        whole = (*query.items(), ("limit", str(size))) if size else tuple(query.items())
        found: list[Tree] = []
        token = ""
        while True:
            part = self.get(path, **dict(whole), **({"continue": token} if token else {})) or {}
            found += part.get("items") or []
            token = (part.get("metadata") or {}).get("continue") or ""
            if not token:
                return found

    def age(self, timestamp: str | None) -> str:
        return times.age(timestamp, self.now)

    def events(self, out: Lines, found: Found, *, level: int = 0) -> None:
        """The events about an object, oldest first."""
        if not self._show_events:
            return
        metadata = found.tree.get("metadata") or {}
        fields = {"name": found.name, "namespace": found.namespace, "uid": metadata.get("uid", "")}
        if found.resource.plural == "nodes":
            fields["uid"] = found.name
        selector = ",".join(f"involvedObject.{key}={value}" for key, value in fields.items())
        namespace = f"/namespaces/{found.namespace}" if found.namespace else ""
        events = self.items(f"/api/v1{namespace}/events", fieldSelector=selector)
        write_events(out, events, self, level)


class Lines:
    """Text with tabs, written level by level."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def put(self, level: int, text: str) -> None:
        """Text at an indentation; with its own line breaks."""
        self._parts.append("  " * level + text)

    def line(self, level: int, *cells: object) -> None:
        self.put(level, "\t".join(map(str, cells)) + "\n")

    def render(self) -> str:
        return elastic("".join(self._parts))

    # --- forms that many kinds share

    def labels(self, title: str, labels: Mapping[str, str] | None, level: int = 0) -> None:
        """A map, one `key=value` a line."""
        self.pairs(title, [f"{key}={labels[key]}" for key in sorted(labels)] if labels else [], level)

    def pairs(self, title: str, values: list[str], level: int = 0) -> None:
        if not values:
            self.line(level, f"{title}:", "<none>")
            return
        for i, value in enumerate(values):
            self.line(level, f"{title}:" if i == 0 else "", value)

    def annotations(self, annotations: Mapping[str, str] | None, title: str = "Annotations", level: int = 0) -> None:
        shown = {k: v for k, v in (annotations or {}).items() if k not in _HIDDEN_ANNOTATIONS}
        if not shown:
            self.line(level, f"{title}:", "<none>")
            return
        for i, key in enumerate(sorted(shown)):
            self.put(level, f"{title}:\t" if i == 0 else "\t")
            value = shown[key].removesuffix("\n")
            if len(value) + len(key) + 2 > _MAX_ANNOTATION or "\n" in value:
                self._parts.append(f"{key}:\n")
                for part in value.split("\n"):
                    self.line(level, "", "  " + _shortened(part, _MAX_ANNOTATION - 2))
            else:
                self._parts.append(f"{key}: {value}\n")

    def head(self, found: Found, *, namespaced: bool = True) -> None:
        """Name, namespace, labels and annotations."""
        metadata = found.tree["metadata"]
        self.line(0, "Name:", metadata["name"])
        if namespaced and found.namespace:
            self.line(0, "Namespace:", found.namespace)
        self.labels("Labels", metadata.get("labels"))
        self.annotations(metadata.get("annotations"))


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def write_events(out: Lines, events: Iterable[Tree], context: Context, level: int = 0) -> None:
    ordered = sorted(events, key=_when)
    if not ordered:
        out.line(level, "Events:", "<none>")
        return
    out.line(level, "Events:")
    out.line(level + 1, "Type", "Reason", "Age", "From", "Message")
    out.line(level + 1, "----", "------", "----", "----", "-------")
    for event in ordered:
        source = event.get("reportingComponent") or (event.get("source") or {}).get("component") or ""
        message = (event.get("message") or "").strip()
        row = (event.get("type", ""), event.get("reason", ""), interval(event, context), source, message)
        out.line(level + 1, *row)


def _when(event: Tree) -> str:
    return event.get("lastTimestamp") or event.get("eventTime") or ""


def interval(event: Tree, context: Context) -> str:
    """`5m` or `10s (x3 over 5m)`."""
    first = event.get("firstTimestamp") or event.get("eventTime")
    series: Tree = event.get("series") or {}
    count, last = event.get("count") or 0, event.get("lastTimestamp")
    if series:
        count, last = series.get("count", 0), series.get("lastObservedTime")
    if count > 1:
        return f"{context.age(last)} (x{count} over {context.age(first)})"
    return context.age(first or last)


def rfc1123(timestamp: str | None) -> str:
    """`Wed, 01 Jan 2020 00:00:00 +0000`"""
    if not timestamp:
        return "Mon, 01 Jan 0001 00:00:00 +0000"
    return datetime.fromtimestamp(times.parse(timestamp), UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")


def selector_text(selector: Tree | None) -> str:
    """A label selector in one line: `app=web,tier in (a,b)`."""
    if selector is None:
        return "<none>"
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    operators = {"In": "in", "NotIn": "notin"}
    for rule in sorted(selector.get("matchExpressions") or [], key=lambda rule: rule["key"]):
        key, operator = rule["key"], rule["operator"]
        if operator in operators:
            parts.append(f"{key} {operators[operator]} ({','.join(sorted(rule.get('values') or []))})")
        else:
            parts.append(key if operator == "Exists" else f"!{key}")
    return ",".join(parts) if parts else "<none>"


def yes(value: Any) -> str:
    return "true" if value else "false"
