"""`kubectl apply`: make the server's objects be as the files say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, FlagError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.manifest import Manifest
from navarch.cli.output import printer
from navarch.cli.resources import Resource
from navarch.cli.session import Session
from navarch.cli.verbs.apply_last import EDIT_LAST_APPLIED, SET_LAST_APPLIED, VIEW_LAST_APPLIED

if TYPE_CHECKING:
    from navarch.cli.applyset import ApplySet
    from navarch.cli.pruning import Pruner
    from navarch.schema.types import Tree


CLIENT_MANAGER = "kubectl-client-side-apply"
_MISSING = (
    "resource {} is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by "
    "kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create "
    "--save-config or kubectl apply. The missing annotation will be patched automatically."
)
_NOT_RESTORED = (
    "An error occurred force-replacing the existing object with the newly provided one:\n\n{}.\n\nAdditionally, an "
    "error occurred attempting to restore the original object:\n\n{}"
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
    _validate(session, options)
    if not manifest.given(options):
        raise CliError("must specify one of -f and -k")
    reporter = printer.Reporter(session, options)
    pruner = _pruner(session, options)
    problems: list[CliError] = []
    applied: list[Applied] = []
    count = 0
    items = manifest.read(session, options, validating=True)
    for item in items if pruner is None else pruner.begin(items):
        count += 1
        try:
            if isinstance(item, CliError):
                raise item
            if options.selector and not manifest.selected(item, options.selector):
                continue
            done = apply_one(session, options, item)
            applied.append(done)
            if pruner is not None:
                pruner.saw(item.namespace, done.tree)
            if not reporter.wants_object:
                reporter.done(done.resource, done.tree, done.operation)
        except CliError as error:
            problems.append(manifest.refused(item, error))
    if not count:
        raise CliError("no objects passed to apply")
    if reporter.wants_object and applied:
        _print_objects(reporter, [done.tree for done in applied])
    raise_all(problems)
    if pruner is not None:
        _prune(session, options, pruner, reporter)
    return 0


def _pruner(session: Session, options: Options) -> Pruner | ApplySet | None:
    """Who decides what is pruned; it is told of everything that is applied."""
    if not options.prune:
        return None
    if options.applyset:
        from navarch.cli.applyset import ApplySet

        return ApplySet(session, options)
    from navarch.cli.pruning import Pruner

    return Pruner(session, options)


def _prune(session: Session, options: Options, pruner: Pruner | ApplySet, reporter: printer.Reporter) -> None:
    """Delete what is left over. Raises: ApiError, CliError."""
    grace_s = options.grace_period if options.grace_period >= 0 else None
    for found in pruner.candidates():
        if reporter.dry_run != "client":
            dry = reporter.dry_run == "server"
            writes.delete(
                session, found.path, dry=dry, grace_s=grace_s, propagation=writes.propagation(options.cascade)
            )
        reporter.done(found.resource, found.tree, "pruned")
    pruner.end()


def _validate(session: Session, options: Options) -> None:
    """Raises: CliError for flags that do not go together."""
    if options.force_conflicts and not options.server_side:
        raise CliError("--force-conflicts only works with --server-side")
    if options.server_side and printer.dry_run(options) == "client":
        raise CliError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
    if options.force and options.server_side:
        raise CliError("--force cannot be used with --server-side")
    if options.selector and options.all:
        raise CliError("cannot set --all and --selector at the same time")
    if options.applyset:
        from navarch.cli import applyset

        if session.env.get("KUBECTL_APPLYSET", "").lower() != "true":
            raise FlagError("unknown flag: --applyset")
        applyset.validate(options)
    elif options.prune:
        from navarch.cli import pruning

        pruning.validate(options)


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
    item = item._replace(tree=session.recorded(item.tree))
    if not item.name:
        if (item.tree.get("metadata") or {}).get("generateName"):
            raise CliError(f"from {item.tree['metadata']['generateName']}: cannot use generate name with apply")
        raise CliError(
            f"error when retrieving current configuration of:\n{_described(item)}\n"
            f'from server for: "{item.source}": resource name may not be empty'
        )
    if options.server_side:
        from navarch.cli.server_side import apply

        tree = apply(session, options, item)
        return Applied(item.resource, item.namespace, tree, "serverside-applied")
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
    from navarch.cli.three_way import patch_for, refuse_conflicts

    body, content_type = patch_for(item.resource, tree, current)
    if not options.overwrite:
        refuse_conflicts(item.resource, tree, current)
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
            return _recreate(session, options, item, tree, current)
        if error.reason == "BadRequest" and "strict decoding error" in error.message:
            raise error.during("creating", item.source) from error
        raise _while_patching(error, item, body) from error
    return Applied(item.resource, item.namespace, done, "configured")


def _recreate(session: Session, options: Options, item: Manifest, tree: Tree, current: Tree) -> Applied:
    """`--force`: what cannot be patched is deleted and made anew; if that is refused, the old object comes back."""
    from navarch.cli.verbs.delete import wait_until_gone

    grace_s = options.grace_period if options.grace_period >= 0 else None
    answer = writes.delete(session, item.path, grace_s=grace_s, propagation=writes.propagation(options.cascade))
    wait_until_gone(session, item.resource, item.namespace, item.name, answer, timeout_s=options.timeout)
    try:
        made = writes.create(session, options, item.resource, item.namespace, tree)
    except ApiError as error:
        try:
            writes.create(session, options, item.resource, item.namespace, current)
        except ApiError as second:
            raise CliError(_NOT_RESTORED.format(error.message, second.message)) from error
        raise
    return Applied(item.resource, item.namespace, made, "configured")


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
        Flag("all", kind="bool", help="Prune whatever is not in the files, with --prune"),
        Flag("applyset", help="The object that knows what belongs together, for --prune; needs KUBECTL_APPLYSET=true"),
        Flag("cascade", default="background", bare="background", help="How deletion treats dependents"),
        Flag("force", kind="bool", help="Delete and create again what cannot be changed"),
        Flag("force-conflicts", kind="bool", help="Take over fields that others own, with --server-side"),
        Flag("grace-period", kind="int", default=-1, help="Seconds that a deleted object gets; -1: its own"),
        Flag("openapi-patch", kind="bool", default=True, hidden=True),
        Flag("overwrite", kind="bool", default=True, help="Replace what others have changed in the live object"),
        Flag("prune", kind="bool", help="Delete what was applied before and is no longer in the files"),
        Flag("prune-allowlist", kind="array", help="Prune these kinds only: <group/version/kind>, core for no group"),
        writes.RECORD,
        Flag("selector", "l", help="Only objects of the files whose labels match"),
        Flag("server-side", kind="bool", help="Let the server do the merging"),
        Flag("subresource", help="Apply to this subresource"),
        Flag("timeout", kind="duration", help="How long to wait for a deletion; 0: as long as it takes"),
        Flag("wait", kind="bool", help="Wait until deleted objects are gone"),
    ),
    children=(EDIT_LAST_APPLIED, SET_LAST_APPLIED, VIEW_LAST_APPLIED),
    run=run,
)
