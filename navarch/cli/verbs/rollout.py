"""`kubectl rollout`: status, history, undo, restart, pause and resume.

Source: kubectl `polymorphichelpers` (texts of the states, how history is found and undone).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import CliError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.rollout_history import Revision, revision_of, revisions, template_text
from navarch.cli.rollout_state import describe_state
from navarch.cli.selection import Found, lookup, select
from navarch.cli.session import Session

_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_RESTARTABLE = ("Deployment", "DaemonSet", "StatefulSet")
Act = Callable[[Session, Options, Found, printer.Reporter], None]


def _each(act: Act) -> Callable[[Session, Options, Words], int]:
    def run(session: Session, options: Options, words: Words) -> int:
        reporter = printer.Reporter(session, options)
        problems: list[CliError] = []
        for found in select(session, options, words.args, need_name=False):
            try:
                if isinstance(found, CliError):
                    raise found
                act(session, options, found, reporter)
            except CliError as error:
                problems.append(error)
        raise_all(problems)
        return 0

    return run


def _patch(session: Session, options: Options, found: Found, body: Any, reporter: printer.Reporter, done: str) -> None:
    tree = found.tree if reporter.dry_run == "client" else writes.patch(session, options, found.path, body)
    reporter.done(found.resource, tree, done)


def _pause(session: Session, options: Options, found: Found, reporter: printer.Reporter) -> None:
    if found.resource.kind != "Deployment":
        raise CliError(f'{found.resource.qualified} "{found.name}" pausing is not supported')
    if found.tree["spec"].get("paused"):
        raise CliError(f'{found.resource.qualified} "{found.name}" is already paused')
    _patch(session, options, found, {"spec": {"paused": True}}, reporter, "paused")


def _resume(session: Session, options: Options, found: Found, reporter: printer.Reporter) -> None:
    if found.resource.kind != "Deployment":
        raise CliError(f'{found.resource.qualified} "{found.name}" resuming is not supported')
    if not found.tree["spec"].get("paused"):
        raise CliError(f'{found.resource.qualified} "{found.name}" is not paused')
    _patch(session, options, found, {"spec": {"paused": None}}, reporter, "resumed")


def _restart(session: Session, options: Options, found: Found, reporter: printer.Reporter) -> None:
    if found.resource.kind not in _RESTARTABLE:
        raise CliError(f'{found.resource.qualified} "{found.name}" restarting is not supported')
    if found.tree["spec"].get("paused"):
        raise CliError(
            f'{found.resource.qualified} "{found.name}" can\'t restart paused deployment (run rollout resume first)'
        )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"spec": {"template": {"metadata": {"annotations": {_RESTARTED_AT: now}}}}}
    _patch(session, options, found, body, reporter, "restarted")


def _history(session: Session, options: Options, found: Found, reporter: printer.Reporter) -> None:
    history = revisions(session, found)
    if options.revision:
        one = revision_of(history, options.revision)
        if one is None:
            raise CliError("unable to find the specified revision")
        session.say(f"{found.title} with revision #{options.revision}")
        session.write(template_text(one))
        return
    from navarch.cli.output.tabs import elastic

    rows = "".join(f"{r.number}\t{r.cause or '<none>'}\n" for r in history)
    session.say(f"{found.title} ")
    session.write(elastic("REVISION\tCHANGE-CAUSE\n" + rows) + "\n")


def _undo(session: Session, options: Options, found: Found, reporter: printer.Reporter) -> None:
    if found.resource.kind not in _RESTARTABLE:
        raise CliError(f'no rollbacker has been implemented for "{found.resource.kind}"')
    if found.tree["spec"].get("paused"):
        raise CliError(
            "you cannot rollback a paused deployment; resume it first with "
            f"'kubectl rollout resume deployment/{found.name}' and try again"
        )
    history = revisions(session, found)
    target = _target(history, options.to_revision)
    if target.is_current:
        reporter.done(
            found.resource, found.tree, f"skipped rollback (current template already matches revision {target.number})"
        )
        return
    if reporter.dry_run == "client":
        reporter.done(found.resource, found.tree, f"will roll back to {template_text(target)}")
        return
    if found.resource.kind == "Deployment":
        template = target.template
        labels = {k: v for k, v in (template["metadata"].get("labels") or {}).items() if k != "pod-template-hash"}
        body: Any = [
            {"op": "replace", "path": "/spec/template",
             "value": {**template, "metadata": {**template["metadata"], "labels": labels}}}
        ]  # fmt: skip
        tree = writes.patch(session, options, found.path, body, writes.JSON_PATCH)
    else:
        tree = writes.patch(session, options, found.path, target.patch, writes.STRATEGIC)
    reporter.done(found.resource, tree, "rolled back")


def _target(history: list[Revision], number: int) -> Revision:
    """The revision to go back to: the one before, or the one of that number."""
    if number:
        found = revision_of(history, number)
        if found is None:
            raise CliError(f"unable to find specified revision {number} in history")
        return found
    if len(history) < 2:
        raise CliError("no rollout history found" if not history else "no last revision to roll back to")
    return history[-2]


def _status(session: Session, options: Options, words: Words) -> int:
    end = time.monotonic() + options.timeout if options.timeout else None
    for found in select(session, options, words.args, need_name=False):
        if isinstance(found, CliError):
            raise found
        _follow(session, options, found, end)
    return 0


def _follow(session: Session, options: Options, found: Found, end: float | None) -> None:
    """Say each state once until the rollout is done. Raises: CliError when it failed or time is up."""
    said = ""
    while True:
        text, done = describe_state(found, options.revision)
        if text != said:
            session.say(text)
            session.out.flush()
            said = text
        if done or not options.watch:
            return
        left = 300.0 if end is None else end - time.monotonic()
        if left <= 0:
            raise CliError("timed out waiting for the condition")
        query = [
            ("fieldSelector", f"metadata.name={found.name}"),
            ("resourceVersion", found.tree["metadata"]["resourceVersion"]),
            ("timeoutSeconds", str(max(1, round(min(left, 300.0))))),
        ]
        changed = False
        for event in session.client.watch(found.resource.path(found.namespace), query):
            if event["type"] == "DELETED":
                raise CliError("object has been deleted")
            if event["type"] in ("ADDED", "MODIFIED"):
                found = found._replace(tree=event["object"])
                changed = True
                break
        if not changed:
            found = lookup(session, found.resource, found.namespace, found.name)


_COMMON: tuple[Flag, ...] = (
    *manifest.FILE_FLAGS,
    Flag("selector", "l", help="Only objects whose labels match"),
)
_CHANGING: tuple[Flag, ...] = (*printer.PRINT_FLAGS, printer.DRY_RUN, *_COMMON)


def _child(name: str, summary: str, act: Act, *flags: Flag, example: str) -> Command:
    return Command(
        name=name,
        summary=summary,
        usage="(TYPE NAME | TYPE/NAME) [flags]",
        flags=(*_CHANGING, writes.field_manager("kubectl-rollout"), *flags),
        run=_each(act),
        examples=((summary, example),),
    )


COMMAND = Command(
    name="rollout",
    summary="Follow, undo and restart rollouts of deployments, daemon sets and stateful sets",
    usage="SUBCOMMAND",
    children=(
        _child("history", "Show the revisions", _history, Flag("revision", kind="int", help="Show this one in full"),
               example="rollout history deployment/web"),
        _child("pause", "Hold a deployment's rollout", _pause, example="rollout pause deployment/web"),
        _child("restart", "Replace all pods", _restart, example="rollout restart deployment/web"),
        _child("resume", "Let a held rollout go on", _resume, example="rollout resume deployment/web"),
        Command(
            name="status",
            summary="Follow a rollout to its end",
            usage="(TYPE NAME | TYPE/NAME) [flags]",
            flags=(
                *_COMMON,
                Flag("revision", kind="int", help="The revision that is expected"),
                Flag("timeout", kind="duration", help="How long to wait; 0: as long as it takes"),
                Flag("watch", "w", kind="bool", default=True, help="Go on until it is done"),
            ),
            run=_status,
            examples=(("Follow a deployment", "rollout status deployment/web"),),
        ),
        _child("undo", "Go back to an earlier revision", _undo,
               Flag("to-revision", kind="int", help="Which one; 0: the one before"),
               example="rollout undo deployment/web"),
    ),
)  # fmt: skip
