"""`kubectl delete`: objects by name, selector or file; waits until they are gone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import NO_RESOURCES_NAMED, ApiError, CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.resources import Resource
from navarch.cli.rest import Answer
from navarch.cli.selection import (
    ALL_NAMESPACES,
    SELECTOR_FLAGS,
    Found,
    items_of,
    list_all,
    lookup,
    parse_names,
    selector_query,
)
from navarch.cli.session import Session

_IMMEDIATE = (
    "Immediate deletion does not wait for confirmation that the running resource has been terminated. "
    "The resource may continue to run on the cluster indefinitely."
)


def run(session: Session, options: Options, words: Words) -> int:
    if options.raw:
        session.write_bytes(session.client.request("DELETE", options.raw).body)
        return 0
    grace_s, wait = _validate(session, options, words.args)
    propagation = writes.propagation(options.cascade)
    dry = printer.dry_run(options)
    problems: list[CliError] = []
    deleted: list[tuple[Found, Answer | None]] = []
    chosen: Iterable[Found | CliError] = _chosen(session, options, words.args)
    if options.interactive:
        chosen = list(chosen)
        if not _confirmed(session, [found for found in chosen if isinstance(found, Found)]):
            return 0
    for found in chosen:
        if isinstance(found, CliError):
            if not (options.ignore_not_found and isinstance(found, ApiError) and found.reason == "NotFound"):
                problems.append(found)
            continue
        try:
            answer = None
            if dry != "client":
                answer = writes.delete(
                    session, found.path, dry=dry == "server", grace_s=grace_s, propagation=propagation
                )
        except ApiError as error:
            if not (options.ignore_not_found and error.reason == "NotFound"):
                source = found.manifest.source if found.manifest else ""
                problems.append(error.during("deleting", source) if source else error)
            continue
        if session.namespace_given and not found.resource.namespaced:
            session.warn("deleting cluster-scoped resources, not scoped to the provided namespace")
        _report(session, options, found, grace_s, dry)
        deleted.append((found, answer))
    if not deleted and not problems:
        if not options.ignore_not_found:
            session.say("No resources found")
        return 0
    if wait and dry == "none":
        _wait(session, options, deleted)
    raise_all(problems)
    return 0


def _validate(session: Session, options: Options, args: list[str]) -> tuple[int | None, bool]:
    """The grace period and whether to wait. Raises: CliError."""
    if not args and not manifest.given(options):
        raise CliError(NO_RESOURCES_NAMED)
    writes.propagation(options.cascade)
    if options.output not in ("", "name"):
        raise UsageError(f"unexpected -o output mode: {options.output}. We only support '-o name'")
    if options.all and options.selector:
        raise CliError("setting 'all' parameter but found a non empty selector. ")
    if options.all and options.field_selector:
        raise UsageError("cannot set --all and --field-selector at the same time")
    grace = options.grace_period
    if options.now:
        if grace != -1:
            raise CliError("--now and --grace-period cannot be specified together")
        grace = 1
    if grace == 0 and not options.force:
        # The kubelet decides when it is over; asking for 0 without --force means the shortest wait.
        grace = 1
    if options.force:
        if options.grace_period > 0:
            raise CliError("--force and --grace-period greater than 0 cannot be specified together")
        grace = 0 if grace < 0 else grace
    if grace == 0:
        session.warn(_IMMEDIATE)
    wait = options.wait and not (options.force and "wait" not in options.given)
    return (grace if grace >= 0 else None), wait


def _chosen(session: Session, options: Options, args: list[str]) -> Iterator[Found | CliError]:
    """What to delete. Files and names are not read before: the server says if they are not there."""
    if manifest.given(options):
        if args:
            raise CliError(
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
            )
        for item in manifest.read(session, options):
            if isinstance(item, CliError):
                yield item
            else:
                yield Found(item.resource, item.namespace, item.name, item.tree, item)
        return
    names = parse_names(session, args)
    query = selector_query(options)
    if names.pairs and (query or options.all):
        raise CliError("name cannot be provided when a selector is specified")
    if names.types and not query and not options.all:
        raise CliError("resource(s) were provided, but no name was specified")
    for resource, name in names.pairs:
        if options.all_namespaces:
            raise CliError("a resource cannot be retrieved by name across all namespaces")
        if printer.dry_run(options) == "client":
            try:
                yield lookup(session, resource, session.namespace, name)
            except ApiError as error:
                yield error
            continue
        yield Found(resource, session.namespace if resource.namespaced else "", name, {})
    for resource in names.types:
        try:
            listed = list_all(session, resource, "" if options.all_namespaces else session.namespace, query)
        except CliError as error:
            yield error
            continue
        yield from items_of(resource, listed)


def _report(session: Session, options: Options, found: Found, grace_s: int | None, dry: str) -> None:
    if options.output == "name":
        session.say(found.title)
        return
    how = "force deleted" if grace_s == 0 else "deleted"
    where = f" from {found.namespace} namespace" if found.namespace else ""
    suffix = printer.dry_run_suffix(dry)
    session.say(f'{found.resource.singular_qualified} "{found.name}" {how}{where}{suffix}')


def _confirmed(session: Session, chosen: list[Found]) -> bool:
    """`--interactive`: ask once about all of them."""
    listed = "\n".join(found.title for found in chosen)
    session.say(f"You are about to delete the following {len(chosen)} resource(s):\n{listed}")
    session.write("Do you want to continue? (y/n): ")
    session.out.flush()
    if session.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    session.say("deletion is cancelled")
    return False


def _wait(session: Session, options: Options, deleted: list[tuple[Found, Answer | None]]) -> None:
    limit_s = options.timeout or 7 * 24 * 3600.0
    if options.timeout < 0:
        limit_s = 7 * 24 * 3600.0
    end = time.monotonic() + limit_s
    session.out.flush()
    for found, answer in deleted:
        if answer is not None:
            left = max(end - time.monotonic(), 0.0)
            wait_until_gone(session, found.resource, found.namespace, found.name, answer, timeout_s=left)


def wait_until_gone(
    session: Session,
    resource: Resource,
    namespace: str,
    name: str,
    answer: Answer | None,
    *,
    timeout_s: float,
    uid: str = "",
) -> None:
    """Follow the object until it, and not a successor of the same name, is gone. Raises: CliError.

    `uid` says which object it is, or else the server's `answer` to its deletion. `timeout_s` 0: a week.
    """
    if answer is not None and not uid:
        uid = _uid(answer)
    end = time.monotonic() + (timeout_s or 7 * 24 * 3600.0)
    while True:
        try:
            current = session.client.get(resource.path(namespace, name)).tree()
        except ApiError as error:
            if error.http_code in (404, 403, 405):
                return
            raise
        metadata = current["metadata"]
        if uid and metadata.get("uid") != uid:
            return
        left = end - time.monotonic()
        if left <= 0:
            raise CliError(f"timed out waiting for the condition on {resource.plural}/{name}")
        query = [
            ("fieldSelector", f"metadata.name={name}"),
            ("resourceVersion", metadata["resourceVersion"]),
            ("timeoutSeconds", str(max(1, int(min(left, 300))))),
        ]
        for event in session.client.watch(resource.path(namespace), query):
            if event["type"] in ("DELETED", "ERROR") or time.monotonic() > end:
                break


def _uid(answer: Answer) -> str:
    """The deleted object's uid: of the object itself, or of the Status that says it is gone."""
    tree = answer.tree()
    if tree.get("kind") == "Status":
        return str((tree.get("details") or {}).get("uid") or "")
    return str((tree.get("metadata") or {}).get("uid") or "")


