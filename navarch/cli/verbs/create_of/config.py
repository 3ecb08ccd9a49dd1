"""`kubectl create namespace`, `configmap`, `secret` and `serviceaccount`."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterator

from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.generators import command, key_value
from navarch.schema.types import Tree

_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_SOURCES: tuple[Flag, ...] = (
    Flag("append-hash", kind="bool", help="Append a hash of the content to the name"),
    Flag("from-env-file", kind="list", help="File of key=value lines, each an entry"),
    Flag("from-file", kind="list", help="File, directory or key=file whose content is an entry"),
    Flag("from-literal", kind="array", help="An entry: key=value"),
)


def namespace(name: str, options: Options, words: Words) -> Tree:
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}, "spec": {}, "status": {}}


def serviceaccount(name: str, options: Options, words: Words) -> Tree:
    return {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": name}}


def configmap(name: str, options: Options, words: Words) -> Tree:
    data: dict[str, str] = {}
    binary: dict[str, str] = {}
    for key, value in entries(options):
        if key in data or key in binary:
            raise CliError(
                f'cannot add key "{key}", another key by that name already exists in Data for ConfigMap "{name}"'
            )
        try:
            data[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = b64encode(value).decode()
    tree: Tree = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}}
    if data:
        tree["data"] = dict(sorted(data.items()))
    if binary:
        tree["binaryData"] = dict(sorted(binary.items()))
    return _hashed(tree, options, {"data": tree.get("data", ""), **({"binaryData": binary} if binary else {})})


def secret_generic(name: str, options: Options, words: Words) -> Tree:
    data = {key: b64encode(value).decode() for key, value in sorted(entries(options))}
    return _secret(name, options, data, options.type)


def secret_tls(name: str, options: Options, words: Words) -> Tree:
    for flag in ("cert", "key"):
        if not getattr(options, flag):
            raise CliError("key and cert must be specified")
    data = {"tls.crt": _encoded(options.cert), "tls.key": _encoded(options.key)}
    return _secret(name, options, data, "kubernetes.io/tls")


def secret_docker_registry(name: str, options: Options, words: Words) -> Tree:
    from navarch.cli.output.json import compact

    if options.from_file:
        found = dict(_from_files(options.from_file, ".dockerconfigjson"))
        raw = next(iter(found.values()))
    else:
        if not (options.docker_username and options.docker_password and options.docker_server):
            raise CliError(
                "either --from-file or the combination of --docker-username, --docker-password and --docker-server "
                "is required"
            )
        entry = {"username": options.docker_username, "password": options.docker_password}
        if options.docker_email:
            entry["email"] = options.docker_email
        entry["auth"] = b64encode(f"{options.docker_username}:{options.docker_password}".encode()).decode()
        raw = compact({"auths": {options.docker_server: entry}}, sort=False).encode()
    data = {".dockerconfigjson": b64encode(raw).decode()}
    return _secret(name, options, data, "kubernetes.io/dockerconfigjson")


def _secret(name: str, options: Options, data: dict[str, str], kind: str) -> Tree:
    tree: Tree = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}}
    if data:
        tree["data"] = data
    if kind:
        tree["type"] = kind
    return _hashed(tree, options, {"kind": "Secret", "type": kind, "name": name, "data": data})


def _hashed(tree: Tree, options: Options, content: Tree) -> Tree:
    if options.append_hash:
        from navarch.cli.content_hash import content_hash

        tree["metadata"]["name"] += "-" + content_hash(tree["kind"], tree["metadata"]["name"], content)
    return tree


def entries(options: Options) -> Iterator[tuple[str, bytes]]:
    """The entries that the flags give. Raises: CliError."""
    if options.from_env_file and (options.from_file or options.from_literal):
        raise CliError("from-env-file cannot be combined with from-file or from-literal")
    for literal in options.from_literal:
        key, value = key_value(literal, "literal source")
        if not key:
            raise CliError(f"invalid literal source {literal}, expected key=value")
        yield _checked(key), _unquoted(value).encode()
    yield from _from_files(options.from_file)
    for path in options.from_env_file:
        for line in _content(path).decode(errors="replace").splitlines():
            text = line.lstrip()
            if text and not text.startswith("#"):
                key, equals, value = text.partition("=")
                yield _checked(key), (value if equals else os.environ.get(key, "")).encode()


def _from_files(sources: list[str], default_key: str = "") -> Iterator[tuple[str, bytes]]:
    for source in sources:
        key, equals, path = source.partition("=")
        if not equals:
            path, key = source, default_key or os.path.basename(source)
        elif not key or not path:
            raise CliError(f"key name for file path {path} missing" if not key else f"file path for key {key} missing")
        if not os.path.isdir(path):
            yield _checked(key), _content(path)
            continue
        if equals:
            raise CliError("cannot give a key name for a directory path")
        for file in sorted(os.listdir(path)):
            full = os.path.join(path, file)
            if os.path.isfile(full) and _KEY.fullmatch(file):
                yield file, _content(full)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CliError(f"error reading {path}: {(error.strerror or '').lower()}") from error


def _encoded(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return b64encode(file.read()).decode()
    except OSError as error:
        why = (error.strerror or "").lower()
        raise CliError(f"Cannot read file {path}, open {path}: {why}") from error


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise CliError(
            f'"{key}" is not a valid key name: a valid config key must consist of alphanumeric characters, '
            "'-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
            "'[-._a-zA-Z0-9]+')"
        )
    return key


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" else value


NAMESPACE = command("namespace", "Create a namespace", namespace, aliases=("ns",), example="create namespace team-a")
SERVICEACCOUNT = command(
    "serviceaccount",
    "Create a service account",
    serviceaccount,
    failure="failed to create serviceaccount",
    aliases=("sa",),
    example="create serviceaccount robot",
)
CONFIGMAP = command(
    "configmap",
    "Create a config map of files or literal values",
    configmap,
    _SOURCES,
    failure="failed to create configmap",
    aliases=("cm",),
    usage="NAME [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]",
    example="create configmap settings --from-literal=color=blue --from-file=config.ini",
)
_GENERIC = command(
    "generic",
    "Create a secret of files or literal values",
    secret_generic,
    (*_SOURCES, Flag("type", help="The secret's type")),
    failure="failed to create secret",
    usage="NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]",
    example="create secret generic login --from-literal=password=secret",
)
_TLS = command(
    "tls",
    "Create a secret of a certificate and its key",
    secret_tls,
    (
        Flag("append-hash", kind="bool", help="Append a hash of the content to the name"),
        Flag("cert", help="File with the certificate"),
        Flag("key", help="File with the private key"),
    ),
    failure="failed to create secret",
    usage="NAME --cert=path/to/cert/file --key=path/to/key/file",
    example="create secret tls site --cert=site.crt --key=site.key",
)
_DOCKER = command(
    "docker-registry",
    "Create a secret for an image registry",
    secret_docker_registry,
    (
        Flag("append-hash", kind="bool", help="Append a hash of the content to the name"),
        Flag("docker-email", help="Address of the user"),
        Flag("docker-password", help="Password of the user"),
        Flag("docker-server", default="https://index.docker.io/v1/", help="Address of the registry"),
        Flag("docker-username", help="Name of the user"),
        Flag("from-file", kind="list", help="Docker's configuration file"),
    ),
    failure="failed to create secret",
    usage="NAME --docker-username=user --docker-password=password --docker-email=email",
    example="create secret docker-registry pull --docker-username=me --docker-password=secret",
)
SECRET = Command(
    name="secret",
    summary="Create a secret: docker-registry, generic or tls",
    usage="(docker-registry | generic | tls)",
    children=(_DOCKER, _GENERIC, _TLS),
)
