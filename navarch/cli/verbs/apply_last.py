"""`kubectl apply view-last-applied` and `set-last-applied`."""

from __future__ import annotations

import orjson

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import CliError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import json, printer, yaml
from navarch.cli.selection import ALL_NAMESPACES, Found, lookup, select
from navarch.cli.session import Session
from navarch.schema.types import Tree


def _view(session: Session, options: Options, words: Words) -> int:
    if options.output not in ("yaml", "json"):
        raise CliError(f"Unexpected -o output mode: {options.output}, the flag 'output' must be one of yaml|json")
    problems: list[CliError] = []
    shown: list[str] = []
    for found in select(session, options, words.args, need_name=False):
        if isinstance(found, CliError):
            problems.append(found)
        else:
            tree = last_applied_of(found)
            shown.append(yaml.dump(tree) if options.output == "yaml" else json.dump(tree))
    session.write(("---\n" if options.output == "yaml" else "").join(shown))
    raise_all(problems)
    return 0


def last_applied_of(found: Found) -> Tree:
    """The configuration in the annotation. Raises: CliError without one."""
    annotations = (found.tree.get("metadata") or {}).get("annotations") or {}
    text = annotations.get(writes.LAST_APPLIED)
    if not text:
        raise CliError(f"no last-applied-configuration annotation found on resource: {found.name}")
    tree: Tree = orjson.loads(text)
    return tree


def _set(session: Session, options: Options, words: Words) -> int:
    manifest.require_files(options)
    reporter = printer.Reporter(session, options)
    for item in manifest.read(session, options):
        if isinstance(item, CliError):
            raise item
        live = lookup(session, item.resource, item.namespace, item.name)
        if not writes.has_last_applied(live.tree) and not options.create_annotation:
            raise CliError(
                f"no last-applied-configuration annotation found on resource: {item.name}, to create the annotation, "
                "run the command with --create-annotation"
            )
        text = writes.last_applied(writes.in_namespace(item.tree, item.namespace))
        body = {"metadata": {"annotations": {writes.LAST_APPLIED: text}}}
        if printer.dry_run(options) == "client":
            reporter.done(item.resource, item.tree, "configured")
        else:
            reporter.done(item.resource, writes.patch(session, options, item.path, body, writes.MERGE), "configured")
    return 0


def _edit(session: Session, options: Options, words: Words) -> int:
    from navarch.cli.verbs.edit import edit

    chosen: list[Found] = []
    for found in select(session, options, words.args, need_name=False):
        if isinstance(found, CliError):
            raise found
        chosen.append(found._replace(tree=last_applied_of(found)))
    reporter = printer.Reporter(session, options)

    def save(found: Found, before: Tree, after: Tree) -> None:
        if after != before:
            body = {"metadata": {"annotations": {writes.LAST_APPLIED: writes.last_applied(after)}}}
            reporter.done(found.resource, writes.patch(session, options, found.path, body, writes.MERGE), "edited")

    return edit(session, options, chosen, save)


VIEW_LAST_APPLIED = Command(
    name="view-last-applied",
    summary="Show what was applied last",
    flags=(
        *manifest.FILE_FLAGS,
        ALL_NAMESPACES,
        Flag("all", kind="bool", help="All objects of the type"),
        Flag("output", "o", default="yaml", help="yaml or json"),
        Flag("selector", "l", help="Only objects whose labels match"),
    ),
    run=_view,
    usage="(TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME)",
)
SET_LAST_APPLIED = Command(
    name="set-last-applied",
    summary="Note files as what was applied last, without changing anything else",
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        printer.DRY_RUN,
        Flag("create-annotation", kind="bool", help="Also on objects that were never applied"),
    ),
    run=_set,
    usage="-f FILENAME",
)
EDIT_LAST_APPLIED = Command(
    name="edit-last-applied",
    summary="Change in an editor what was applied last, without changing anything else",
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        writes.field_manager("kubectl-client-side-apply"),
        Flag("windows-line-endings", kind="bool", help="End lines in the editor as Windows does"),
    ),
    run=_edit,
    usage="(RESOURCE/NAME | -f FILENAME)",
)
