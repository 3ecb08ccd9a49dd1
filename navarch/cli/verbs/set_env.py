"""`kubectl set env`."""

from __future__ import annotations

import re

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.pod_template import containers_named, pod_spec, wrap
from navarch.cli.selection import Found, select
from navarch.cli.session import Session
from navarch.schema.types import Tree

_VARIABLE = re.compile(r"[A-Za-z_.-][\w.-]*(?:=.*|-)", re.DOTALL)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")


def run(session: Session, options: Options, words: Words) -> int:
    if "-" in words.args and "-" in options.filename:
        raise CliError("standard input cannot be used for multiple arguments")
    args = [arg for arg in words.args if arg != "-"]
    if len(args) < len(words.args):
        args += [line for line in session.read_input().splitlines() if line and not line.startswith("#")]
    names, setting, removing = _split(args)
    for text in options.env:
        name, _, value = text.partition("=")
        setting[name] = {"name": name, "value": value}
    source = options.__dict__["from"]
    if options.list:
        return _list(session, options, names)
    if source:
        setting |= _from(session, options, source)
    if not setting and not removing:
        raise UsageError("at least one environment variable must be provided")

    def change(found: Found) -> Tree:
        changed = []
        for container in containers_named(pod_spec(found), options.containers):
            present = {variable["name"] for variable in container.get("env") or []}
            entries: list[Tree] = [v for k, v in setting.items() if options.overwrite or k not in present]
            entries += [{"name": name, "$patch": "delete"} for name in removing if name in present]
            if entries:
                changed.append({"name": container["name"], "env": entries})
        return wrap(found, {"containers": changed} if changed else {})

    from navarch.cli.verbs.set import change_each

    return change_each(session, options, names, change, "env updated")


def _split(args: list[str]) -> tuple[list[str], dict[str, Tree], list[str]]:
    names: list[str] = []
    setting: dict[str, Tree] = {}
    removing: list[str] = []
    for arg in args:
        name, equals, value = arg.partition("=")
        if equals:
            setting[name] = {"name": name, "value": value}
        elif arg.endswith("-") and _VARIABLE.fullmatch(arg):
            removing.append(arg[:-1])
        else:
            names.append(arg)
    return names, setting, removing


def _from(session: Session, options: Options, source: str) -> dict[str, Tree]:
    """A variable for each key of a config map or secret, by reference."""
    word, _, name = source.partition("/")
    resource = session.resources.find(word)
    kinds = {"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}
    if resource.kind not in kinds:
        raise CliError(f"unsupported resource specified in --from: {resource.kind}")
    tree = session.client.get(resource.path(session.namespace, name)).tree()
    found: dict[str, Tree] = {}
    for key in sorted(tree.get("data") or {}):
        if options.keys and key not in options.keys:
            continue
        variable = _NOT_IN_NAMES.sub("_", key).upper()
        if variable != key:
            session.warn(f"key {key} transferred to {variable}")
        variable = options.prefix + variable
        found[variable] = {"name": variable, "valueFrom": {kinds[resource.kind]: {"name": name, "key": key}}}
    return found


def _list(session: Session, options: Options, names: list[str]) -> int:
    for found in select(session, options, names, local=options.local):
        if isinstance(found, CliError):
            raise found
        plural = found.resource.kind
        for container in containers_named(pod_spec(found), options.containers):
            session.say(f"# {plural} {found.name}, container {container['name']}")
            for variable in container.get("env") or []:
                session.say(_listed(variable))
    return 0


def _listed(variable: Tree) -> str:
    source = variable.get("valueFrom")
    if not source:
        return f"{variable['name']}={variable.get('value', '')}"
    for key, what in (("configMapKeyRef", "configmap"), ("secretKeyRef", "secret")):
        if source.get(key):
            return f"# {variable['name']} from {what} {source[key]['name']}, key {source[key]['key']}"
    if source.get("fieldRef"):
        return f"# {variable['name']} from field path {source['fieldRef']['fieldPath']}"
    return f"# {variable['name']} from resource field"


ENV = Command(
    name="env",
    summary="Set environment variables of containers",
    usage="RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N",
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        printer.DRY_RUN,
        writes.field_manager("kubectl-set"),
        writes.RECORD,
        Flag("all", kind="bool", help="All objects of the type in the namespace"),
        Flag("containers", "c", default="*", help="Names of the containers; * stands for any letters"),
        Flag("env", "e", kind="array", help="A variable: NAME=value"),
        Flag("from", help="Config map or secret whose keys become variables, as configmap/NAME"),
        Flag("keys", kind="list", help="Only these keys of --from"),
        Flag("list", kind="bool", help="Show the variables"),
        Flag("local", kind="bool", help="Change the file's object, without asking the server"),
        Flag("overwrite", kind="bool", default=True, help="Change variables that are there already"),
        Flag("prefix", help="Put before the names of --from"),
        Flag("resolve", kind="bool", hidden=True),
        Flag("selector", "l", help="Only objects whose labels match"),
    ),
    run=run,
    examples=(("Set one", "set env deployment/web MODE=test"), ("Take one away", "set env deployment/web MODE-")),
)
