"""`kubectl kuberc`: show and change the file of preferences."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer, yaml
from navarch.cli.preferences import GROUP, POLICIES, path_of
from navarch.cli.session import Session

if TYPE_CHECKING:
    from navarch.schema.types import Tree

_VERSION = f"{GROUP}v1beta1"


def _read(path: str) -> Tree | None:
    """The preferences of the file; None if there is none. Raises: CliError."""
    from navarch.base.yaml import YamlError, load_all

    try:
        with open(path, "rb") as file:
            documents = [tree for tree in load_all(file.read()) if isinstance(tree, dict)]
    except FileNotFoundError:
        return None
    except (OSError, YamlError) as error:
        raise CliError(f'error loading kuberc file "{path}": {error}') from error
    known = [tree for tree in documents if str(tree.get("apiVersion", "")).startswith(GROUP)]
    return known[0] if known else None


def _view(session: Session, options: Options, words: Words) -> int:
    path = path_of(options.kuberc, session.env)
    tree = _read(path)
    if tree is None:
        raise CliError(f"no kuberc file found at {path}")
    show = printer.make(session, options)
    session.write(yaml.dump(tree) if show is None else show(tree))
    return 0


def _set(session: Session, options: Options, words: Words) -> int:
    path = path_of(options.kuberc, session.env)
    tree = _read(path) or {"apiVersion": _VERSION, "kind": "Preference"}
    if tree["apiVersion"] != _VERSION:
        raise CliError(f"{path} is written in {tree['apiVersion']}; change it to {_VERSION} first")
    match options.section:
        case "defaults":
            _put(tree, "defaults", "command", {"command": _needed(options.command, "command")}, options)
        case "aliases":
            entry: Tree = {"name": _needed(options.name, "name"), "command": _needed(options.command, "command")}
            entry |= {"prependArgs": options.prependarg} if options.prependarg else {}
            entry |= {"appendArgs": options.appendarg} if options.appendarg else {}
            _put(tree, "aliases", "name", entry, options)
        case "credentialplugin":
            _put_policy(tree, options)
        case _:
            raise UsageError("--section is required and must be one of: defaults, aliases, credentialplugin")
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(yaml.dump(tree))
    session.say(f"Updated {path}")
    return 0


def _needed(value: str, flag: str) -> str:
    if not value:
        raise UsageError(f"--{flag} is required")
    return value


def _put(tree: Tree, section: str, key: str, entry: Tree, options: Options) -> None:
    """Add the entry, or replace the one of the same key. Raises: CliError if that is not allowed."""
    if options.option:
        pairs = [text.partition("=") for text in options.option]
        if not all(equals for _, equals, _ in pairs):
            raise UsageError("--option must have the form flag=value")
        entry["options"] = [{"name": name.lstrip("-"), "default": value} for name, _, value in pairs]
    entries: list[Tree] = tree.setdefault(section, [])
    same = next((i for i, each in enumerate(entries) if each.get(key) == entry[key]), None)
    if same is None:
        entries.append(entry)
    elif options.overwrite:
        entries[same] = entry
    else:
        raise CliError(f'{section} for {key} "{entry[key]}" already exist, use --overwrite to replace them')


def _put_policy(tree: Tree, options: Options) -> None:
    if options.policy not in POLICIES[1:]:
        raise UsageError(f"--policy must be one of: {', '.join(POLICIES[1:])}")
    if tree.get("credentialPluginPolicy") and not options.overwrite:
        raise CliError("the credential plugin policy is already set, use --overwrite to replace it")
    pairs = [text.partition("=") for text in options.allowlist_entry]
    if not all(equals for _, equals, _ in pairs):
        raise UsageError("--allowlist-entry must have the form field=value")
    tree["credentialPluginPolicy"] = options.policy
    tree["credentialPluginAllowlist"] = [{field: value} for field, _, value in pairs]
    if not pairs:
        del tree["credentialPluginAllowlist"]


COMMAND = Command(
    name="kuberc",
    summary="Show and change your preferences for kubectl",
    usage="SUBCOMMAND",
    children=(
        Command("view", "Show the preferences", printer.PRINT_FLAGS, _view),
        Command(
            "set",
            "Set a default of a flag, an alias, or which programs may give credentials",
            (
                Flag("allowlist-entry", kind="array", help="A program that may give credentials: command=PATH"),
                Flag("appendarg", kind="array", help="An argument behind those of the line, for an alias"),
                Flag("command", help="The command: get, create role"),
                Flag("name", help="The alias"),
                Flag("option", kind="array", help="A flag's value: flag=value"),
                Flag("overwrite", kind="bool", help="Replace what is there"),
                Flag("policy", help="AllowAll, DenyAll or Allowlist"),
                Flag("prependarg", kind="array", help="An argument before those of the line, for an alias"),
                Flag("section", help="defaults, aliases or credentialplugin"),
            ),
            _set,
            "--section (defaults|aliases|credentialplugin) --command COMMAND",
            examples=(
                ("Always wide", "kuberc set --section defaults --command get --option output=wide"),
                ("getn for nodes", "kuberc set --section aliases --name getn --command get --prependarg nodes"),
            ),
        ),
    ),
)
