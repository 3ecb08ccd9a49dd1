"""`kubectl kustomize`: print the objects of a kustomization."""

from __future__ import annotations

import os

from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import yaml
from navarch.cli.session import Session

_RESTRICTORS = "['LoadRestrictionsNone', 'LoadRestrictionsRootOnly']"
_PLUGIN_SWITCHES = ("as-current-user", "enable-alpha-plugins", "enable-helm", "helm-debug", "network")
_PLUGIN_VALUES = ("env", "helm-api-versions", "helm-command", "helm-kube-version", "mount", "network-name")


def run(session: Session, options: Options, words: Words) -> int:
    from navarch.cli.kustomize.build import build

    if len(words.args) > 1:
        raise CliError("specify one path to a kustomization directory")
    if options.load_restrictor not in ("LoadRestrictionsRootOnly", "LoadRestrictionsNone"):
        raise CliError(f"illegal flag value --load-restrictor {options.load_restrictor}; legal values: {_RESTRICTORS}")
    directory = words.args[0] if words.args else "."
    anywhere = options.load_restrictor == "LoadRestrictionsNone"
    text = "---\n".join(map(yaml.dump, build(directory, session.complain, anywhere=anywhere)))
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
    flags=(
        Flag("load-restrictor", default="LoadRestrictionsRootOnly", help=f"Which files may be read: {_RESTRICTORS}"),
        Flag("output", "o", help="The file to write to"),
        # For plug-ins and charts, neither of which are run: a kustomization that needs them is refused.
        *(Flag(name, kind="bool", hidden=True) for name in _PLUGIN_SWITCHES),
        *(Flag(name, kind="array", hidden=True) for name in _PLUGIN_VALUES),
    ),
    run=run,
)
