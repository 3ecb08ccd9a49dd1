"""What every request passes before a handler sees it, in this order.

    security = Security(authenticator, authorize, rng)
    try:
        admit(request, security)         # fills in info, audit_id, user; raises StatusError
        response = await handler(request)
    except Exception as error:
        response = guard(request, error)
    finish(request, response)        # the headers that every answer has

The direct client enters after authentication: it sets `request.user` and calls `admit` with
`AFTER_AUTHENTICATION`.
"""

from __future__ import annotations

from collections.abc import Callable

from navarch.server.filters.answer import finish, guard
from navarch.server.filters.impersonation import impersonate
from navarch.server.filters.security import Security, authenticate, authorize, identify
from navarch.wire.messages import Request

Filter = Callable[[Request, Security], None]

FILTERS: tuple[Filter, ...] = (identify, authenticate, impersonate, authorize)
AFTER_AUTHENTICATION: tuple[Filter, ...] = (identify, impersonate, authorize)


def admit(request: Request, security: Security, filters: tuple[Filter, ...] = FILTERS) -> None:
    """Run the filters. Raises: StatusError of the one that refuses."""
    for each in filters:
        each(request, security)


__all__ = ["AFTER_AUTHENTICATION", "FILTERS", "Filter", "Security", "admit", "finish", "guard"]
