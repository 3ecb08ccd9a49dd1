"""The kubeconfig: files, merged; contexts; the flags that overrule them; what to connect to.

The files are read as plain trees and stay so, because `kubectl config` writes them back. A file is
remembered per entry: a change goes to the file that had it.

Source: client-go `tools/clientcmd` (merging order, overrides, error texts).
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from navarch.cli.errors import CliError, ConfigError
from navarch.cli.flags import Options, duration
from navarch.cli.preferences import Preferences
from navarch.cli.rest import Endpoint

if TYPE_CHECKING:
    from navarch.schema.types import Tree


#: The named lists of a kubeconfig, and the key of what each entry holds.
LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class Kubeconfig:
    """All files of one command: `files` in order of precedence, with their trees (None: no such file)."""

    def __init__(self, files: list[str], *, explicit: bool) -> None:
        self.files = files
        self.explicit = explicit
        self.trees: dict[str, Tree] = {}
        for path in files:
            tree = _read(path)
            if tree is not None:
                self.trees[path] = tree
        if explicit and not self.trees:
            raise CliError(f"stat {files[0]}: no such file or directory")

    def scalar(self, key: str) -> Any:
        """The first file that says something wins."""
        return next((tree[key] for tree in self.trees.values() if tree.get(key)), "")

    def entries(self, section: str) -> dict[str, Tree]:
        """`clusters`, `contexts` or `users` by name, files merged."""
        inner = LISTS[section]
        found: dict[str, Tree] = {}
        for tree in self.trees.values():
            for entry in tree.get(section) or []:
                found.setdefault(entry.get("name", ""), entry.get(inner) or {})
        return found

    def home_of(self, section: str, name: str) -> str:
        """The file that has the entry, else the file that new entries go to."""
        for path, tree in self.trees.items():
            if any(entry.get("name") == name for entry in tree.get(section) or []):
                return path
        return self.main_file

    def home_of_scalar(self, key: str) -> str:
        return next((path for path, tree in self.trees.items() if tree.get(key)), self.main_file)

    @property
    def main_file(self) -> str:
        return next(iter(self.trees), self.files[-1])


def _read(path: str) -> Tree | None:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CliError(f'error loading config file "{path}": {error.strerror}') from error
    return parse(data, path)


def parse(data: bytes, path: str) -> Tree:
    """A kubeconfig's tree. Raises: CliError."""
    from navarch.cli.config_text import read_simple

    tree: Any = read_simple(data)
    if tree is None:
        from navarch.base.yaml import YamlError, load  # only for files in an unusual form

        try:
            tree = load(data) or {}
        except YamlError as error:
            why = f"couldn't get version/kind; json parse error: error converting YAML to JSON: {error}"
            raise CliError(f'error loading config file "{path}": {why}') from error
    if not isinstance(tree, dict):
        raise CliError(f'error loading config file "{path}": it holds no mapping')
    if tree.get("apiVersion", "v1") != "v1":
        why = f'no kind "{tree.get("kind", "")}" is registered for version "{tree["apiVersion"]}"'
        raise CliError(f'error loading config file "{path}": {why} in scheme "pkg/runtime/scheme.go"')
    return tree


def load(options: Options, env: Mapping[str, str]) -> Kubeconfig:
    """The files that the flags and the environment name."""
    if options.kubeconfig:
        return Kubeconfig([options.kubeconfig], explicit=True)
    listed = [path for path in env.get("KUBECONFIG", "").split(os.pathsep) if path]
    home = env.get("HOME") or os.path.expanduser("~")
    files = list(dict.fromkeys(listed)) or [os.path.join(home, ".kube", "config")]
    return Kubeconfig(files, explicit=False)


class Target:
    """The chosen context with the flags applied: cluster, user and namespace."""

    def __init__(self, config: Kubeconfig, options: Options) -> None:
        name = options.context or config.scalar("current-context")
        contexts = config.entries("contexts")
        if options.context and options.context not in contexts:
            raise ConfigError(f"context was not found for specified context: {options.context}")
        self.context = name
        context = contexts.get(name, {})
        if name and name not in contexts:
            raise ConfigError(f"context was not found for specified context: {name}")
        self.namespace = options.namespace or context.get("namespace") or ""
        self.user_name: str = options.user or context.get("user", "")
        self.cluster = self._pick(config, "clusters", options.cluster or context.get("cluster", ""))
        self.user = self._pick(config, "users", options.user or context.get("user", ""))
        self.cluster_home = os.path.dirname(config.home_of("clusters", options.cluster or context.get("cluster", "")))
        self.user_home = os.path.dirname(config.home_of("users", options.user or context.get("user", "")))

    @staticmethod
    def _pick(config: Kubeconfig, section: str, name: str) -> Tree:
        entries = config.entries(section)
        if name and name not in entries and section == "clusters":
            raise CliError(f'no server found for cluster "{name}"')
        if name and name not in entries:
            raise CliError(f'auth info "{name}" does not exist')
        return entries.get(name, {})


