"""From a request's head and body to the handler and back: what all versions of HTTP share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from urllib.parse import unquote

from navarch.wire.messages import Request, Response
from navarch.wire.refuse import server_broke
from navarch.wire.run import Suspended, step

log = logging.getLogger(__name__)

#: Carries an answer away. Never raises.
Answer = Callable[[Request, Response], None]


class Host(Protocol):
    """The server as its connections see it."""

    def handle(self, request: Request, /) -> Coroutine[Any, Any, Response]: ...

    def start_task(self, rest: Coroutine[Any, Any, None], /) -> None:
        """Run what is left of a request; the server owns the task until it is done."""


def split_target(target: str) -> tuple[str, str]:
    """The decoded path and the raw query of a request target, which may be a whole URL."""
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        path = "/" + path.partition("://")[2].partition("/")[2]
    return unquote(path) if "%" in path else path, query


def exchange(host: Host, request: Request, answer: Answer) -> None:
    """Have the request handled; `answer` is called now, or from a task when the handler has to wait."""
    try:
        response = step(host.handle(request))
    except Suspended as suspended:
        host.start_task(_finish(request, suspended.rest(), answer))
        return
    except Exception:
        log.exception("path=%s the handler raised", request.path)
        response = server_broke()
    answer(request, response)


async def _finish(request: Request, rest: Coroutine[Any, Any, Response], answer: Answer) -> None:
    try:
        response = await rest
    except Exception:
        log.exception("path=%s the handler raised", request.path)
        response = server_broke()
    answer(request, response)
