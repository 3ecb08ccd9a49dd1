"""`kubectl config`: show and change kubeconfig files."""

from __future__ import annotations

import copy
import os
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from navarch.cli.command import Command
from navarch.cli.config import LISTS, Kubeconfig
from navarch.cli.errors import CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.output.tables import lines
from navarch.cli.session import Session
from navarch.schema.types import Tree

_SECRET = ("client-certificate-data", "client-key-data", "certificate-authority-data", "token", "password")
_EMPTY: Tree = {
    "apiVersion": "v1", "clusters": None, "contexts": None, "current-context": "", "kind": "Config", "users": None,
}  # fmt: skip
_PATHS = {"clusters": "certificate-authority", "users": "client-certificate"}


def save(config: Kubeconfig, path: str) -> None:
    """Write a file back, for its owner only."""
    from navarch.cli.output.yaml import dump

    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(dump(config.trees[path]))
    os.replace(temporary, path)


def _tree(config: Kubeconfig, path: str) -> Tree:
    return config.trees.setdefault(path, copy.deepcopy(_EMPTY))


def _set_entry(config: Kubeconfig, section: str, name: str, values: Tree) -> bool:
    """Set fields of an entry (None takes one away), in the file that has it. True if it is new."""
    path = config.home_of(section, name)
    tree = _tree(config, path)
    entries = tree.get(section) or []
    tree[section] = entries
    entry = next((e for e in entries if e.get("name") == name), None)
    if entry is None:
        entry = {"name": name, LISTS[section]: {}}
        entries.append(entry)
        entries.sort(key=lambda e: str(e["name"]))
        new = True
    else:
        new = False
    inner = entry.get(LISTS[section]) or {}
    entry[LISTS[section]] = {k: v for k, v in {**inner, **values}.items() if v is not None}
    save(config, path)
    return new


def _view(session: Session, options: Options, words: Words) -> int:
    config = session.config
    merged: Tree = {"apiVersion": "v1", "kind": "Config", "current-context": config.scalar("current-context")}
    for section, inner in LISTS.items():
        entries = config.entries(section)
        merged[section] = [{"name": name, inner: entries[name]} for name in sorted(entries)] or None
    if options.minify:
        _minify(merged, options)
    if not options.raw:
        for section, inner in LISTS.items():
            for entry in merged[section] or []:
                entry[inner] = {key: _redacted(key, value) for key, value in entry[inner].items()}
    show = printer.make(session, options)
    if show is None:
        from navarch.cli.output.yaml import dump

        show = dump
    session.write(show(merged))
    return 0


def _redacted(key: str, value: Any) -> Any:
    if key not in _SECRET:
        return value
    return "REDACTED" if key in ("token", "password") else "DATA+OMITTED"


def _minify(merged: Tree, options: Options) -> None:
    name = options.context or merged["current-context"]
    context = next((e["context"] for e in merged["contexts"] or [] if e["name"] == name), None)
    if context is None:
        raise CliError("current-context must exist in order to minify")
    merged["current-context"] = name
    keep = {"contexts": name, "clusters": context.get("cluster"), "users": context.get("user")}
    for section, wanted in keep.items():
        merged[section] = [entry for entry in merged[section] or [] if entry["name"] == wanted] or None


