"""The audit of a control plane, from its settings: the log file, and the server that is told of events.

Called by control_plane.py. The kubeconfig of `--audit-webhook-config-file` says where events go, as for
kube-apiserver: the server with its path, who signs its certificate, and how to show who asks.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final
from urllib.parse import urlsplit

from navarch.app.plane_flags import Settings
from navarch.base import yaml
from navarch.base.errors import UsageError
from navarch.seams.contract import Seams
from navarch.server.audit.log import AuditLog, LogFile, read_policy
from navarch.server.audit.webhook import AuditWebhook, BatchLimits, Post
from navarch.wire.collect import AnswerTooLong
from navarch.wire.kept import KeptConnections
from navarch.wire.relay import Upstream

_TIMEOUT_S: Final = 30.0
_MAX_ANSWER: Final = 1 << 20
_DAY_S: Final = 86_400


def audit_webhook(settings: Settings, seams: Seams) -> AuditWebhook | None:
    """Whom to tell of events; None if nobody. Raises: UsageError, OSError."""
    file = settings.audit_webhook_config_file
    if not file or not settings.audit_policy_file:
        return None
    limits = BatchLimits(
        settings.audit_webhook_batch_buffer_size,
        settings.audit_webhook_batch_max_size,
        settings.audit_webhook_batch_max_wait,
        settings.audit_webhook_batch_throttle_qps if settings.audit_webhook_batch_throttle_enable else 0,
        settings.audit_webhook_batch_throttle_burst,
        settings.audit_webhook_initial_backoff,
    )
    return AuditWebhook(post_of(Path(file)), seams.rng, limits)


def audit_log(settings: Settings, seams: Seams, webhook: AuditWebhook | None) -> AuditLog | None:
    """The log that the policy asks for; None without a policy.

    Raises: AuditPolicyError for a file that is no policy, OSError if the log cannot be opened.
    """
    if not settings.audit_policy_file:
        return None
    policy = read_policy(Path(settings.audit_policy_file).read_bytes())
    Path(settings.audit_log_path).parent.mkdir(parents=True, exist_ok=True)
    file = LogFile(
        settings.audit_log_path,
        settings.audit_log_maxsize << 20,
        settings.audit_log_maxbackup,
        settings.audit_log_maxage * _DAY_S,
    )
    return AuditLog(policy, file.write, seams.clock, webhook.enqueue if webhook is not None else None)


def post_of(file: Path) -> Post:
    """What sends bodies to the server of a kubeconfig's current context. Raises: UsageError, OSError."""
    try:
        tree = yaml.load(file.read_bytes())
        cluster, user = _current(tree)
        parts = urlsplit(cluster["server"])
        tls = _context(file.parent, cluster, user) if parts.scheme == "https" else None
    except (yaml.YamlError, KeyError, TypeError, AttributeError, ValueError, ssl.SSLError) as error:
        raise UsageError(f"{file}: no kubeconfig that says whom to tell: {error}") from None
    port = parts.port or (443 if tls is not None else 80)
    upstream = Upstream(parts.hostname or "", port, tls, cluster.get("tls-server-name", ""))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"host": parts.netloc, "content-type": "application/json", "accept": "application/json"}
    headers |= {"user-agent": "kube-apiserver-audit"} | _authorization(file.parent, user)
    connections = KeptConnections()

    async def post(body: bytes) -> int:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                status, _ = await connections.post(upstream, target, headers, body, _MAX_ANSWER)
        except AnswerTooLong as error:
            raise OSError(str(error)) from None
        return status

    return post


def _current(tree: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The cluster and the user of the current context; the only ones without a context. Raises: KeyError."""
    clusters = {each["name"]: each["cluster"] for each in tree["clusters"]}
    users = {each["name"]: each.get("user") or {} for each in tree.get("users") or ()}
    contexts = {each["name"]: each["context"] for each in tree.get("contexts") or ()}
    context = contexts[tree["current-context"]]
    return clusters[context["cluster"]], users.get(context.get("user", ""), {})


def _context(home: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    authority = _content(home, cluster, "certificate-authority")
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _content(home, user, "client-certificate"), _content(home, user, "client-key")
    if certificate and key:
        # The library reads such from files alone.
        with NamedTemporaryFile(suffix=".pem") as both:
            both.write(certificate + b"\n" + key)
            both.flush()
            context.load_cert_chain(both.name)
    return context


def _content(home: Path, tree: Mapping[str, Any], name: str) -> bytes:
    """What an entry holds as data, or a file beside the kubeconfig."""
    if data := tree.get(f"{name}-data"):
        return base64.b64decode(data)
    return (home / tree[name]).read_bytes() if tree.get(name) else b""


def _authorization(home: Path, user: Mapping[str, Any]) -> dict[str, str]:
    token = user.get("token") or ((home / user["tokenFile"]).read_text().strip() if user.get("tokenFile") else "")
    if token:
        return {"authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}".encode()
        return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}
