"""Bootstrap tokens: `<id>.<secret>`, kept as Secrets `bootstrap-token-<id>` in kube-system.

Source: bootstrap token authentication (secret type, keys, groups).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable

from navarch.base.times import parse
from navarch.schema.types import Tree
from navarch.wire.messages import User

SECRET_TYPE = "bootstrap.kubernetes.io/token"
NAMESPACE = "kube-system"
GROUP = "system:bootstrappers"

_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_EXTRA_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


class BootstrapTokens:
    """`secret(namespace, name)` reads a Secret's tree, None if there is none."""

    def __init__(self, secret: Callable[[str, str], Tree | None], now: Callable[[], float]) -> None:
        self._secret = secret
        self._now = now

    def __call__(self, token: str) -> User | None:
        parsed = _TOKEN.fullmatch(token)
        if parsed is None:
            return None
        token_id, token_secret = parsed.groups()
        secret = self._secret(NAMESPACE, f"bootstrap-token-{token_id}")
        if secret is None or secret.get("type") != SECRET_TYPE or secret["metadata"].get("deletionTimestamp"):
            return None
        data = secret.get("data") or {}
        known = _text(data, "token-secret")
        if not known or not hmac.compare_digest(known, token_secret) or _text(data, "token-id") != token_id:
            return None
        if _text(data, "usage-bootstrap-authentication") != "true" or self._has_expired(_text(data, "expiration")):
            return None
        extra = [g.strip() for g in _text(data, "auth-extra-groups").split(",") if g.strip()]
        if not all(_EXTRA_GROUP.fullmatch(group) for group in extra):
            return None
        return User(f"system:bootstrap:{token_id}", groups=(GROUP, *sorted(extra)))

    def _has_expired(self, expiration: str) -> bool:
        if not expiration:
            return False
        try:
            return parse(expiration) <= self._now()
        except ValueError:
            return True


def _text(data: Tree, key: str) -> str:
    try:
        return base64.b64decode(data.get(key) or "").decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
