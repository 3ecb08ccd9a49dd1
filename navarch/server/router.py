"""Paths that are no API resources: who answers them, in order.

paths = (discovery.answer, health.answer, metrics.answer, oidc.answer)
response = answer_path(request, paths)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from navarch.base.errors import Details, StatusError
from navarch.server.respond import page_not_found
from navarch.wire.messages import Request, Response


class AnswerPath(Protocol):
    def __call__(self, request: Request) -> Response | None:
        """The answer to a GET, None for a path that is another's. Raises: StatusError."""


def answer_path(request: Request, answers: Sequence[AnswerPath]) -> Response:
    """The first answer; a text saying 404 when nobody has one.

    Raises: StatusError 405 for methods other than GET and HEAD on a path that exists.
    """
    for answer in answers:
        response = answer(request)
        if response is not None:
            if request.method not in ("GET", "HEAD"):
                text = "the server does not allow this method on the requested resource"
                raise StatusError(405, "MethodNotAllowed", text, Details())
            return response
    return page_not_found()
