"""`kubectl patch` and `kubectl replace`."""

from __future__ import annotations

from typing import Any

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.selection import Found, lookup, select
from navarch.cli.session import Session

_TYPES = {"json": writes.JSON_PATCH, "merge": writes.MERGE, "strategic": writes.STRATEGIC}


def run(session: Session, options: Options, words: Words) -> int:
    content_type = _TYPES.get(options.type)
    if content_type is None:
        raise CliError(f'--type must be one of [json merge strategic], not "{options.type}"')
    if bool(options.patch) == bool(options.patch_file):
        raise UsageError("must specify --patch or --patch-file containing the contents of the patch")
    body = _body(options)
    reporter = printer.Reporter(session, options)
    problems: list[CliError] = []
    for found in select(session, options, words.args, local=options.local):
        try:
            if isinstance(found, CliError):
                raise found
            _patch(session, options, found, body, content_type, reporter)
        except CliError as error:
            problems.append(error)
    raise_all(problems)
    return 0


def _body(options: Options) -> Any:
    """The patch's tree; JSON and YAML are both taken."""
    from navarch.base.yaml import YamlError, load

    text: str = options.patch
    if options.patch_file:
        try:
            with open(options.patch_file, encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            raise CliError(f"unable to read patch file: {(error.strerror or '').lower()}") from error
    try:
        return load(text)
    except YamlError as error:
        raise CliError(f'unable to parse "{text}": {error}') from error


def _patch(
    session: Session, options: Options, found: Found, body: Any, content_type: str, reporter: printer.Reporter
) -> None:
    path = f"{found.path}/{options.subresource}" if options.subresource else found.path
    tree = found.tree
    if printer.dry_run(options) == "client" or options.local:
        from navarch.cli.three_way import builtin, patched

        if content_type == writes.STRATEGIC and not builtin(found.resource):
            shown = f"{found.resource.api_version}, Kind={found.resource.kind}"
            raise CliError(f"strategic merge patch is not supported for {shown} locally, try --type merge")
        tree = patched(found.resource, tree, body, content_type)
    else:
        try:
            tree = writes.patch(session, options, path, body, content_type)
        except ApiError as error:
            if error.http_code == 415:
                kind = f"{found.resource.api_version}, Kind={found.resource.kind}"
                raise CliError(f"{content_type} is not supported by {kind}: {error.message}") from error
            raise
    changed = tree != found.tree
    of_same_kind = tree.get("kind") == found.resource.kind
    reporter.done(found.resource if of_same_kind else None, tree, "patched" if changed else "patched (no change)")


def _run_replace(session: Session, options: Options, words: Words) -> int:
    if options.raw:
        (text,) = manifest.texts(session, options)
        session.write_bytes(session.client.request("PUT", options.raw, (), text.data).body)
        return 0
    manifest.require_files(options)
    for name in ("grace-period", "timeout"):
        if name in options.given and not options.force:
            raise CliError(f"--{name} must have --force specified")
    reporter = printer.Reporter(session, options)
    problems: list[CliError] = []
    for item in manifest.read(session, options, validating=True):
        try:
            if isinstance(item, CliError):
                raise item
            _replace(session, options, item, reporter)
        except CliError as error:
            problems.append(error)
    raise_all(problems)
    return 0


def _replace(session: Session, options: Options, item: manifest.Manifest, reporter: printer.Reporter) -> None:
    tree = writes.in_namespace(item.tree, item.namespace)
    if options.force:
        _delete_first(session, options, item)
        tree = writes.with_last_applied(tree) if options.save_config else tree
        made = writes.create(session, options, item.resource, item.namespace, tree)
        reporter.done(item.resource, made, "replaced")
        return
    if options.save_config or writes.has_last_applied(tree):
        tree = writes.with_last_applied(tree)
    if printer.dry_run(options) == "client":
        reporter.done(item.resource, tree, "replaced")
        return
    path = f"{item.path}/{options.subresource}" if options.subresource else item.path
    try:
        if not tree["metadata"].get("resourceVersion"):
            live = lookup(session, item.resource, item.namespace, item.name).tree
            tree = {**tree, "metadata": {**tree["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}}
        done = writes.replace(session, options, path, tree)
    except ApiError as error:
        raise error.during("replacing", item.source) from error
    reporter.done(item.resource, done, "replaced")


def _delete_first(session: Session, options: Options, item: manifest.Manifest) -> None:
    from navarch.cli.verbs.delete import wait_until_gone

    grace_s = options.grace_period if options.grace_period >= 0 else 0
    try:
        answer = writes.delete(session, item.path, grace_s=grace_s, propagation="Background")
    except ApiError as error:
        if error.reason != "NotFound":
            raise error.during("deleting", item.source) from error
        return
    session.say(
        f'{item.resource.singular_qualified} "{item.name}" deleted from {item.namespace} namespace'
        if item.namespace
        else f'{item.resource.singular_qualified} "{item.name}" deleted'
    )
    wait_until_gone(session, item.resource, item.namespace, item.name, answer, timeout_s=options.timeout or 300.0)


PATCH = Command(
    name="patch",
    summary="Change fields of an object",
    usage="(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]",
    examples=(("No pods on a node", 'patch node node-1 -p \'{"spec":{"unschedulable":true}}\''),),
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        printer.DRY_RUN,
        writes.field_manager("kubectl-patch"),
        writes.RECORD,
        Flag("local", kind="bool", help="Change the file's object, without asking the server"),
        Flag("patch", "p", help="The patch, in JSON or YAML"),
        Flag("patch-file", help="File with the patch"),
        Flag("subresource", help="Patch this subresource: status, scale or resize"),
        Flag("type", default="strategic", help="json, merge or strategic"),
    ),
    run=run,
)
REPLACE = Command(
    name="replace",
    summary="Replace objects by those of files",
    usage="-f FILENAME",
    examples=(
        ("The objects of a file", "replace -f pod.yaml"),
        ("Delete and create anew", "replace --force -f pod.yaml"),
    ),
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        printer.DRY_RUN,
        writes.SAVE_CONFIG,
        writes.VALIDATE,
        writes.field_manager("kubectl-replace"),
        writes.RECORD,
        Flag("cascade", default="background", bare="background", help="How deletion treats dependents"),
        Flag("force", kind="bool", help="Delete and create again"),
        Flag("grace-period", kind="int", default=-1, help="Seconds that a deleted object gets"),
        Flag("raw", help="A path on the server to PUT the file to"),
        Flag("subresource", help="Replace this subresource"),
        Flag("timeout", kind="duration", help="How long to wait for a deletion"),
        Flag("wait", kind="bool", help="Wait until deleted objects are gone"),
    ),
    run=_run_replace,
)
