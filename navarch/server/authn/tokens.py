"""Service-account tokens: issued by the `token` subresource, verified on every request that bears one.

A token is good while its signature and times are, and while the ServiceAccount and whatever
it is bound to (Pod, Node or Secret) still exist with the same uid. Signatures are checked once per
token; the objects every time, from the server's index.

The JWT library is imported with the first token: where there is none, nobody waits for it.

Source: KEP-1205 and KEP-4193 (bound tokens, claims, user extra), RFC 7519.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from navarch.base.times import parse
from navarch.schema.types import Tree
from navarch.server.authn.keys import SigningKey, VerifyingKey
from navarch.server.authn.x509 import CREDENTIAL_ID
from navarch.wire.messages import User

#: Verified signatures that are remembered.
MAX_REMEMBERED = 8192

#: How far clocks may differ. Source: the claims validation of Kubernetes' JWT library.
LEEWAY_S = 60.0

#: The lifetime that kubelets ask for; such tokens live longer and only warn. Source: KEP-2799.
WARN_ONLY_S = 3607
EXTENDED_S = 365 * 24 * 3600

_EXTRA = "authentication.kubernetes.io/"

#: (resource plural, namespace, name) -> the object's metadata, None if there is none.
Lookup = Callable[[str, str, str], Tree | None]


@dataclass(frozen=True, slots=True)
class Bound:
    """A reference from a token to an object that must go on existing."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token stands for, and for which audiences of those asked about."""

    user: User
    audiences: tuple[str, ...] = ()


class ServiceAccountTokens:
    """Issues and verifies. `audiences` are the API server's own, the first is the default."""

    def __init__(
        self,
        issuer: str,
        signing: SigningKey,
        verifying: Sequence[VerifyingKey],
        audiences: Sequence[str],
        lookup: Lookup,
        now: Callable[[], float],
    ) -> None:
        self.issuer = issuer
        self.audiences = tuple(audiences)
        self._signing = signing
        self._keys = {key.key_id: key for key in (signing.public, *verifying)}
        self._lookup = lookup
        self._now = now
        self._verified: dict[str, tuple[dict[str, Any], User]] = {}

    @property
    def keys(self) -> tuple[VerifyingKey, ...]:
        return tuple(self._keys.values())

    def issue(
        self,
        namespace: str,
        account: Bound,
        token_id: str,
        expiration_s: int,
        audiences: Sequence[str] = (),
        bound: dict[str, Bound] | None = None,
    ) -> tuple[str, float]:
        """A signed token and when it expires, as its holder is told. `bound` maps pod, node or secret to
        its object; `token_id` becomes the `jti`."""
        now = int(self._now())
        told = now + expiration_s
        private: dict[str, Any] = {
            "namespace": namespace,
            "serviceaccount": {"name": account.name, "uid": account.uid},
        }
        for kind, target in (bound or {}).items():
            private[kind] = {"name": target.name, "uid": target.uid}
        expires = told
        if expiration_s == WARN_ONLY_S and "pod" in private:
            private["warnafter"] = told
            expires = now + EXTENDED_S
        claims = {
            "aud": list(audiences or self.audiences),
            "exp": expires,
            "iat": now,
            "iss": self.issuer,
            "jti": token_id,
            "kubernetes.io": private,
            "nbf": now,
            "sub": f"system:serviceaccount:{namespace}:{account.name}",
        }
        import jwt

        key = self._signing
        token = jwt.encode(claims, key.private, key.public.algorithm, {"kid": key.public.key_id})
        return token, float(told)

    def identify(self, token: str, audiences: Sequence[str] = ()) -> Identity | None:
        """Who bears the token, if it is ours, valid now, and meant for one of `audiences` (by default the
        API server's own)."""
        known = self._known(token)
        if known is None:
            return None
        claims, user = known
        if not self._is_current(claims):
            return None
        meant = claims.get("aud") or ()
        meant_for = (meant,) if isinstance(meant, str) else tuple(meant)
        shared = tuple(a for a in (audiences or self.audiences) if a in meant_for)
        if not shared or not self._is_bound(claims["kubernetes.io"]):
            return None
        return Identity(user, shared)

    def _known(self, token: str) -> tuple[dict[str, Any], User] | None:
        """The claims of a token of ours, and whom they name."""
        known = self._verified.get(token)
        if known is None and (claims := self._verify(token)) is not None:
            if len(self._verified) >= MAX_REMEMBERED:
                self._verified.clear()
            known = self._verified[token] = claims, _user(claims)
        return known

    def _verify(self, token: str) -> dict[str, Any] | None:
        """The claims of a token that one of our keys signed. Times and audiences are not looked at."""
        if token.count(".") != 2:
            return None
        import jwt

        try:
            key = self._keys.get(jwt.get_unverified_header(token).get("kid", ""))
            if key is None:
                return None
            options: Any = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
            claims: dict[str, Any] = jwt.decode(token, key.key, [key.algorithm], issuer=self.issuer, options=options)
        except jwt.PyJWTError:
            return None
        private = claims.get("kubernetes.io")
        return claims if isinstance(private, dict) and "serviceaccount" in private else None

    def _is_current(self, claims: dict[str, Any]) -> bool:
        now = self._now()
        return bool(claims["nbf"] - LEEWAY_S <= now <= claims["exp"] + LEEWAY_S)

    def _is_bound(self, private: dict[str, Any]) -> bool:
        namespace: str = private["namespace"]
        return (
            self._lives("serviceaccounts", namespace, private["serviceaccount"])
            and self._lives("pods", namespace, private.get("pod"))
            and self._lives("secrets", namespace, private.get("secret"))
            and ("pod" in private or self._lives("nodes", "", private.get("node")))
        )

    def _lives(self, plural: str, namespace: str, reference: dict[str, str] | None) -> bool:
        """Does the object exist, with this uid, and not deleted for more than the leeway?"""
        if reference is None:
            return True
        metadata = self._lookup(plural, namespace, reference["name"])
        if metadata is None or metadata.get("uid") != reference.get("uid"):
            return False
        deleted = metadata.get("deletionTimestamp")
        return not deleted or parse(deleted) + LEEWAY_S > self._now()


def service_account_groups(namespace: str) -> tuple[str, ...]:
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def _user(claims: dict[str, Any]) -> User:
    private = claims["kubernetes.io"]
    namespace = private["namespace"]
    account = private["serviceaccount"]
    extra: dict[str, tuple[str, ...]] = {}
    if "jti" in claims:
        extra[CREDENTIAL_ID] = (f"JTI={claims['jti']}",)
    for kind in ("node", "pod"):
        if reference := private.get(kind):
            extra[f"{_EXTRA}{kind}-name"] = (reference["name"],)
            if reference.get("uid"):
                extra[f"{_EXTRA}{kind}-uid"] = (reference["uid"],)
    name = f"system:serviceaccount:{namespace}:{account['name']}"
    return User(name, account["uid"], service_account_groups(namespace), extra)
