"""`kubectl describe`: what an object is and what happened to it, in words."""

from __future__ import annotations

from navarch.cli import manifest
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output.describe import describer_of
from navarch.cli.output.describe.context import Context
from navarch.cli.selection import ALL_NAMESPACES, Found, items_of, list_all, lookup, parse_names
from navarch.cli.session import Session
from navarch.cli.verbs.get import NO_TYPE


def run(session: Session, options: Options, words: Words) -> int:
    if not words.args and not manifest.given(options):
        session.complain(NO_TYPE.format(verb="describe") + "\n")
        raise UsageError("Required resource not specified.")
    problems: list[CliError] = []
    context = Context(session, show_events=options.show_events)
    shown = 0
    for found in _chosen(session, options, words.args, problems):
        text = describer_of(found.resource)(found, context)
        session.write(("\n\n" if shown else "") + text)
        shown += 1
    if not shown and not problems:
        where = "" if options.all_namespaces else f" in {session.namespace} namespace."
        session.complain(f"No resources found{where}")
    raise_all(problems)
    return 0


def _chosen(session: Session, options: Options, args: list[str], problems: list[CliError]) -> list[Found]:
    found: list[Found] = []
    if manifest.given(options):
        for item in manifest.read(session, options):
            if isinstance(item, CliError):
                problems.append(item)
                continue
            try:
                found.append(lookup(session, item.resource, item.namespace, item.name))
            except ApiError as error:
                problems.append(error)
        return found
    names = parse_names(session, args)
    query = [("labelSelector", options.selector)] if options.selector else []
    for resource, name in names.pairs:
        if options.all_namespaces:
            raise CliError("a resource cannot be retrieved by name across all namespaces")
        try:
            found.append(lookup(session, resource, session.namespace, name))
        except ApiError as error:
            similar = _beginning_with(session, resource.path(session.namespace if resource.namespaced else ""), name)
            if error.reason != "NotFound" or not similar:
                problems.append(error)
            found += list(items_of(resource, {"items": similar}))
    for resource in names.types:
        try:
            listed = list_all(session, resource, "" if options.all_namespaces else session.namespace, query)
            found += items_of(resource, listed)
        except CliError as error:
            problems.append(error)
    return found


def _beginning_with(session: Session, path: str, prefix: str) -> list[dict[str, object]]:
    """The objects whose names begin so: `describe pod web` means all of web's pods."""
    try:
        items = session.client.get(path).tree().get("items") or []
    except ApiError:
        return []
    return [item for item in items if item["metadata"]["name"].startswith(prefix)]


COMMAND = Command(
    name="describe",
    summary="Show objects in detail, with their events",
    about=(
        "Show everything about objects, with related objects and events.\n\n"
        "A name that no object has stands for all objects whose names begin so."
    ),
    usage="(-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME)",
    examples=(
        ("A node", "describe node node-1"),
        ("All pods of a deployment", "describe pod web"),
        ("By label", "describe pods -l app=web"),
    ),
    flags=(
        *manifest.FILE_FLAGS,
        ALL_NAMESPACES,
        Flag("chunk-size", kind="int", default=500, help="Fetch long lists in pieces of this size; 0: at once"),
        Flag("selector", "l", help="Only objects whose labels match"),
        Flag("show-events", kind="bool", default=True, help="Show events"),
    ),
    run=run,
)
