"""`kubectl diff`: what an apply would change."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from typing import TYPE_CHECKING

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, Exit, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.manifest import Manifest
from navarch.cli.output import yaml
from navarch.cli.output.printer import unmanaged
from navarch.cli.resources import Resource
from navarch.cli.session import Session
from navarch.cli.verbs.apply import CLIENT_MANAGER, apply_one

if TYPE_CHECKING:
    from navarch.cli.pruning import Pruner
    from navarch.schema.types import Tree

#: The exit code when it could not be found out whether something differs.
_FAILED = 2
#: Characters that a program named in the environment may have in its arguments. Source: kubectl `diff`.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


def run(session: Session, options: Options, words: Words) -> int:
    if words.args:
        raise UsageError(f"Unexpected args: [{' '.join(words.args)}]")
    if not manifest.given(options):
        raise CliError("must specify one of -f and -k")
    problems: list[CliError] = []
    with tempfile.TemporaryDirectory(prefix="LIVE-") as live, tempfile.TemporaryDirectory(prefix="MERGED-") as merged:
        pruner = _pruner(session, options) if options.prune else None
        for item in manifest.read(session, options):
            try:
                if isinstance(item, CliError):
                    raise item
                if not options.selector or manifest.selected(item, options.selector):
                    before = _write_both(session, options, item, live, merged)
                    if pruner is not None:
                        pruner.saw(item.namespace, before)
            except CliError as error:
                error.code = max(error.code, _FAILED)
                problems.append(manifest.refused(item, error))
        raise_all(problems)
        for found in pruner.candidates() if pruner is not None else ():
            _write(options, live, _file_name(found.resource, found.namespace, found.name), found.tree)
        return _compare(session, live, merged)


def _pruner(session: Session, options: Options) -> Pruner:
    from navarch.cli import pruning

    pruning.validate(options)
    return pruning.Pruner(session, options)


def _write_both(session: Session, options: Options, item: Manifest, live: str, merged: str) -> Tree | None:
    """The object as it is and as it would be, in files of the same name; gives the former."""
    try:
        before: Tree | None = session.client.get(item.path).tree()
    except ApiError as error:
        if error.reason != "NotFound":
            raise
        before = None
    after: Tree | None = apply_one(session, options, item, annotate=False).tree
    current = before
    if item.resource.kind == "Secret" and not item.resource.group and not options.show_secrets:
        before, after = masked(before, after)
    name = _file_name(item.resource, item.namespace, item.name)
    for directory, tree in ((live, before), (merged, after)):
        if tree is not None:
            _write(options, directory, name, tree)
    return current


def _file_name(resource: Resource, namespace: str, name: str) -> str:
    return ".".join((*filter(None, (resource.group, resource.version, resource.kind, namespace)), name))


def _write(options: Options, directory: str, name: str, tree: Tree) -> None:
    with open(os.path.join(directory, name), "w") as file:
        file.write(yaml.dump(tree if options.show_managed_fields else unmanaged(tree)))


def masked(before: Tree | None, after: Tree | None) -> tuple[Tree | None, Tree | None]:
    """A Secret's two states without its values; which of them differ can still be seen."""
    old, new = (before or {}).get("data") or {}, (after or {}).get("data") or {}
    differing = {key for key in old if key in new and old[key] != new[key]}
    return _masked(before, differing, "before"), _masked(after, differing, "after")


def _masked(tree: Tree | None, differing: set[str], when: str) -> Tree | None:
    if tree is None or not tree.get("data"):
        return tree
    data = {key: f"*** ({when})" if key in differing else "***" for key in tree["data"]}
    metadata = dict(tree.get("metadata") or {})
    if writes.LAST_APPLIED in (metadata.get("annotations") or {}):
        metadata["annotations"] = {**metadata["annotations"], writes.LAST_APPLIED: f"*** ({when})"}
    return {**tree, "data": data, "metadata": metadata}


def _compare(session: Session, live: str, merged: str) -> int:
    """Run the program that compares directories. Raises: CliError if it fails, Exit(1) if they differ."""
    command = _program(session.env.get("KUBECTL_EXTERNAL_DIFF", ""))
    try:
        result = subprocess.run([*command, live, merged], capture_output=True, check=False)
    except OSError as error:
        raise CliError(f'failed to run "{command[0]}": {(error.strerror or str(error)).lower()}', 2) from error
    session.write_bytes(result.stdout)
    if result.stderr:
        session.complain(result.stderr.decode(errors="replace").rstrip("\n"))
    if result.returncode > 1:
        raise CliError(f"{command[0]} exited with {result.returncode}", result.returncode)
    if result.returncode:
        raise Exit(1)
    return 0


def _program(text: str) -> list[str]:
    """The words of `KUBECTL_EXTERNAL_DIFF`; an argument with other than plain characters is left out."""
    if not text:
        return ["diff", "-u", "-N"]
    program, *arguments = shlex.split(text)
    return [program, *(argument for argument in arguments if set(argument) <= _PLAIN)]


COMMAND = Command(
    name="diff",
    summary="Show what an apply would change",
    about=(
        "Compare the server's objects with what they would be after an apply of the files.\n\n"
        "Exit code 0: nothing would change; 1: something would; more than 1: it could not be found out. "
        "KUBECTL_EXTERNAL_DIFF names another program than `diff -u -N`."
    ),
    usage="-f FILENAME",
    examples=(("The objects of a file", "diff -f pod.yaml"),),
    flags=(
        *manifest.FILE_FLAGS,
        writes.field_manager(CLIENT_MANAGER),
        Flag("concurrency", kind="int", default=1, hidden=True),
        Flag("force-conflicts", kind="bool", help="Take over fields that others own, with --server-side"),
        Flag("selector", "l", help="Only objects of the files whose labels match"),
        Flag("server-side", kind="bool", help="Let the server do the merging"),
        Flag("show-secrets", kind="bool", help="Show the values of Secrets"),
        Flag("show-managed-fields", kind="bool", help="Compare metadata.managedFields too"),
        Flag("all", kind="bool", help="Show as gone whatever is not in the files, with --prune"),
        Flag("prune", kind="bool", help="Show as gone what was applied before and is no longer in the files"),
        Flag("prune-allowlist", kind="array", help="Prune these kinds only: <group/version/kind>, core for no group"),
        # What apply asks its options for; here they have one value each.
        Flag("dry-run", default="server", hidden=True),
        Flag("force", kind="bool", hidden=True),
        Flag("overwrite", kind="bool", default=True, hidden=True),
        Flag("subresource", hidden=True),
        Flag("validate", default="ignore", hidden=True),
    ),
    run=run,
)
