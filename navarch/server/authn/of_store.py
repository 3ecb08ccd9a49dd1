"""Service-account tokens and bootstrap tokens of one cluster, verified against its store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import orjson

from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server.authn.authenticate import Authenticator, IdentifyToken
from navarch.server.authn.bootstrap_token import BootstrapTokens
from navarch.server.authn.keys import VerifyingKey, load_signing_key
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.store.contract import Entry, Index, Store

#: Who issues the tokens of this cluster: the name by which pods know the API server.
ISSUER = "https://kubernetes.default.svc.cluster.local"


def service_account_tokens(
    store: Store, key_pem: bytes, clock: Clock, issuer: str = ISSUER, accepted: Sequence[VerifyingKey] = ()
) -> ServiceAccountTokens:
    """`key_pem` signs; what the `accepted` keys have signed is good, too. Raises: UsageError for a bad key."""

    def metadata(plural: str, namespace: str, name: str) -> Tree | None:
        entry = _entry(store.index, plural, namespace, name)
        return None if entry is None else _life(entry.value)

    return ServiceAccountTokens(issuer, load_signing_key(key_pem), accepted, (issuer,), metadata, clock.now)


def authenticator_of(
    store: Store,
    tokens: ServiceAccountTokens,
    clock: Clock,
    others: Sequence[IdentifyToken] = (),
    allow_anonymous: bool = True,
) -> Authenticator:
    """`others` are asked before bootstrap tokens."""

    def secret(namespace: str, name: str) -> Tree | None:
        entry = _entry(store.index, "secrets", namespace, name)
        return None if entry is None else orjson.loads(entry.value)

    return Authenticator(tokens, (*others, BootstrapTokens(secret, clock.now)), allow_anonymous)


def _entry(index: Index, plural: str, namespace: str, name: str) -> Entry | None:
    return index.get(f"{plural}/{namespace}/{name}" if namespace else f"{plural}/{name}")


@lru_cache(1024)
def _life(value: bytes) -> Tree:
    """What tells whether an object is still the same and there. Remembered: every request with a token asks."""
    metadata = orjson.loads(value)["metadata"]
    return {name: metadata[name] for name in ("uid", "deletionTimestamp") if name in metadata}
