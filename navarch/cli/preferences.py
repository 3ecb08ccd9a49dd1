"""The user's preferences (kuberc): other defaults of flags, aliases of commands, which programs may give credentials.

    apiVersion: kubectl.config.k8s.io/v1beta1
    kind: Preference
    defaults: [{command: delete, options: [{name: interactive, default: "true"}]}]
    aliases: [{name: getn, command: get, prependArgs: [namespace], options: [{name: output, default: json}]}]

The older form v1alpha1 says `overrides` and `flags` instead of `defaults` and `options`. A flag on the line goes before
both. Where there is no file, one look for it is all that this costs.

Source: KEP-3104; kubectl `pkg/kuberc`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from navarch.cli.errors import CliError

if TYPE_CHECKING:
    from navarch.schema.types import Tree

GROUP = "kubectl.config.k8s.io/"
POLICIES = ("", "AllowAll", "DenyAll", "Allowlist")
Defaults = Sequence[tuple[str, str]]


class Alias(NamedTuple):
    """`command`: the words that it stands for; `before` and `after`: arguments around those of the line."""

    command: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    defaults: Defaults


class Preferences(NamedTuple):
    """`defaults`: by the command's words, as in `create role`."""

    defaults: Mapping[str, Defaults]
    aliases: Mapping[str, Alias]
    plugin_policy: str = ""
    plugins: tuple[str, ...] = ()

    def refusal(self, program: str) -> str:
        """Why a program may not give credentials; empty if it may."""
        if self.plugin_policy == "DenyAll":
            return f'plugin "{program}" not allowed: policy set to "DenyAll"'
        if (
            self.plugin_policy == "Allowlist"
            and program not in self.plugins
            and os.path.basename(program) not in self.plugins
        ):
            return f'plugin path "{program}" is not permitted by the credential plugin allowlist'
        return ""


NONE = Preferences({}, {})


def load(argv: Sequence[str], env: Mapping[str, str]) -> Preferences:
    """Those of `--kuberc`, of $KUBERC or of ~/.kube/kuberc. Raises: CliError."""
    if env.get("KUBECTL_KUBERC", "").lower() in ("false", "0", "f") or env.get("KUBERC") == "off":
        return NONE
    given = _given(argv) or env.get("KUBERC", "")
    path = path_of(given, env)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        if given:
            raise CliError(f"kuberc: open {path}: {(error.strerror or '').lower()}") from error
        return NONE
    return parse(data, path)


def path_of(given: str, env: Mapping[str, str]) -> str:
    """Where the preferences lie; `given` is what `--kuberc` says."""
    named = given or env.get("KUBERC", "")
    return named or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".kube", "kuberc")


def parse(data: bytes, path: str) -> Preferences:
    """The first document of a known version. Raises: CliError."""
    from navarch.base.yaml import YamlError, load_all  # few have such a file

    try:
        documents = [tree for tree in load_all(data) if isinstance(tree, dict)]
    except YamlError as error:
        raise CliError(f'error loading kuberc file "{path}": {error}') from error
    for tree in documents:
        if str(tree.get("apiVersion", "")).startswith(GROUP) and tree.get("kind") == "Preference":
            return _read(tree, path)
    raise CliError(
        f'error loading kuberc file "{path}": no valid preferences found; it needs kind Preference of {GROUP}v1beta1'
    )


def _read(tree: Tree, path: str) -> Preferences:
    policy = tree.get("credentialPluginPolicy") or ""
    if policy not in POLICIES:
        raise CliError(f'error loading kuberc file "{path}": unknown credentialPluginPolicy "{policy}"')
    entries = tree.get("credentialPluginAllowlist") or []
    return Preferences(
        {each["command"]: _defaults(each) for each in tree.get("defaults") or tree.get("overrides") or []},
        {each["name"]: _alias(each) for each in tree.get("aliases") or []},
        policy,
        tuple(str(each.get("command") or each.get("name")) for each in entries),
    )


def _alias(entry: Tree) -> Alias:
    before, after = (tuple(map(str, entry.get(key) or ())) for key in ("prependArgs", "appendArgs"))
    return Alias(tuple(entry["command"].split()), before, after, _defaults(entry))


def _defaults(entry: Tree) -> Defaults:
    return [(each["name"], str(each.get("default", ""))) for each in entry.get("options") or entry.get("flags") or []]


def _given(argv: Sequence[str]) -> str:
    for i, word in enumerate(argv):
        if word == "--":
            break
        if word == "--kuberc":
            return argv[i + 1] if i + 1 < len(argv) else ""
        if word.startswith("--kuberc="):
            return word.removeprefix("--kuberc=")
    return ""
