"""`kubectl set subject`: add users, groups and service accounts to a binding."""

from __future__ import annotations

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.selection import select
from navarch.cli.session import Session
from navarch.schema.types import Tree

_GROUP = "rbac.authorization.k8s.io"


def run(session: Session, options: Options, words: Words) -> int:
    subjects: list[Tree] = [{"apiGroup": _GROUP, "kind": "User", "name": name} for name in options.user]
    subjects += [{"apiGroup": _GROUP, "kind": "Group", "name": name} for name in options.group]
    for text in options.serviceaccount:
        namespace, colon, name = text.partition(":")
        if not colon or not namespace or not name:
            raise UsageError("serviceaccount must be <namespace>:<name>")
        subjects.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    if not subjects:
        raise UsageError("you must specify at least one value of user, group or serviceaccount")
    reporter = printer.Reporter(session, options)
    for found in select(session, options, words.args, local=options.local):
        if isinstance(found, CliError):
            raise found
        present = found.tree.get("subjects") or []
        merged = [*present, *(subject for subject in subjects if subject not in present)]
        tree = {**found.tree, "subjects": merged}
        if reporter.dry_run != "client" and not options.local:
            tree = writes.patch(session, options, found.path, {"subjects": merged}, writes.MERGE)
        reporter.done(found.resource, tree, "subjects updated")
    return 0


SUBJECT = Command(
    name="subject",
    summary="Add users, groups or service accounts to a binding",
    usage="(-f FILENAME | TYPE NAME) [--user=username] [--group=groupname] "
    "[--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]",
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        printer.DRY_RUN,
        writes.field_manager("kubectl-set"),
        Flag("all", kind="bool", help="All objects of the type in the namespace"),
        Flag("group", kind="array", help="A group to add"),
        Flag("local", kind="bool", help="Change the file's object, without asking the server"),
        Flag("selector", "l", help="Only objects whose labels match"),
        Flag("serviceaccount", kind="array", help="A service account to add, as namespace:name"),
        Flag("user", kind="array", help="A user to add"),
    ),
    run=run,
)
