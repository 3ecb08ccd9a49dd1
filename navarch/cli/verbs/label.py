"""`kubectl label` and `kubectl annotate`: set and take away entries of a map in the metadata."""

from __future__ import annotations

from typing import NamedTuple

from navarch.cli import manifest, writes
from navarch.cli.command import Command, Run
from navarch.cli.errors import NO_RESOURCES_NAMED, CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.selection import ALL_NAMESPACES, SELECTOR_FLAGS, Found, select
from navarch.cli.session import Session


class Kind(NamedTuple):
    """What differs between the two commands."""

    field: str
    noun: str
    done: str
    undone: str


LABELS = Kind("labels", "label", "labeled", "unlabeled")
ANNOTATIONS = Kind("annotations", "annotation", "annotated", "annotated")


def split_pairs(args: list[str]) -> tuple[list[str], dict[str, str], list[str]]:
    """The words before the first `key=value` or `key-`, what to set, what to take away."""
    words: list[str] = []
    setting: dict[str, str] = {}
    removing: list[str] = []
    for arg in args:
        if "=" in arg and not (arg.endswith("-") and "=" not in arg):
            key, _, value = arg.partition("=")
            setting[key] = value
        elif arg.endswith("-") and len(arg) > 1:
            removing.append(arg[:-1])
        elif setting or removing:
            raise CliError(f"all resources must be specified before changes: {arg}")
        else:
            words.append(arg)
    return words, setting, removing


def _runner(kind: Kind) -> Run:
    def run(session: Session, options: Options, words: Words) -> int:
        names, setting, removing = split_pairs(words.args)
        if options.list:
            setting, removing = {}, []
        elif not setting and not removing:
            raise UsageError(f"at least one {kind.noun} update is required")
        if both := [key for key in removing if key in setting]:
            raise UsageError(f"can not both modify and remove {kind.noun}(s) in the same command: {', '.join(both)}")
        if not names and not manifest.given(options):
            raise CliError(NO_RESOURCES_NAMED)
        reporter = printer.Reporter(session, options)
        problems: list[CliError] = []
        for found in select(session, options, names, all_namespaces=options.all_namespaces, local=options.local):
            try:
                if isinstance(found, CliError):
                    raise found
                if options.list:
                    _list(session, kind, found)
                else:
                    _change(session, options, kind, found, setting, removing, reporter)
            except CliError as error:
                problems.append(error)
        raise_all(problems)
        return 0

    return run


def _list(session: Session, kind: Kind, found: Found) -> None:
    current: dict[str, str] = found.tree["metadata"].get(kind.field) or {}
    for key in sorted(current):
        session.say(f"{key}={current[key]}")


def _change(
    session: Session,
    options: Options,
    kind: Kind,
    found: Found,
    setting: dict[str, str],
    removing: list[str],
    reporter: printer.Reporter,
) -> None:
    metadata = found.tree["metadata"]
    current: dict[str, str] = metadata.get(kind.field) or {}
    if not options.overwrite:
        _refuse_overwriting(kind, current, setting)
    missing = [key for key in removing if key not in current]
    for key in missing if not reporter.wants_object else ():
        session.say(f'{kind.noun} "{key}" not found.')
    changes: dict[str, str | None] = {key: value for key, value in setting.items() if current.get(key) != value}
    changes |= {key: None for key in removing if key in current}
    operation = kind.done if changes or kind is ANNOTATIONS else f"not {kind.done}"
    if changes and not any(value is not None for value in changes.values()):
        operation = kind.undone
    body = {"metadata": {kind.field: changes}}
    if options.resource_version:
        body["metadata"]["resourceVersion"] = options.resource_version
    tree = found.tree
    if printer.dry_run(options) == "client" or options.local:
        kept = {k: v for k, v in {**current, **changes}.items() if v is not None}
        tree = {**tree, "metadata": {**metadata, kind.field: kept}}
    elif changes or options.resource_version:
        tree = writes.patch(session, options, found.path, body, writes.MERGE)
    reporter.done(found.resource, tree, operation)


def _refuse_overwriting(kind: Kind, current: dict[str, str], setting: dict[str, str]) -> None:
    taken = [
        f"'{key}' already has a value ({current[key]})"
        for key in setting
        if current.get(key, setting[key]) != setting[key]
    ]
    if not taken:
        return
    if kind is LABELS:
        raise CliError("; ".join(f"{text}, and --overwrite is false" for text in taken))
    listed = "; ".join(taken)
    raise CliError(f"--overwrite is false but found the following declared annotation(s): {listed}")


def _command(name: str, kind: Kind, summary: str, example: str) -> Command:
    return Command(
        name=name,
        summary=summary,
        usage="[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
        examples=((summary, example), ("Take one away: a dash behind the key", f"{name} pods web-0 color-")),
        flags=(
            *printer.PRINT_FLAGS,
            *manifest.FILE_FLAGS,
            *SELECTOR_FLAGS,
            ALL_NAMESPACES,
            printer.DRY_RUN,
            writes.field_manager(f"kubectl-{name}"),
            writes.RECORD,
            Flag("all", kind="bool", help="All objects of the type in the namespace"),
            Flag("list", kind="bool", help=f"Show the {kind.field}"),
            Flag("local", kind="bool", help="Change the file's object, without asking the server"),
            Flag("overwrite", kind="bool", help="Change entries that are there already"),
            Flag("resource-version", help="Only if the object still has this version"),
        ),
        run=_runner(kind),
    )


LABEL = _command("label", LABELS, "Set labels of objects", "label pods web-0 color=blue")
ANNOTATE = _command("annotate", ANNOTATIONS, "Set annotations of objects", "annotate pods web-0 note='under test'")
