"""`kubectl wait`: until a condition holds, a field has a value, an object is there or gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from navarch.base import jsonpath
from navarch.cli import manifest
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output.tables import go_value
from navarch.cli.resources import Resource
from navarch.cli.selection import ALL_NAMESPACES, SELECTOR_FLAGS, Found, parse_names, select
from navarch.cli.session import Session
from navarch.schema.types import Tree

Test = Callable[[Tree], bool]
_FOR_EVER_S = 7 * 24 * 3600.0
_POLL_S = 0.25


def run(session: Session, options: Options, words: Words) -> int:
    wanted: str = options.__dict__["for"]
    if not wanted:
        raise CliError('unrecognized condition: ""')
    timeout_s = options.timeout if options.timeout >= 0 else _FOR_EVER_S
    end = time.monotonic() + timeout_s
    kind, _, rest = wanted.partition("=")
    if kind.lower() == "create" and not rest:
        _wait_for_creation(session, words.args, end)
        return 0
    if kind.lower() == "delete" and not rest:
        return _wait_for_deletion(session, options, words.args, end)
    test = _condition(rest) if kind.lower() == "condition" else _field(wanted, rest) if kind == "jsonpath" else None
    if test is None:
        raise CliError(f'unrecognized condition: "{wanted}"')
    chosen = list(select(session, options, words.args, all_namespaces=options.all_namespaces))
    if not chosen:
        raise CliError("no matching resources found")
    problems: list[CliError] = []
    for found in chosen:
        try:
            if isinstance(found, CliError):
                raise found
            _wait(session, found, test, end)
            session.say(f"{found.title} condition met")
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


def _wait(session: Session, found: Found, test: Test, end: float) -> None:
    """Raises: CliError when the time is up or the object goes away."""
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


def _wait_for_deletion(session: Session, options: Options, args: list[str], end: float) -> int:
    from navarch.cli.verbs.delete import wait_until_gone

    for found in select(session, options, args, all_namespaces=options.all_namespaces):
        if isinstance(found, CliError):
            if isinstance(found, ApiError) and found.reason == "NotFound":
                continue
            raise found
        left = max(end - time.monotonic(), 0.001)
        uid = found.tree["metadata"]["uid"]
        wait_until_gone(session, found.resource, found.namespace, found.name, None, timeout_s=left, uid=uid)
        session.say(f"{found.title} condition met")
    return 0


def _wait_for_creation(session: Session, args: list[str], end: float) -> None:
    names = parse_names(session, args)
    if not names.pairs:
        raise CliError("resource name must be provided")
    for resource, name in names.pairs:
        while not _exists(session, resource, name):
            if time.monotonic() > end:
                raise CliError(f"timed out waiting for the condition on {resource.plural}/{name}")
            time.sleep(_POLL_S)
        session.say(f"{resource.singular_qualified}/{name} condition met")


def _exists(session: Session, resource: Resource, name: str) -> bool:
    try:
        session.client.get(resource.path(session.namespace, name))
    except ApiError as error:
        if error.reason == "NotFound":
            return False
        raise
    return True


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
        *manifest.FILE_FLAGS,
        *SELECTOR_FLAGS,
        ALL_NAMESPACES,
        Flag("all", kind="bool", help="All objects of the type in the namespace"),
        Flag("allow-missing-template-keys", kind="bool", default=True, hidden=True),
        Flag("for", help="create, delete, condition=NAME[=VALUE] or jsonpath=EXPRESSION[=VALUE]"),
        Flag("local", kind="bool", hidden=True),
        Flag("output", "o", hidden=True),
        Flag("show-managed-fields", kind="bool", hidden=True),
        Flag("template", hidden=True),
        Flag("timeout", kind="duration", default=30.0, help="How long to wait; 0: look once; negative: a week"),
    ),
    run=run,
)
