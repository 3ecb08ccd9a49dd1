"""`kubectl events`: what happened, oldest first."""

from __future__ import annotations

import time

from navarch.base import times
from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.output.tables import lines
from navarch.cli.selection import ALL_NAMESPACES, list_all, parse_names
from navarch.cli.session import Session
from navarch.schema.types import Tree


def run(session: Session, options: Options, words: Words) -> int:
    fields = _about(session, options.__dict__["for"])
    query = [("fieldSelector", fields)] if fields else []
    namespace = "" if options.all_namespaces else session.namespace
    listed = list_all(session, session.resources.find("events"), namespace, query)
    wanted = {kind.lower() for kind in options.types}
    events = [e for e in listed.get("items") or [] if not wanted or str(e.get("type", "")).lower() in wanted]
    events.sort(key=_when)
    if not events:
        session.complain("No events found." if options.all_namespaces else f"No events found in {namespace} namespace.")
        return 0
    show = printer.make(session, options)
    if show is not None:
        kind = {"apiVersion": "v1", "kind": "Event"}
        items = [{**kind, **event} for event in events]
        session.write(show({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}}))
        return 0
    heads = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    table = [] if options.no_headers else [["NAMESPACE", *heads] if options.all_namespaces else heads]
    for event in events:
        about = event["involvedObject"]
        title = f"{about.get('kind', '')}/{about.get('name', '')}"
        row = [_interval(event), event.get("type", ""), event.get("reason", ""), title, _message(event)]
        table.append([event["metadata"]["namespace"], *row] if options.all_namespaces else row)
    session.write(lines(table))
    return 0


def _about(session: Session, text: str) -> str:
    """`--for=pod/web` as a field selector."""
    if not text:
        return ""
    pairs = parse_names(session, [text]).pairs
    if len(pairs) != 1:
        raise CliError("--for must be in resource/name form")
    ((resource, name),) = pairs
    return f"involvedObject.kind={resource.kind},involvedObject.name={name}"


def _when(event: Tree) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


def _message(event: Tree) -> str:
    return str(event.get("message") or "").strip().replace("\n", " ")


def _interval(event: Tree) -> str:
    now = time.time()
    first = event.get("firstTimestamp") or event.get("eventTime")
    series = event.get("series") or {}
    count = series.get("count") or event.get("count") or 0
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or first
    if count > 1:
        return f"{times.age(last, now)} (x{count} over {times.age(first, now)})"
    return times.age(first or last, now)


COMMAND = Command(
    name="events",
    summary="Show what happened",
    usage="[(-o|--output=)json|yaml|name] [--for TYPE/NAME] [--types=Normal,Warning]",
    examples=(("About one pod", "events --for pod/web-0"), ("Only warnings", "events --types=Warning")),
    flags=(
        *printer.PRINT_FLAGS,
        ALL_NAMESPACES,
        Flag("chunk-size", kind="int", default=500, hidden=True),
        Flag("for", help="Only about this object, as TYPE/NAME"),
        Flag("no-headers", kind="bool", help="Leave out the column headers"),
        Flag("types", kind="list", help="Only these types: Normal, Warning"),
    ),
    run=run,
)
