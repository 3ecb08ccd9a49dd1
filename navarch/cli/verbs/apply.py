"""`kubectl apply`: make the server's objects be as the files say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.manifest import Manifest
from navarch.cli.output import printer
from navarch.cli.resources import Resource
from navarch.cli.session import Session
from navarch.cli.verbs.apply_last import SET_LAST_APPLIED, VIEW_LAST_APPLIED

if TYPE_CHECKING:
    from navarch.schema.types import Tree


CLIENT_MANAGER = "kubectl-client-side-apply"
SERVER_MANAGER = "kubectl"
_MISSING = (
    "resource {} is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by "
    "kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create "
    "--save-config or kubectl apply. The missing annotation will be patched automatically."
)
_CONFLICT_ADVICE = (
    "Please review the fields above--they currently have other managers. Here\n"
    "are the ways you can resolve this warning:\n"
    "* If you intend to manage all of these fields, please re-run the apply\n"
    "  command with the `--force-conflicts` flag.\n"
    "* If you do not intend to manage all of the fields, please edit your\n"
    "  manifest to remove references to the fields that should keep their\n"
    "  current managers.\n"
    "* You may co-own fields by updating your manifest to match the existing\n"
    "  value; in this case, you'll become the manager if the other manager(s)\n"
    "  stop managing the field (remove it from their configuration).\n"
    "See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"
)


class Applied(NamedTuple):
    """What became of one manifest."""

    resource: Resource
    namespace: str
    tree: Tree
    operation: str


def run(session: Session, options: Options, words: Words) -> int:
    if words.args:
        raise UsageError(f"Unexpected args: [{' '.join(words.args)}]")
    _validate(options)
    if not manifest.given(options):
        raise CliError("must specify one of -f and -k")
    reporter = printer.Reporter(session, options)
    problems: list[CliError] = []
    applied: list[Applied] = []
    count = 0
    for item in manifest.read(session, options):
        count += 1
        try:
            if isinstance(item, CliError):
                raise item
            if options.selector and not manifest.selected(item, options.selector):
                continue
            done = apply_one(session, options, item)
            applied.append(done)
            if not reporter.wants_object:
                reporter.done(done.resource, done.tree, done.operation)
        except CliError as error:
            problems.append(manifest.refused(item, error))
    if not count:
        raise CliError("no objects passed to apply")
    if reporter.wants_object and applied:
        _print_objects(reporter, [done.tree for done in applied])
    raise_all(problems)
    return 0


def _validate(options: Options) -> None:
    if options.force_conflicts and not options.server_side:
        raise CliError("--force-conflicts only works with --server-side")
    if options.server_side and printer.dry_run(options) == "client":
        raise CliError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
    if options.force and options.server_side:
        raise CliError("--force cannot be used with --server-side")


def _print_objects(reporter: printer.Reporter, trees: list[Tree]) -> None:
    if len(trees) == 1:
        reporter.done(None, trees[0], "")
        return
    listed = {"apiVersion": "v1", "items": trees, "kind": "List", "metadata": {"resourceVersion": ""}}
    reporter.done(None, listed, "")


def apply_one(session: Session, options: Options, item: Manifest, annotate: bool = True) -> Applied:
    """Make one object be as its file says; `annotate` keeps the configuration for the next time.

    Raises: ApiError, CliError.
    """
    if not item.name:
        if (item.tree.get("metadata") or {}).get("generateName"):
            raise CliError(f"from {item.tree['metadata']['generateName']}: cannot use generate name with apply")
        raise CliError(
            f"error when retrieving current configuration of:\n{_described(item)}\n"
            f'from server for: "{item.source}": resource name may not be empty'
        )
    if options.server_side:
        return _apply_on_server(session, options, item)
    tree = writes.in_namespace(item.tree, item.namespace)
    tree = writes.with_last_applied(tree) if annotate else writes.without_last_applied(tree)
    try:
        current = session.client.get(item.path).tree()
    except ApiError as error:
        if error.reason != "NotFound":
            raise _while_reading(error, item) from error
        return _create(session, options, item, tree)
    return _patch(session, options, item, tree, current)


def _create(session: Session, options: Options, item: Manifest, tree: Tree) -> Applied:
    if printer.dry_run(options) == "client":
        return Applied(item.resource, item.namespace, tree, "created")
    try:
        made = writes.create(session, options, item.resource, item.namespace, tree)
    except ApiError as error:
        raise error.during("creating", item.source) from error
    return Applied(item.resource, item.namespace, made, "created")


def _patch(session: Session, options: Options, item: Manifest, tree: Tree, current: Tree) -> Applied:
    if not writes.has_last_applied(current):
        session.warn(_MISSING.format(f"{item.resource.plural}/{item.name}"))
    from navarch.cli.three_way import patch_for

    body, content_type = patch_for(item.resource, tree, current)
    if not body:
        return Applied(item.resource, item.namespace, current, "unchanged")
    if printer.dry_run(options) == "client":
        from navarch.cli.three_way import patched

        return Applied(item.resource, item.namespace, patched(item.resource, current, body, content_type), "configured")
    try:
        extra = (("fieldValidation", writes.validation(options.validate)),)
        path = f"{item.path}/{options.subresource}" if options.subresource else item.path
        done = writes.patch(session, options, path, body, content_type, extra=extra)
    except ApiError as error:
        if options.force and error.reason in ("Conflict", "Invalid"):
            return _recreate(session, options, item, tree)
        if error.reason == "BadRequest" and "strict decoding error" in error.message:
            raise error.during("creating", item.source) from error
        raise _while_patching(error, item, body) from error
    return Applied(item.resource, item.namespace, done, "configured")


def _recreate(session: Session, options: Options, item: Manifest, tree: Tree) -> Applied:
    """`--force`: what cannot be patched is deleted and made anew."""
    from navarch.cli.verbs.delete import wait_until_gone

    answer = writes.delete(session, item.path, grace_s=options.grace_period if options.grace_period >= 0 else None)
    wait_until_gone(session, item.resource, item.namespace, item.name, answer, timeout_s=options.timeout)
    made = writes.create(session, options, item.resource, item.namespace, tree)
    return Applied(item.resource, item.namespace, made, "configured")


def _apply_on_server(session: Session, options: Options, item: Manifest) -> Applied:
    query = [*writes.query(options)]
    if options.field_manager == CLIENT_MANAGER:
        query = [(name, SERVER_MANAGER if name == "fieldManager" else value) for name, value in query]
    query.append(("force", "true" if options.force_conflicts else "false"))
    tree = writes.in_namespace(item.tree, item.namespace)
    path = f"{item.path}/{options.subresource}" if options.subresource else item.path
    try:
        done = session.client.request("PATCH", path, query, tree, content_type=writes.APPLY).tree()
    except ApiError as error:
        if error.reason == "Conflict" and (error.status.get("details") or {}).get("causes"):
            raise CliError(f"{error.message}\n{_CONFLICT_ADVICE}") from error
        raise error.during("patching", item.source) if error.reason == "BadRequest" else error from error
    return Applied(item.resource, item.namespace, done, "serverside-applied")


def _described(item: Manifest) -> str:
    resource, metadata = item.resource, item.tree.get("metadata") or {}
    return (
        f'Resource: "{resource.group}/{resource.version}, Resource={resource.plural}", GroupVersionKind: '
        f'"{resource.group}/{resource.version}, Kind={resource.kind}"\n'
        f'Name: "{metadata.get("name", "")}", Namespace: "{item.namespace}"'
    )


def _while_reading(error: ApiError, item: Manifest) -> ApiError:
    message = (
        f'error when retrieving current configuration of:\n{_described(item)}\nfrom server for: "{item.source}": '
        f"{error.message}"
    )
    return ApiError({**error.status, "message": message})


def _while_patching(error: ApiError, item: Manifest, body: Tree) -> ApiError:
    from navarch.cli.output.json import compact

    message = (
        f'error when applying patch:\n{compact(body)}\nto:\n{_described(item)}\nfor: "{item.source}": '
        f'error when patching "{item.source}": {error.message}'
    )
    return ApiError({**error.status, "message": message})


COMMAND = Command(
    name="apply",
    summary="Make objects be as files say",
    about=(
        "Create the objects of files, or change those that exist, so that they are as the files say.\n\n"
        "What a file no longer says is taken back; what others have set stays."
    ),
    usage="(-f FILENAME | -k DIRECTORY)",
    examples=(
        ("The objects of a file", "apply -f pod.yaml"),
        ("All manifests of a directory", "apply -f dir/ -R"),
        ("From standard input", "apply -f -"),
        ("Let the server merge and note who owns each field", "apply --server-side -f pod.yaml"),
    ),
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        printer.DRY_RUN,
        writes.VALIDATE,
        writes.field_manager(CLIENT_MANAGER),
        Flag("cascade", default="background", bare="background", help="How deletion treats dependents"),
        Flag("force", kind="bool", help="Delete and create again what cannot be changed"),
        Flag("force-conflicts", kind="bool", help="Take over fields that others own, with --server-side"),
        Flag("grace-period", kind="int", default=-1, help="Seconds that a deleted object gets; -1: its own"),
        Flag("openapi-patch", kind="bool", default=True, hidden=True),
        Flag("overwrite", kind="bool", default=True, hidden=True),
        Flag("selector", "l", help="Only objects of the files whose labels match"),
        Flag("server-side", kind="bool", help="Let the server do the merging"),
        Flag("subresource", help="Apply to this subresource"),
        Flag("timeout", kind="duration", help="How long to wait for a deletion; 0: as long as it takes"),
        Flag("wait", kind="bool", help="Wait until deleted objects are gone"),
    ),
    children=(VIEW_LAST_APPLIED, SET_LAST_APPLIED),
    run=run,
)