def endpoint(
    config: Kubeconfig, options: Options, env: Mapping[str, str], preferences: Preferences
) -> tuple[Endpoint, str]:
    """What to connect to, and the namespace to work in. Raises: ConfigError, CliError."""
    inside = _in_cluster(env) if not config.trees and not options.server else None
    if inside is not None:
        return inside[0], options.namespace or inside[1]
    target = Target(config, options)
    cluster = target.cluster
    server = options.server or cluster.get("server") or "http://localhost:8080"
    if options.insecure_skip_tls_verify and (options.certificate_authority or cluster.get("certificate-authority")):
        raise CliError("specifying a root certificates file with the insecure flag is not allowed")
    headers, pair = _identity(target, options, env, server, preferences)
    ca = _content(cluster, "certificate-authority", target.cluster_home)
    if options.certificate_authority:
        ca = _file(options.certificate_authority)
    made = Endpoint(
        server=server.rstrip("/"),
        headers=headers,
        ca=ca,
        certificate=pair[0],
        key=pair[1],
        server_name=options.tls_server_name or cluster.get("tls-server-name") or "",
        insecure=options.insecure_skip_tls_verify or bool(cluster.get("insecure-skip-tls-verify")),
        timeout_s=request_timeout(options.request_timeout),
    )
    return made, target.namespace or "default"


def request_timeout(text: str) -> float:
    """Seconds, from `--request-timeout`. Raises: CliError."""
    if text.isdecimal():
        return float(text)
    try:
        return duration(text)
    except ValueError:
        raise CliError(
            "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a "
            "corresponding time unit (e.g. 1s | 2m | 3h)"
        ) from None


def _identity(
    target: Target, options: Options, env: Mapping[str, str], server: str, preferences: Preferences
) -> tuple[list[tuple[str, str]], tuple[bytes, bytes]]:
    """The headers that say who we are, and the client certificate with its key."""
    user, home, name_of_user = target.user, target.user_home, target.user_name
    headers: list[tuple[str, str]] = []
    certificate = _content(user, "client-certificate", home)
    key = _content(user, "client-key", home)
    if options.client_certificate:
        certificate, key = _file(options.client_certificate), _file(options.client_key)
    token = options.token or user.get("token") or ""
    if not token and user.get("tokenFile"):
        token = _file(os.path.join(home, user["tokenFile"])).decode().strip()
    name, password = options.username or user.get("username"), options.password or user.get("password")
    if not token and not certificate and user.get("exec"):
        from navarch.cli.exec_credential import run_plugin  # few have one

        if why := preferences.refusal(user["exec"]["command"]):
            raise CliError(f"Unable to connect to the server: getting credentials: {why}", prefix=False)
        credential = run_plugin(user["exec"], env, server, name_of_user)
        token = credential.token
        if credential.certificate:
            certificate, key = credential.certificate, credential.key
    if token:
        headers.append(("Authorization", f"Bearer {token}"))
    elif name:
        headers.append(("Authorization", "Basic " + b64encode(f"{name}:{password or ''}".encode()).decode()))
    return headers + _impersonation(user, options), (certificate, key)


def _impersonation(user: Tree, options: Options) -> list[tuple[str, str]]:
    name = getattr(options, "as") or user.get("as") or ""
    groups = options.as_group or user.get("as-groups") or []
    uid = options.as_uid or user.get("as-uid") or ""
    extra: dict[str, list[str]] = dict(user.get("as-user-extra") or {})
    for item in options.as_user_extra:
        key, _, value = item.partition("=")
        extra.setdefault(key, []).append(value)
    if (groups or uid or extra) and not name:
        raise CliError("requesting uid, groups or user-extra without impersonating a user")
    headers = [("Impersonate-User", name)] if name else []
    headers += [("Impersonate-Group", group) for group in groups]
    headers += [("Impersonate-Uid", uid)] if uid else []
    return headers + [(f"Impersonate-Extra-{key}", value) for key, values in extra.items() for value in values]


def _content(entry: Tree, key: str, home: str) -> bytes:
    """A certificate or key that stands in the entry (`KEY-data`) or in a file that it names."""
    data = entry.get(f"{key}-data")
    if data:
        return b64decode(data)
    path = entry.get(key)
    return _file(os.path.join(home, path)) if path else b""


def _file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CliError(f"unable to read {path}: {(error.strerror or '').lower()}") from error


def _in_cluster(env: Mapping[str, str]) -> tuple[Endpoint, str] | None:
    """A pod's own way to the API server, where there is no kubeconfig."""
    host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT")
    if not (host and port and os.path.exists(f"{_SERVICE_ACCOUNT}/token")):
        return None
    token = _file(f"{_SERVICE_ACCOUNT}/token").decode().strip()
    namespace = _file(f"{_SERVICE_ACCOUNT}/namespace").decode().strip()
    headers = (("Authorization", f"Bearer {token}"),)
    return Endpoint(f"https://{host}:{port}", headers, _file(f"{_SERVICE_ACCOUNT}/ca.crt")), namespace