def _get_contexts(session: Session, options: Options, words: Words) -> int:
    contexts = session.config.entries("contexts")
    current = session.config.scalar("current-context")
    names = words.args or sorted(contexts)
    problems: list[CliError] = []
    rows = [] if options.no_headers else [["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]]
    for name in names:
        context = contexts.get(name)
        if context is None:
            problems.append(CliError(f"context {name} not found"))
            continue
        mark = "*" if name == current else ""
        rows.append([mark, name, *(context.get(key, "") for key in ("cluster", "user", "namespace"))])
    if options.output == "name":
        session.write("".join(f"{row[1]}\n" for row in rows if row[0] in ("", "*")))
    else:
        session.write(lines(rows))
    raise_all(problems)
    return 0


def _names(section: str) -> Callable[[Session, Options, Words], int]:
    def run(session: Session, options: Options, words: Words) -> int:
        session.write("".join(f"{name}\n" for name in ["NAME", *sorted(session.config.entries(section))]))
        return 0

    return run


def _current(session: Session, options: Options, words: Words) -> int:
    current = session.config.scalar("current-context")
    if not current:
        raise CliError("current-context is not set")
    session.say(current)
    return 0


def _one(words: Words) -> str:
    if len(words.args) != 1:
        raise UsageError(f"Unexpected args: {words.args}")
    return words.args[0]


def _use_context(session: Session, options: Options, words: Words) -> int:
    name, config = _one(words), session.config
    if name not in config.entries("contexts"):
        raise CliError(f'no context exists with the name: "{name}"')
    path = config.home_of_scalar("current-context")
    _tree(config, path)["current-context"] = name
    save(config, path)
    session.say(f'Switched to context "{name}".')
    return 0


def _set_context(session: Session, options: Options, words: Words) -> int:
    config = session.config
    name = config.scalar("current-context") if options.current else _one(words)
    if not name:
        raise CliError("no current context is set")
    values: Tree = {key: getattr(options, key) for key in ("cluster", "user", "namespace") if key in options.given}
    new = _set_entry(config, "contexts", name, values)
    session.say(f'Context "{name}" {"created" if new else "modified"}.')
    return 0


def _set_cluster(session: Session, options: Options, words: Words) -> int:
    name = _one(words)
    values: Tree = {}
    for flag in ("server", "tls-server-name", "proxy-url"):
        if flag in options.given:
            values[flag] = getattr(options, flag.replace("-", "_"))
    if "insecure-skip-tls-verify" in options.given:
        values["insecure-skip-tls-verify"] = options.insecure_skip_tls_verify or None
    if "certificate-authority" in options.given:
        values |= _file_or_data("certificate-authority", options.certificate_authority, options.embed_certs)
    _set_entry(session.config, "clusters", name, values)
    session.say(f'Cluster "{name}" set.')
    return 0


def _set_credentials(session: Session, options: Options, words: Words) -> int:
    name = _one(words)
    values: Tree = {}
    for flag in ("token", "username", "password"):
        if flag in options.given:
            values[flag] = getattr(options, flag)
    for flag in ("client-certificate", "client-key"):
        if flag in options.given:
            values |= _file_or_data(flag, getattr(options, flag.replace("-", "_")), options.embed_certs)
    if options.exec_command:
        variables = [dict(zip(("name", "value"), t.partition("=")[::2], strict=True)) for t in options.exec_env]
        values["exec"] = {
            "apiVersion": options.exec_api_version or "client.authentication.k8s.io/v1",
            "command": options.exec_command,
            "args": options.exec_arg or None,
            "env": variables or None,
            "interactiveMode": options.exec_interactive_mode or "IfAvailable",
            "provideClusterInfo": options.exec_provide_cluster_info,
        }
    _set_entry(session.config, "users", name, values)
    session.say(f'User "{name}" set.')
    return 0


def _file_or_data(key: str, path: str, embed: bool) -> Tree:
    if not embed:
        return {key: os.path.abspath(path), f"{key}-data": None}
    try:
        with open(path, "rb") as file:
            return {key: None, f"{key}-data": b64encode(file.read()).decode()}
    except OSError as error:
        raise CliError(f"could not read {key} data from {path}: {error.strerror}") from error


def _rename(session: Session, options: Options, words: Words) -> int:
    if len(words.args) != 2:
        raise UsageError(f"Unexpected args: {words.args}")
    (old, new), config = words.args, session.config
    path = config.home_of("contexts", old)
    if old not in config.entries("contexts"):
        raise CliError(f'cannot rename the context "{old}", it\'s not in {_shown(path)}')
    if new in config.entries("contexts"):
        raise CliError(f'cannot rename the context "{old}", the context "{new}" already exists in {_shown(path)}')
    tree = config.trees[path]
    for entry in tree["contexts"]:
        if entry["name"] == old:
            entry["name"] = new
    tree["contexts"].sort(key=lambda e: str(e["name"]))
    if tree.get("current-context") == old:
        tree["current-context"] = new
    save(config, path)
    session.say(f'Context "{old}" renamed to "{new}".')
    return 0


def _shown(path: str) -> str:
    return path


def _delete(section: str, what: str) -> Callable[[Session, Options, Words], int]:
    def run(session: Session, options: Options, words: Words) -> int:
        name, config = _one(words), session.config
        path = config.home_of(section, name)
        if name not in config.entries(section):
            raise CliError(f"cannot delete {what} {name}, not in {_shown(path)}")
        if section == "contexts" and config.scalar("current-context") == name:
            session.complain(
                'warning: this removed your active context, use "kubectl config use-context" to select a different one'
            )
        tree = config.trees[path]
        tree[section] = [entry for entry in tree[section] if entry.get("name") != name] or None
        save(config, path)
        session.say(f"deleted {what} {name} from {_shown(path)}")
        return 0

    return run


def _set(session: Session, options: Options, words: Words) -> int:
    if len(words.args) != 2:
        raise UsageError(f"Unexpected args: {words.args}")
    steps = words.args[0].split(".")
    config = session.config
    value: Any = words.args[1]
    if options.set_raw_bytes:
        value = b64encode(value.encode()).decode()
    if steps[0] in LISTS and len(steps) >= 3:
        key = ".".join(steps[2:])
        _set_entry(config, steps[0], steps[1], {key: {"true": True, "false": False}.get(value, value)})
    elif steps[0] in ("current-context", "apiVersion", "kind") and len(steps) == 1:
        path = config.home_of_scalar(steps[0])
        _tree(config, path)[steps[0]] = value
        save(config, path)
    else:
        raise CliError(f"unable to locate path {words.args[0]}")
    session.say(f'Property "{words.args[0]}" set.')
    return 0


def _unset(session: Session, options: Options, words: Words) -> int:
    name, config = _one(words), session.config
    steps = name.split(".")
    if steps[0] in LISTS and len(steps) == 2:
        path = config.home_of(steps[0], steps[1])
        tree = _tree(config, path)
        tree[steps[0]] = [entry for entry in tree.get(steps[0]) or [] if entry.get("name") != steps[1]] or None
        save(config, path)
    elif steps[0] in LISTS and len(steps) > 2:
        _set_entry(config, steps[0], steps[1], {".".join(steps[2:]): None})
    elif len(steps) == 1:
        path = config.home_of_scalar(name)
        tree = _tree(config, path)
        tree[name] = None if name in LISTS else ""
        save(config, path)
    else:
        raise CliError(f"unable to locate path {name}")
    session.say(f'Property "{name}" unset.')
    return 0


_OUTPUT = Flag("output", "o", help="name: print only the names")
COMMAND = Command(
    name="config",
    summary="Show and change kubeconfig files",
    usage="SUBCOMMAND",
    children=(
        Command("current-context", "Show the current context", run=_current),
        Command("delete-cluster", "Delete a cluster", run=_delete("clusters", "cluster"), usage="NAME"),
        Command("delete-context", "Delete a context", run=_delete("contexts", "context"), usage="NAME"),
        Command("delete-user", "Delete a user", run=_delete("users", "user"), usage="NAME"),
        Command("get-clusters", "List the clusters", run=_names("clusters")),
        Command(
            "get-contexts",
            "List the contexts",
            (Flag("no-headers", kind="bool", help="Leave out the column headers"), _OUTPUT),
            _get_contexts,
            usage="[(-o|--output=)name)]",
        ),
        Command("get-users", "List the users", run=_names("users")),
        Command("rename-context", "Rename a context", run=_rename, usage="CONTEXT_NAME NEW_NAME"),
        Command(
            "set",
            "Set one value",
            (Flag("set-raw-bytes", kind="bool", help="The value is bytes; keep it in base64"),),
            _set,
            usage="PROPERTY_NAME PROPERTY_VALUE",
        ),
        Command(
            "set-cluster",
            "Set a cluster",
            (
                Flag("embed-certs", kind="bool", help="Copy the certificates into the kubeconfig"),
                Flag("proxy-url", help="Proxy to reach the server through"),
            ),
            _set_cluster,
            usage="NAME [--server=server] [--certificate-authority=path/to/certificate/authority]",
        ),
        Command(
            "set-context",
            "Set a context",
            (Flag("current", kind="bool", help="Change the current context"),),
            _set_context,
            usage="[NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]",
            examples=(("Another namespace", "config set-context --current --namespace=team-a"),),
        ),
        Command(
            "set-credentials",
            "Set a user",
            (
                Flag("embed-certs", kind="bool", help="Copy the certificate and key into the kubeconfig"),
                Flag("exec-api-version", help="Version of the exec plugin's API"),
                Flag("exec-arg", kind="list", help="An argument of the exec plugin"),
                Flag("exec-command", help="Program that gives credentials"),
                Flag("exec-env", kind="array", help="An environment variable of the exec plugin"),
                Flag("exec-interactive-mode", help="Never, IfAvailable or Always"),
                Flag("exec-provide-cluster-info", kind="bool", help="Tell the exec plugin about the cluster"),
            ),
            _set_credentials,
            usage="NAME [--client-certificate=path/to/certfile] [--client-key=path/to/keyfile] [--token=bearer_token]",
        ),
        Command("unset", "Take one value away", run=_unset, usage="PROPERTY_NAME"),
        Command("use-context", "Choose the current context", run=_use_context, usage="CONTEXT_NAME", aliases=("use",)),
        Command(
            "view",
            "Show the kubeconfig, all files merged",
            (
                *printer.PRINT_FLAGS,
                Flag("flatten", kind="bool", help="Put files' contents in"),
                Flag("merge", kind="bool", default=True, hidden=True),
                Flag("minify", kind="bool", help="Only what the current context needs"),
                Flag("raw", kind="bool", help="Show certificates and secrets"),
            ),
            _view,
        ),
    ),
)
