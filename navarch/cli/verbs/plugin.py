"""`kubectl plugin list`: the programs called `kubectl-NAME` that add commands."""

from __future__ import annotations

import os

from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.plugins import installed
from navarch.cli.session import Session
from navarch.cli.verbs import VERBS


def _list(session: Session, options: Options, words: Words) -> int:
    found = installed(session.env)
    if not found:
        raise CliError("unable to find any kubectl plugins in your PATH")
    session.say("The following compatible plugins are available:\n")
    seen: dict[str, str] = {}
    warnings = 0
    builtin = {verb.name for verb in VERBS}
    for path in found:
        name = os.path.basename(path)
        session.say(name if options.name_only else path)
        command = name.removeprefix("kubectl-").replace("_", "-")
        if command in builtin:
            warnings += 1
            session.complain(f'  - warning: {name} overwrites existing command: "kubectl {command}"')
        if name in seen:
            warnings += 1
            session.complain(f"  - warning: {path} is overshadowed by a similarly named plugin: {seen[name]}")
        seen.setdefault(name, path)
    if warnings:
        raise CliError("one plugin warning was found" if warnings == 1 else f"{warnings} plugin warnings were found")
    return 0


COMMAND = Command(
    name="plugin",
    summary="List the programs that add commands",
    about="Programs called kubectl-NAME on the path are commands: kubectl NAME runs them.",
    usage="SUBCOMMAND",
    children=(
        Command(
            name="list",
            summary="List all of them",
            flags=(Flag("name-only", kind="bool", help="Names without directories"),),
            run=_list,
        ),
    ),
)
