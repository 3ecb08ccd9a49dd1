"""The filters that say what is asked, by whom, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass

from navarch.seams.contract import Rng
from navarch.server.authn.authenticate import Authenticator
from navarch.server.authz.attributes import Authorize, of_request
from navarch.server.authz.chain import require
from navarch.server.request_info import request_info
from navarch.wire.messages import Request


@dataclass(frozen=True, slots=True)
class Security:
    """What the filters work with."""

    authenticator: Authenticator
    authorize: Authorize
    rng: Rng


def identify(request: Request, security: Security) -> None:
    """What the request asks for, and the id under which logs and answers name it."""
    request.audit_id = request.headers.get("audit-id") or security.rng.uuid()
    request.info = request_info(request.method, request.path, request.query)


def authenticate(request: Request, security: Security) -> None:
    """Raises: StatusError 401 for a bad credential."""
    request.user = security.authenticator.authenticate(request)


def authorize(request: Request, security: Security) -> None:
    """Raises: StatusError 403."""
    require(security.authorize, of_request(request))
