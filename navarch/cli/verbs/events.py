"""`kubectl events`: what happened, oldest first."""

from __future__ import annotations

import time
from collections.abc import Iterator

from navarch.base import times
from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.output.tables import Aligner
from navarch.cli.rest import Query
from navarch.cli.selection import ALL_NAMESPACES, CHUNK_SIZE, list_all, parse_names
from navarch.cli.session import Session
from navarch.schema.types import Tree


def run(session: Session, options: Options, words: Words) -> int:
    for kind in options.types:
        if kind.lower() not in ("normal", "warning"):
            raise CliError("valid --types are: Normal or Warning")
    fields = _about(session, options.__dict__["for"])
    query = [("fieldSelector", fields)] if fields else []
    namespace = "" if options.all_namespaces else session.namespace
    resource = session.resources.find("events")
    listed = list_all(session, resource, namespace, query)
    events = sorted((e for e in listed.get("items") or [] if _wanted(options, e)), key=_when)
    if not events and not options.watch:
        session.complain("No events found." if options.all_namespaces else f"No events found in {namespace} namespace.")
        return 0
    show = printer.make(session, options)
    if show is not None:
        items = [_typed(event) for event in events]
        session.write(show({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}}))
        if options.watch:
            for event in _following(session, options, resource.path(namespace), query, listed):
                session.write(show(_typed(event)))
                session.out.flush()
        return 0
    aligner = Aligner()
    heads = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    table = [] if options.no_headers else [["NAMESPACE", *heads] if options.all_namespaces else heads]
    session.write(aligner.lay_out(table + [_row(options, event) for event in events]))
    if options.watch:
        session.out.flush()
        for event in _following(session, options, resource.path(namespace), query, listed):
            session.write(aligner.lay_out([_row(options, event)]))
            session.out.flush()
    return 0


def _wanted(options: Options, event: Tree) -> bool:
    wanted = {kind.lower() for kind in options.types}
    return not wanted or str(event.get("type", "")).lower() in wanted


def _typed(event: Tree) -> Tree:
    return {"apiVersion": "v1", "kind": "Event", **event}


def _following(session: Session, options: Options, path: str, query: Query, listed: Tree) -> Iterator[Tree]:
    """What happens after the list, until the server or --request-timeout ends it."""
    version = (listed.get("metadata") or {}).get("resourceVersion", "")
    for change in session.client.watch(path, [*query, ("resourceVersion", version)]):
        if change["type"] in ("ADDED", "MODIFIED") and _wanted(options, change["object"]):
            yield change["object"]


def _row(options: Options, event: Tree) -> list[str]:
    about = event["involvedObject"]
    title = f"{about.get('kind', '')}/{about.get('name', '')}"
    row = [_interval(event), event.get("type", ""), event.get("reason", ""), title, _message(event)]
    return [event["metadata"]["namespace"], *row] if options.all_namespaces else row


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
        CHUNK_SIZE,
        Flag("for", help="Only about this object, as TYPE/NAME"),
        Flag("no-headers", kind="bool", help="Leave out the column headers"),
        Flag("types", kind="list", help="Only these types: Normal, Warning"),
        Flag("watch", "w", kind="bool", help="Go on and show what happens"),
    ),
    run=run,
)
