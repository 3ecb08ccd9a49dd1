"""`kubectl version`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.session import Session

if TYPE_CHECKING:
    from navarch.cli.rest import Client
    from navarch.schema.types import Tree

CLIENT: Tree = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.2",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "cpython",
    "platform": "linux/amd64",
}
#: The release of kustomize whose language `-k` reads.
KUSTOMIZE = "v5.8.1"


def run(session: Session, options: Options, words: Words) -> int:
    if words.args:
        raise CliError(f"extra arguments: {words.args}")
    if options.output not in ("", "yaml", "json"):
        raise CliError("--output must be 'yaml' or 'json'")
    known: Tree = {"clientVersion": CLIENT, "kustomizeVersion": KUSTOMIZE}
    problem: CliError | None = None
    if not options.client:
        try:
            known["serverVersion"] = session.client.get("/version").tree()
        except CliError as error:
            problem = error
    if options.output == "yaml":
        from navarch.cli.output import yaml

        session.write(yaml.dump(known) + "\n")
    elif options.output == "json":
        import json

        session.say(json.dumps(known, indent=2))
    else:
        _print_lines(session, options, known)
    if problem is not None:
        raise problem
    return 0


def refuse_other(client: Client) -> None:
    """`--match-server-version`. Raises: CliError if the server has another version."""
    server = client.get("/version").tree()
    if server.get("gitVersion") != CLIENT["gitVersion"]:
        raise CliError(
            f"server version ({server.get('gitVersion')}) differs from client version ({CLIENT['gitVersion']})!"
        )


def _print_lines(session: Session, options: Options, known: Tree) -> None:
    session.say(f"Client Version: {CLIENT['gitVersion']}")
    if not options.short:
        session.say(f"Kustomize Version: {KUSTOMIZE}")
    if "serverVersion" in known:
        session.say(f"Server Version: {known['serverVersion'].get('gitVersion', '')}")


COMMAND = Command(
    name="version",
    summary="Show the versions of client and server",
    flags=(
        Flag("client", kind="bool", help="Only the client's; the server is not asked"),
        Flag("output", "o", help="yaml or json"),
        Flag("short", kind="bool", help="Only client and server, one line each"),
    ),
    run=run,
    examples=(("Both versions", "version"),),
)
