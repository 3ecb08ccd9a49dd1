"""`kubectl create -f`, and the commands below it that make objects of flags."""

from __future__ import annotations

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.manifest import Manifest
from navarch.cli.output import printer
from navarch.cli.selection import Found
from navarch.cli.session import Session
from navarch.cli.verbs.create_of import COMMANDS


def run(session: Session, options: Options, words: Words) -> int:
    if words.args:
        raise UsageError(f"Unexpected args: [{' '.join(words.args)}]")
    if options.raw and options.edit:
        raise UsageError("--raw and --edit are mutually exclusive")
    if options.raw:
        return _raw(session, options)
    if not manifest.given(options):
        raise CliError("must specify one of -f and -k")
    if options.edit:
        return _edit(session, options)
    reporter = printer.Reporter(session, options)
    problems: list[CliError] = []
    count = 0
    for item in manifest.read(session, options, validating=True):
        count += 1
        try:
            if isinstance(item, CliError):
                raise item
            if options.selector and not _selected(item, options.selector):
                continue
            reporter.done(item.resource, create_one(session, options, item), "created")
        except ApiError as error:
            source = item.source if isinstance(item, Manifest) else ""
            problems.append(manifest.refused(item, error.during("creating", source)))
        except CliError as error:
            problems.append(manifest.refused(item, error))
    if not count:
        raise CliError("no objects passed to create")
    raise_all(problems)
    return 0


def _edit(session: Session, options: Options) -> int:
    """Create what the files say after the user has changed it."""
    from navarch.cli.verbs.edit import edit

    chosen: list[Found] = []
    for item in manifest.read(session, options, validating=True):
        if isinstance(item, CliError):
            raise item
        chosen.append(Found(item.resource, item.namespace, item.name, item.tree, item))
    reporter = printer.Reporter(session, options)

    def save(found: Found, before: dict[str, object], after: dict[str, object]) -> None:
        assert found.manifest is not None
        made = create_one(session, options, found.manifest._replace(tree=after))
        reporter.done(found.resource, made, "created")

    return edit(session, options, chosen, save)


def create_one(session: Session, options: Options, item: Manifest) -> dict[str, object]:
    """Make the object of a manifest; what the server has then. Raises: ApiError."""
    tree = writes.in_namespace(item.tree, item.namespace)
    if options.save_config or writes.has_last_applied(tree):
        tree = writes.with_last_applied(tree)
    if printer.dry_run(options) == "client":
        return tree
    return writes.create(session, options, item.resource, item.namespace, tree)


def _selected(item: Manifest, selector: str) -> bool:
    from navarch.base.selector import parse_labels

    return parse_labels(selector).matches((item.tree.get("metadata") or {}).get("labels") or {})


def _raw(session: Session, options: Options) -> int:
    """POST a file to a path as it is."""
    if len(options.filename) != 1:
        raise UsageError("--raw can only use a single local file or stdin")
    (text,) = manifest.texts(session, options)
    session.write_bytes(session.client.request("POST", options.raw, (), text.data).body)
    return 0


COMMAND = Command(
    name="create",
    summary="Create objects from files or from flags",
    about="Create the objects of files, directories, URLs or standard input, in JSON or YAML.",
    usage="-f FILENAME",
    examples=(
        ("The objects of a file", "create -f pod.yaml"),
        ("From standard input", "create -f -"),
        ("From flags", "create deployment web --image=nginx --replicas=3"),
    ),
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        printer.DRY_RUN,
        writes.SAVE_CONFIG,
        writes.VALIDATE,
        writes.field_manager("kubectl-create"),
        writes.RECORD,
        Flag("edit", kind="bool", help="Change the objects in an editor first"),
        Flag("raw", help="A path on the server to POST the file to"),
        Flag("selector", "l", help="Only objects of the files whose labels match"),
        Flag("windows-line-endings", kind="bool", help="End lines in the editor as Windows does"),
    ),
    children=COMMANDS,
    run=run,
)
