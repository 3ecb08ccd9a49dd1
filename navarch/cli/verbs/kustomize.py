"""`kubectl kustomize`: print the objects of a kustomization."""

from __future__ import annotations

import os

from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import yaml
from navarch.cli.session import Session


def run(session: Session, options: Options, words: Words) -> int:
    from navarch.cli.kustomize.build import build

    if len(words.args) > 1:
        raise CliError("specify one path to a kustomization directory")
    text = "---\n".join(map(yaml.dump, build(words.args[0] if words.args else ".", session.complain)))
    if not options.output:
        session.write(text)
        return 0
    try:
        with open(options.output, "w") as file:
            file.write(text)
    except OSError as error:
        raise CliError(f"open {os.path.abspath(options.output)}: {(error.strerror or str(error)).lower()}") from error
    return 0


COMMAND = Command(
    name="kustomize",
    summary="Print the objects of a kustomization",
    usage="DIR",
    examples=(("Of the current directory", "kustomize ."),),
    flags=(Flag("output", "o", help="The file to write to"),),
    run=run,
)
