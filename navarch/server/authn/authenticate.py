"""The authenticators in order: client certificate, bearer token, nobody.

A credential that is shown must be good: a bad token is a 401 even where anonymous requests are
allowed. Only a request without any credential is anonymous.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from navarch.base.errors import unauthorized
from navarch.server.authn.tokens import Identity, ServiceAccountTokens
from navarch.server.authn.websocket_token import take_token
from navarch.server.authn.x509 import user_of_certificate
from navarch.wire.messages import ANONYMOUS, Request, User

AUTHENTICATED = "system:authenticated"

#: An authenticator of tokens that know no audiences.
IdentifyToken = Callable[[str], User | None]


class Authenticator:
    """`service_accounts` first, then `others`, each asked until one knows the token."""

    def __init__(
        self,
        service_accounts: ServiceAccountTokens | None,
        others: Sequence[IdentifyToken] = (),
        allow_anonymous: bool = True,
    ) -> None:
        self._service_accounts = service_accounts
        self._others = tuple(others)
        self._allow_anonymous = allow_anonymous

    def authenticate(self, request: Request) -> User:
        """The user behind a request. Raises: StatusError 401."""
        if request.peer_certificate is not None:
            user = user_of_certificate(request.peer_certificate)
            if user is not None:
                return _authenticated(user)
        token = _bearer_token(request) or take_token(request)
        if token:
            identity = self.identify(token)
            if identity is None:
                raise unauthorized()
            return identity.user
        if not self._allow_anonymous:
            raise unauthorized()
        return ANONYMOUS

    def identify(self, token: str, audiences: Sequence[str] = ()) -> Identity | None:
        """Who bears the token; with `audiences`, only if it is good for one of them."""
        own = self._service_accounts.audiences if self._service_accounts else ()
        if self._service_accounts is not None:
            identity = self._service_accounts.identify(token, audiences)
            if identity is not None:
                return Identity(_authenticated(identity.user), identity.audiences)
        shared = tuple(a for a in audiences if a in own) if audiences else own
        if audiences and not shared:
            return None
        for identify in self._others:
            user = identify(token)
            if user is not None:
                return Identity(_authenticated(user), shared)
        return None


@lru_cache(4096)
def _authenticated(user: User) -> User:
    if AUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))


def _bearer_token(request: Request) -> str:
    """The token of the Authorization header."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
