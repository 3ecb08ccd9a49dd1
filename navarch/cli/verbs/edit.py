"""`kubectl edit`: objects in the user's editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, report
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import json, printer, yaml
from navarch.cli.selection import Found, select
from navarch.cli.session import Session
from navarch.schema.types import Tree

_HEADER = (
    "# Please edit the object below. Lines beginning with a '#' will be ignored,\n"
    "# and an empty file will abort the edit. If an error occurs while saving this file will be\n"
    "# reopened with the relevant failures.\n#\n"
)
Save = Callable[[Found, Tree, Tree], None]


def run(session: Session, options: Options, words: Words) -> int:
    reporter = printer.Reporter(session, options)
    chosen: list[Found] = []
    for found in select(session, options, words.args, need_name=False):
        if isinstance(found, CliError):
            raise found
        chosen.append(found)

    def save(found: Found, before: Tree, after: Tree) -> None:
        if after != before:
            reporter.done(found.resource, _save(session, options, found, before, after), "edited")

    return edit(session, options, chosen, save)


def _save(session: Session, options: Options, found: Found, before: Tree, after: Tree) -> Tree:
    """Send what was changed, and only if nobody else has changed the object meanwhile."""
    from navarch.cli.three_way import two_way

    if _identity(before) != _identity(after):
        raise CliError("At least one of apiVersion, kind and name was changed")
    if options.save_config:
        after = writes.with_last_applied(after)
    body, content_type = two_way(found.resource, before, after)
    if options.output_patch:
        session.say(f"Patch: {json.compact(body)}")
    path = f"{found.path}/{options.subresource}" if options.subresource else found.path
    return writes.patch(session, options, path, body, content_type)


def _identity(tree: Tree) -> tuple[object, object, object]:
    return tree.get("apiVersion"), tree.get("kind"), (tree.get("metadata") or {}).get("name")


def edit(session: Session, options: Options, chosen: list[Found], save: Save) -> int:
    """Show the objects in the editor, several as a list, and hand each to `save` if anything was changed.

    What the server refuses is shown again with the reasons, while somebody is there to change it. Raises: CliError.
    """
    before = [printer.unmanaged(found.tree) for found in chosen]
    shown = before[0] if len(before) == 1 else {"apiVersion": "v1", "items": before, "kind": "List", "metadata": {}}
    text, problem = json.dump(shown) if options.output == "json" else yaml.dump(shown), ""
    while True:
        content = _edited(session, options, text, problem)
        if not content.strip() or content == text:
            if problem:
                raise CliError("Edit cancelled, no valid changes were saved.")
            session.complain("Edit cancelled, no changes made.")
            return 0
        text = content
        try:
            after = _parsed(content, len(before))
            if after == before:
                session.complain("Edit cancelled, no changes made.")
                return 0
            for found, old, new in zip(chosen, before, after, strict=True):
                save(found, old, new)
            return 0
        except ApiError as error:
            if error.reason not in ("Invalid", "BadRequest") or not session.stdin.isatty():
                raise
            problem = report(error)


def _parsed(content: str, count: int) -> list[Tree]:
    """The objects of the edited file. Raises: CliError."""
    (tree,) = manifest.trees(manifest.Text("edited object", content.encode()))
    items: list[Tree] = [tree] if count == 1 else tree.get("items") or []
    if len(items) != count:
        raise CliError(f"the edited file has {len(items)} objects where {count} are expected")
    return items


def _edited(session: Session, options: Options, text: str, problem: str) -> str:
    """The text as the user left it, without the lines that begin with #. Raises: CliError."""
    as_json = options.output == "json"
    reasons = "".join(f"# {line}\n" for line in problem.splitlines()) + "#\n" if problem else ""
    suffix = ".json" if as_json else ".yaml"
    with tempfile.NamedTemporaryFile("w+", suffix=suffix, prefix="kubectl-edit-", newline="") as file:
        whole = text if as_json else _HEADER + reasons + text
        file.write(whole.replace("\n", "\r\n") if options.windows_line_endings else whole)
        file.flush()
        _open_editor(session, file.name)
        with open(file.name, encoding="utf-8") as again:
            content = again.read()
    return "".join(line for line in content.splitlines(keepends=True) if not line.startswith("#"))


def _open_editor(session: Session, path: str) -> None:
    editor = session.env.get("KUBE_EDITOR") or session.env.get("EDITOR") or "vi"
    session.out.flush()
    done = subprocess.run([*shlex.split(editor), path], env=dict(session.env), check=False)
    if done.returncode:
        raise CliError(f'there was a problem with the editor "{os.path.basename(editor)}"')


COMMAND = Command(
    name="edit",
    summary="Edit objects in an editor",
    usage="(RESOURCE/NAME | -f FILENAME)",
    examples=(("A service", "edit service/web"), ("In JSON, with another editor", "edit deployment/web -o json")),
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        writes.SAVE_CONFIG,
        writes.VALIDATE,
        writes.field_manager("kubectl-edit"),
        writes.RECORD,
        Flag("output-patch", kind="bool", help="Show the patch that is sent"),
        Flag("subresource", help="Edit this subresource"),
        Flag("windows-line-endings", kind="bool", help="End lines in the editor as Windows does"),
    ),
    run=run,
)
