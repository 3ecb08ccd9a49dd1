"""What others need to verify service-account tokens: the issuer's document and its keys.

Source: OpenID Connect Discovery 1.0; Kubernetes' service account issuer discovery.
"""

from __future__ import annotations

import orjson

from navarch.base.errors import Details, StatusError
from navarch.server.authn.keys import discovery_document, key_set
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.wire.messages import Request, Response

DOCUMENT_PATH = "/.well-known/openid-configuration"
KEYS_PATH = "/openid/v1/jwks"
KEYS_TYPE = "application/jwk-set+json"
_CACHE = ("Cache-Control", "public, max-age=3600")


class IssuerDiscovery:
    """`server_url` is how verifiers reach this server, `https://host:port`."""

    def __init__(self, tokens: ServiceAccountTokens, server_url: str) -> None:
        document = discovery_document(tokens.issuer, server_url + KEYS_PATH, tokens.keys)
        self._document = orjson.dumps(document)
        self._keys = orjson.dumps(key_set(tokens.keys))

    def answer(self, request: Request) -> Response | None:
        """The answer on the two paths, None elsewhere. Raises: StatusError 406."""
        if request.path == DOCUMENT_PATH:
            return Response(200, self._document, headers=[_CACHE])
        if request.path != KEYS_PATH:
            return None
        accept = request.headers.get("accept", "*/*")
        if not any(known in accept for known in (KEYS_TYPE, "*/*", "application/*")):
            text = f"406: Not Acceptable\n\nAvailable representations: {KEYS_TYPE}"
            raise StatusError(406, "NotAcceptable", text, Details())
        return Response(200, self._keys, KEYS_TYPE, [_CACHE])