COMMAND = Command(
    name="delete",
    summary="Delete objects",
    about=(
        "Delete objects by files, by names, or by types and a selector.\n\n"
        "Pods get a grace period to end in; --grace-period changes it, --now makes it one second."
    ),
    usage="([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)])",
    examples=(
        ("The objects of a file", "delete -f pod.yaml"),
        ("By name", "delete pod,service web"),
        ("By label", "delete pods -l app=web"),
        ("All pods", "delete pods --all"),
    ),
    flags=(
        *manifest.FILE_FLAGS,
        *SELECTOR_FLAGS,
        ALL_NAMESPACES,
        printer.DRY_RUN,
        Flag("all", kind="bool", help="All objects of the type in the namespace"),
        Flag("cascade", default="background", bare="background", help="Dependents: background, orphan or foreground"),
        Flag("force", kind="bool", help="Remove from the API at once, without waiting for the node"),
        Flag("grace-period", kind="int", default=-1, help="Seconds that the object gets; -1: its own"),
        Flag("ignore-not-found", kind="bool", help="An object that does not exist is no error"),
        Flag("interactive", "i", kind="bool", help="Ask before each object"),
        Flag("now", kind="bool", help="The same as --grace-period=1"),
        Flag("output", "o", help="name: print only the names"),
        Flag("raw", help="A path on the server to DELETE"),
        Flag("timeout", kind="duration", help="How long to wait; 0: as long as it takes"),
        Flag("wait", kind="bool", default=True, help="Wait until the objects are gone"),
    ),
    run=run,
)
