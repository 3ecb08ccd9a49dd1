"""The two controllers of bootstrap tokens: one signs what newcomers are told of the cluster, one removes tokens
that are past their time.

A newcomer knows a token and nothing else. It reads the ConfigMap `cluster-info` of kube-public from a server that
it cannot trust yet; the signature beside it, made with the token's secret, tells that it is the cluster's own.

    data:
      kubeconfig: ...
      jws-kubeconfig-abcdef: eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..wDsKNZ6iKnPxdTcmzdKfcIkLVyGDr3nLmp4BOMo3QZk

Source: Kubernetes' bootstrap signer and token cleaner; RFC 7515, appendix F (detached content).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from navarch.api.views.core import ConfigMap, Secret
from navarch.base.resource import ObjectKey
from navarch.base.times import parse
from navarch.control.intents import DONE, Delete, Plan, Update
from navarch.control.sources import BOOTSTRAP_SECRETS, CONFIGMAPS
from navarch.control.views import to_tree
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

CLUSTER_INFO: Final = ObjectKey("kube-public", "cluster-info")
NAMESPACE: Final = "kube-system"
KUBECONFIG: Final = "kubeconfig"
SIGNATURE: Final = "jws-kubeconfig-"
_TRUE: Final = "true"


# --- signing
def signature(content: str, token_id: str, token_secret: str) -> str:
    """A JWS whose content is left out, as the reader has it."""
    header = _encoded(b'{"alg":"HS256","kid":"%s"}' % token_id.encode())
    signed = f"{header}.{_encoded(content.encode())}".encode()
    return f"{header}..{_encoded(hmac.digest(token_secret.encode(), signed, hashlib.sha256))}"


def sign(world: World, _key: ObjectKey, now: float) -> Plan:
    info = world[CONFIGMAPS].get(CLUSTER_INFO)
    if info is None or KUBECONFIG not in info.data:
        return DONE
    content = info.data[KUBECONFIG]
    tokens = [
        _text(secret.data, "token-id") + "." + _text(secret.data, "token-secret")
        for secret in world[BOOTSTRAP_SECRETS].values()
        if _signs(secret, now)
    ]
    data = {name: value for name, value in info.data.items() if not name.startswith(SIGNATURE)}
    for token in sorted(tokens):
        token_id, _, token_secret = token.partition(".")
        data[SIGNATURE + token_id] = signature(content, token_id, token_secret)
    if data == info.data:
        return DONE
    tree: Tree = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": to_tree(info.metadata), "data": data}
    return Plan((Update(CONFIGMAPS.resource, tree),))


def _signs(secret: Secret, now: float) -> bool:
    data, metadata = secret.data, secret.metadata
    token_id = _text(data, "token-id")
    return (
        metadata.namespace == NAMESPACE
        and metadata.deletionTimestamp is None
        and metadata.name == f"bootstrap-token-{token_id}"
        and bool(_text(data, "token-secret"))
        and _text(data, "usage-bootstrap-signing") == _TRUE
        and (ends_at(secret) or now + 1) > now
    )


# --- removing
def clean(world: World, key: ObjectKey, now: float) -> Plan:
    secret = world[BOOTSTRAP_SECRETS].get(key)
    if secret is None or key.namespace != NAMESPACE or secret.metadata.deletionTimestamp is not None:
        return DONE
    end = ends_at(secret)
    if end is None:
        return DONE
    if end > now:
        return Plan(requeue_after_s=end - now, routine=True)
    metadata = secret.metadata
    return Plan((Delete(BOOTSTRAP_SECRETS.resource, key, metadata.uid, metadata.resourceVersion),))


def ends_at(secret: Secret) -> float | None:
    """When a token ends, in seconds since the epoch: at once if that cannot be read, None for never."""
    text = _text(secret.data, "expiration")
    if not text:
        return None
    try:
        return parse(text)
    except ValueError:
        return 0.0


def _text(data: Mapping[str, str], name: str) -> str:
    try:
        return base64.b64decode(data.get(name, "")).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _info(_world: World, key: ObjectKey, _old: ConfigMap | None, _new: ConfigMap | None) -> tuple[ObjectKey, ...]:
    return (CLUSTER_INFO,) if key == CLUSTER_INFO else ()


def _any_token(_world: World, _key: ObjectKey, _old: Secret | None, _new: Secret | None) -> tuple[ObjectKey, ...]:
    return (CLUSTER_INFO,)


SIGNER: Final = Controller("bootstrap-signer", (Watch(CONFIGMAPS, _info), Watch(BOOTSTRAP_SECRETS, _any_token)), sign)
CLEANER: Final = Controller("token-cleaner", (Watch(BOOTSTRAP_SECRETS, same_key),), clean)
