"""`navarch token create|list|delete`: bootstrap tokens, with which nodes join, as `kubeadm token` does it.

Works on any cluster that a kubeconfig leads to: a profile's, or one of `navarch control-plane`.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import secrets
import ssl
import string
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from navarch.app import join_objects
from navarch.base.errors import LaunchError, StatusError
from navarch.base.times import format_duration, parse
from navarch.client.rest import error_of
from navarch.launch import kubeconfig
from navarch.launch.output import Output
from navarch.schema.types import Tree

TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")
_ALPHABET = string.ascii_lowercase + string.digits
_SECRETS = "/api/v1/namespaces/kube-system/secrets"
USAGES = ("signing", "authentication")
DEFAULT_TTL_S = 24 * 3600.0
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Administrator:
    """How a kubeconfig leads to a cluster. `authority` is the file with its CA certificate."""

    server: str
    authority: str
    certificate: str
    key: str

    def ask(self, method: str, path: str, tree: Tree | None = None) -> Tree:
        """The answer. Raises: StatusError as the server says it, LaunchError when it does not answer."""
        context = ssl.create_default_context(cafile=self.authority)
        context.load_cert_chain(self.certificate, self.key)
        parts = urlsplit(self.server)
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port or 443, context=context, timeout=TIMEOUT_S
        )
        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "navarch"}
        try:
            connection.request(method, path, orjson.dumps(tree) if tree is not None else None, headers)
            response = connection.getresponse()
            status, body = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            text = f"the API server at {self.server} does not answer: {error}"
            raise LaunchError("K8S_APISERVER_STOPPED", text, "is the cluster running?", 105) from error
        finally:
            connection.close()
        if status >= 400:
            raise error_of(status, body)
        found: Tree = orjson.loads(body)
        return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """The token to make; "" draws one. `ttl_s` 0: it never ends."""

    token: str = ""
    ttl_s: float = DEFAULT_TTL_S
    description: str = ""
    usages: tuple[str, ...] = USAGES
    groups: tuple[str, ...] = (join_objects.DEFAULT_GROUP,)


def administrator(path: Path, context: str) -> Administrator:
    """The user of a context, "" for the current one. Raises: LaunchError."""
    config = kubeconfig.read(path)
    try:
        named = {
            kind: {entry["name"]: entry[kind.removesuffix("s")] for entry in config[kind]}
            for kind in ("clusters", "contexts", "users")
        }
        chosen = named["contexts"][context or config["current-context"]]
        cluster, user = named["clusters"][chosen["cluster"]], named["users"][chosen["user"]]
        files = (cluster["certificate-authority"], user["client-certificate"], user["client-key"])
        return Administrator(cluster["server"], *files)
    except (KeyError, TypeError) as error:
        raise LaunchError(
            "HOST_KUBECONFIG",
            f"{path} does not lead to a cluster with certificates as files: {error} is missing",
            "name another with --kubeconfig",
            64,
        ) from error


def generate() -> str:
    def draw(length: int) -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(length))

    return f"{draw(6)}.{draw(16)}"


def ca_hash(ca_pem: bytes) -> str:
    """`sha256:` and the digest of the authority's public key, as --discovery-token-ca-cert-hash takes it."""
    public = x509.load_pem_x509_certificate(ca_pem).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256:" + hashlib.sha256(der).hexdigest()


def create(admin: Administrator, wanted: Wanted, print_join_command: bool, out: Output) -> int:
    """Make a token, and first what newcomers need. Raises: LaunchError."""
    token = wanted.token or generate()
    if not TOKEN.fullmatch(token):
        raise LaunchError(
            "MK_USAGE",
            f'the bootstrap token "{token}" was not of the form "[a-z0-9]{{6}}.[a-z0-9]{{16}}"',
            "leave it away to have one drawn",
            64,
        )
    if unknown := sorted(set(wanted.usages) - set(USAGES)):
        raise LaunchError("MK_USAGE", f"invalid bootstrap token usage: {unknown[0]}", f"usages: {','.join(USAGES)}", 64)
    ends_at = time.time() + wanted.ttl_s if wanted.ttl_s else None
    secret = join_objects.token_secret(token, ends_at, wanted.description, wanted.usages, wanted.groups)
    with _refusals():
        _create(admin, secret)
    if print_join_command:
        address = admin.server.partition("://")[2]
        found = ca_hash(Path(admin.authority).read_bytes())
        out.plain(f"navarch node join {address} --token {token} --discovery-token-ca-cert-hash {found}")
    else:
        out.plain(token)
    return 0


def _create(admin: Administrator, secret: Tree) -> None:
    service = admin.ask("GET", "/api/v1/namespaces/default/services/kubernetes")
    info = join_objects.cluster_info(admin.server, Path(admin.authority).read_text())
    _ensure(admin, "/api/v1/namespaces/kube-public/configmaps", info)
    config = join_objects.kubelet_config(_dns_ip(service["spec"]["clusterIP"]), "cluster.local")
    _ensure(admin, "/api/v1/namespaces/kube-system/configmaps", config)
    for path, tree in join_objects.access():
        _ensure(admin, path, tree)
    admin.ask("POST", _SECRETS, secret)


def _dns_ip(first: str) -> str:
    """DNS has the tenth address of the range whose first one is given."""
    head, _, last = first.rpartition(".")
    return f"{head}.{int(last) + 9}"


def _ensure(admin: Administrator, path: str, tree: Tree) -> None:
    try:
        admin.ask("POST", path, tree)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise


@contextmanager
def _refusals() -> Iterator[None]:
    """What the server refuses is said as the launcher says it."""
    try:
        yield
    except StatusError as error:
        raise LaunchError("K8S_APISERVER_REFUSED", f"the API server says: {error.message}", "", 104) from error


def list_tokens(admin: Administrator, out: Output) -> int:
    """A line for each. Raises: LaunchError."""
    selector = f"fieldSelector=type%3D{join_objects.TOKEN_TYPE}"
    with _refusals():
        found = admin.ask("GET", f"{_SECRETS}?{selector}")
    rows: list[tuple[str, ...]] = [("TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS")]
    rows += [row(secret, time.time()) for secret in found["items"]]
    widths = [max(len(each[column]) for each in rows) for column in range(len(rows[0]))]
    for each in rows:
        out.plain("   ".join(cell.ljust(width) for cell, width in zip(each, widths, strict=True)).rstrip())
    return 0


def row(secret: Tree, now: float) -> tuple[str, ...]:
    data = {name: base64.b64decode(value).decode() for name, value in (secret.get("data") or {}).items()}
    ends = data.get("expiration", "")
    left = "<forever>" if not ends else format_duration(max(0.0, float(int(parse(ends) - now))))
    usages = ",".join(sorted(u for u in ("authentication", "signing") if data.get(f"usage-bootstrap-{u}") == "true"))
    token = f"{data.get('token-id', '')}.{data.get('token-secret', '')}"
    return (
        token,
        left,
        ends or "<never>",
        usages or "<none>",
        data.get("description") or "<none>",
        data.get("auth-extra-groups") or "<none>",
    )


def delete(admin: Administrator, tokens: Sequence[str], out: Output) -> int:
    """By tokens or their ids. Raises: LaunchError."""
    for token in tokens:
        token_id = token.partition(".")[0]
        with _refusals():
            admin.ask("DELETE", f"{_SECRETS}/bootstrap-token-{token_id}")
        out.plain(f'bootstrap token "{token_id}" deleted')
    return 0
