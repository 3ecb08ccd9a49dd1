"""`kubectl auth reconcile`: roles and bindings as files say, without taking away what others were given."""

from __future__ import annotations

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.manifest import Manifest
from navarch.cli.output import printer
from navarch.cli.rbac_reconcile import BINDINGS, ROLES, Reconciled, reconcile, report
from navarch.cli.session import Session
from navarch.schema.types import Tree

_GROUP = "rbac.authorization.k8s.io"


def run(session: Session, options: Options, words: Words) -> int:
    if words.args:
        raise UsageError("no arguments are allowed")
    manifest.require_files(options)
    reporter = printer.Reporter(session, options)
    for item in manifest.read(session, options):
        if isinstance(item, CliError):
            raise item
        kind = item.resource.kind
        if item.resource.group != _GROUP or kind not in (*ROLES, *BINDINGS):
            session.complain(f"skipping {item.resource.api_version}, Kind={kind}")
            continue
        remove = options.remove_extra_permissions if kind in ROLES else options.remove_extra_subjects
        result = reconcile(
            _live(session, item), writes.in_namespace(_complete(item), item.namespace), remove_extra=remove
        )
        if reporter.dry_run != "client" and not result.protected:
            result = result._replace(tree=_write(session, options, item, result))
        reporter.done(item.resource, result.tree, "reconciled")
        session.out.flush()
        session.err.write(report(result, kind))
    return 0


def _complete(item: Manifest) -> Tree:
    """The manifest with what the server fills in: the API groups of subjects."""
    subjects = [
        {"apiGroup": _GROUP, **each} if each.get("kind") in ("User", "Group") else each
        for each in item.tree.get("subjects") or []
    ]
    return {**item.tree, "subjects": subjects} if subjects else item.tree


def _live(session: Session, item: Manifest) -> Tree | None:
    try:
        return session.client.get(item.path).tree()
    except ApiError as error:
        if error.reason != "NotFound":
            raise
        return None


def _write(session: Session, options: Options, item: Manifest, result: Reconciled) -> Tree:
    match result.operation:
        case "create":
            if item.namespace and _for_good(options):
                _ensure_namespace(session, options, item.namespace)
            return writes.create(session, options, item.resource, item.namespace, result.tree)
        case "update":
            return writes.replace(session, options, item.path, result.tree)
        case "recreate":
            if _for_good(options):
                writes.delete(session, item.path)
                return writes.create(session, options, item.resource, item.namespace, result.tree)
    return result.tree


def _for_good(options: Options) -> bool:
    """Whether anything is to be kept by the server."""
    return printer.dry_run(options) == "none"


def _ensure_namespace(session: Session, options: Options, name: str) -> None:
    resource = session.resources.find("namespaces")
    try:
        session.client.get(resource.path("", name))
    except ApiError as error:
        if error.reason == "NotFound":
            tree = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            writes.create(session, options, resource, "", tree)


RECONCILE = Command(
    name="reconcile",
    summary="Make roles and bindings allow what files say",
    about=(
        "Create the roles and bindings of files, or add to those that exist what they lack.\n\n"
        "Unlike apply it knows what rules mean: a rule that is covered by others is there already."
    ),
    usage="-f FILENAME",
    examples=(("The roles and bindings of a file", "auth reconcile -f my-rbac-rules.yaml"),),
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        printer.DRY_RUN,
        Flag("remove-extra-permissions", kind="bool", help="Remove permissions that the file does not give"),
        Flag("remove-extra-subjects", kind="bool", help="Remove subjects that the file does not name"),
    ),
    run=run,
)
