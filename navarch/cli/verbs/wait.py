"""`kubectl wait`: until a condition holds, a field has a value, an object is there or gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from navarch.base import jsonpath
from navarch.cli import manifest
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.output.tables import go_value
from navarch.cli.resources import Resource
from navarch.cli.selection import ALL_NAMESPACES, SELECTOR_FLAGS, Found, parse_names, select
from navarch.cli.session import Session
from navarch.schema.types import Tree

Test = Callable[[Tree], bool]
_FOR_EVER_S = 7 * 24 * 3600.0
_POLL_S = 0.25
_MET = "condition met"


def run(session: Session, options: Options, words: Words) -> int:
    wanted: str = options.__dict__["for"]
    if not wanted:
        raise CliError('unrecognized condition: ""')
    timeout_s = options.timeout if options.timeout >= 0 else _FOR_EVER_S
    end = time.monotonic() + timeout_s
    kind, _, rest = wanted.partition("=")
    if kind.lower() == "create" and not rest:
        return _wait_for_creation(session, options, words.args, end)
    if kind.lower() == "delete" and not rest:
        return _wait_for_deletion(session, options, words.args, end)
    test = _condition(rest) if kind.lower() == "condition" else _field(wanted, rest) if kind == "jsonpath" else None
    if test is None:
        raise CliError(f'unrecognized condition: "{wanted}"')
    reporter = printer.Reporter(session, options)
    chosen = list(select(session, options, words.args, all_namespaces=options.all_namespaces))
    if not chosen:
        raise CliError("no matching resources found")
    problems: list[CliError] = []
    for found in chosen:
        try:
            if isinstance(found, CliError):
                raise found
            reporter.done(found.resource, _wait(session, found, test, end), _MET)
        except CliError as error:
            problems.append(error)
    raise_all(problems)
    return 0


def _condition(text: str) -> Test:
    name, _, value = text.partition("=")
    wanted = (value or "True").lower()

    def test(tree: Tree) -> bool:
        status = tree.get("status") or {}
        generation = tree["metadata"].get("generation")
        observed = status.get("observedGeneration")
        if generation and observed is not None and observed < generation:
            return False
        conditions = status.get("conditions") or []
        return any(c["type"].lower() == name.lower() and str(c["status"]).lower() == wanted for c in conditions)

    return test


def _field(wanted: str, rest: str) -> Test:
    """`jsonpath={.status.phase}=Running`; without a value any will do."""
    path, _, value = rest.rpartition("=") if rest.count("=") and not rest.endswith("}") else (rest, "", "")
    path = path.strip("'\"")
    if not path:
        raise CliError("jsonpath expression cannot be empty")
    try:
        compiled = jsonpath.compile(jsonpath.relaxed(path))
    except jsonpath.JsonPathError as error:
        raise CliError(str(error)) from error

    def test(tree: Tree) -> bool:
        try:
            found = compiled.find(tree)
        except jsonpath.JsonPathError:
            return False
        return bool(found) and (not value or go_value(found[0]) == value.strip("'\""))

    return test


def _wait(session: Session, found: Found, test: Test, end: float) -> Tree:
    """The object that passes the test. Raises: CliError when the time is up or the object goes away."""
    tree = found.tree
    timed_out = CliError(f"timed out waiting for the condition on {found.resource.plural}/{found.name}")
    while not test(tree):
        left = end - time.monotonic()
        if left <= 0:
            raise timed_out
        query = [
            ("fieldSelector", f"metadata.name={found.name}"),
            ("resourceVersion", tree["metadata"]["resourceVersion"]),
            ("timeoutSeconds", str(max(1, round(min(left, 300.0))))),
        ]
        for event in session.client.watch(found.resource.path(found.namespace), query):
            if event["type"] == "DELETED":
                raise CliError(f"{found.resource.plural}/{found.name} was deleted")
            if event["type"] in ("ADDED", "MODIFIED"):
                tree = event["object"]
                if test(tree):
                    break
    return tree


def _wait_for_deletion(session: Session, options: Options, args: list[str], end: float) -> int:
    from navarch.cli.verbs.delete import wait_until_gone

    reporter = printer.Reporter(session, options)
    for found in select(session, options, args, all_namespaces=options.all_namespaces):
        if isinstance(found, CliError):
            if isinstance(found, ApiError) and found.reason == "NotFound":
                continue
            raise found
        left = max(end - time.monotonic(), 0.001)
        uid = found.tree["metadata"]["uid"]
        wait_until_gone(session, found.resource, found.namespace, found.name, None, timeout_s=left, uid=uid)
        reporter.done(found.resource, found.tree, _MET)
    return 0


def _wait_for_creation(session: Session, options: Options, args: list[str], end: float) -> int:
    """Objects need not be there yet, so they are named by words or files, not by selectors."""
    reporter = printer.Reporter(session, options)
    for resource, namespace, name in _named(session, options, args):
        while (tree := _live(session, resource, namespace, name)) is None:
            if time.monotonic() > end:
                raise CliError(f"timed out waiting for the condition on {resource.plural}/{name}")
            time.sleep(_POLL_S)
        reporter.done(resource, tree, _MET)
    return 0


def _named(session: Session, options: Options, args: list[str]) -> Iterator[tuple[Resource, str, str]]:
    if manifest.given(options):
        for item in manifest.read(session, options):
            if isinstance(item, CliError):
                raise item
            yield item.resource, item.namespace, item.name
        return
    names = parse_names(session, args)
    if not names.pairs:
        raise CliError("resource name must be provided")
    for resource, name in names.pairs:
        yield resource, session.namespace, name


def _live(session: Session, resource: Resource, namespace: str, name: str) -> Tree | None:
    try:
        return session.client.get(resource.path(namespace, name)).tree()
    except ApiError as error:
        if error.reason == "NotFound":
            return None
        raise


COMMAND = Command(
    name="wait",
    summary="Wait for a condition of objects",
    usage="([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) "
    "[--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]]",
    examples=(
        ("Until a pod is ready", "wait --for=condition=Ready pod/web-0"),
        ("Until it runs", "wait --for=jsonpath='{.status.phase}'=Running pod/web-0"),
        ("Until it is gone", "wait --for=delete pod/web-0 --timeout=60s"),
    ),
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        *SELECTOR_FLAGS,
        ALL_NAMESPACES,
        Flag("all", kind="bool", help="All objects of the type in the namespace"),
        Flag("for", help="create, delete, condition=NAME[=VALUE] or jsonpath=EXPRESSION[=VALUE]"),
        Flag("local", kind="bool", hidden=True),
        Flag("timeout", kind="duration", default=30.0, help="How long to wait; 0: look once; negative: a week"),
    ),
    run=run,
)
