"""`kubectl edit`: objects in the user's editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import CliError
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


def run(session: Session, options: Options, words: Words) -> int:
    reporter = printer.Reporter(session, options)
    for found in select(session, options, words.args, need_name=False):
        if isinstance(found, CliError):
            raise found
        before = printer.unmanaged(found.tree)
        after = edited(session, options, before)
        if after is None or after == before:
            session.complain("Edit cancelled, no changes made.")
            continue
        reporter.done(found.resource, _save(session, options, found, before, after), "edited")
    return 0


def _save(session: Session, options: Options, found: Found, before: Tree, after: Tree) -> Tree:
    """Send what was changed, and only if nobody else has changed the object meanwhile."""
    from navarch.cli.three_way import two_way

    if options.save_config:
        after = writes.with_last_applied(after)
    body, content_type = two_way(found.resource, before, after)
    path = f"{found.path}/{options.subresource}" if options.subresource else found.path
    return writes.patch(session, options, path, body, content_type)


def edited(session: Session, options: Options, tree: Tree) -> Tree | None:
    """The object as the user left it; None for an empty file. Raises: CliError."""
    as_json = options.output == "json"
    text = json.dump(tree) if as_json else _HEADER + yaml.dump(tree)
    with tempfile.NamedTemporaryFile("w+", suffix=".json" if as_json else ".yaml", prefix="kubectl-edit-") as file:
        file.write(text)
        file.flush()
        _open_editor(session, file.name)
        with open(file.name, encoding="utf-8") as again:
            content = again.read()
    lines = [line for line in content.splitlines() if not line.startswith("#")]
    if not "".join(lines).strip():
        return None
    (after,) = manifest.trees(manifest.Text("edited object", "\n".join(lines).encode()))
    result: Tree = after
    return result


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
        Flag("output-patch", kind="bool", hidden=True),
        Flag("subresource", help="Edit this subresource"),
        Flag("windows-line-endings", kind="bool", hidden=True),
    ),
    run=run,
)
