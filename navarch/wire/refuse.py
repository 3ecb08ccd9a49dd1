"""Answers that the wire gives by itself, before or after any handler."""

from __future__ import annotations

import orjson

from navarch.base.errors import StatusError, internal_error
from navarch.wire.messages import Response


def body_too_large(limit_bytes: int) -> Response:
    """413: `limit_bytes` is what a request body may have at most."""
    return _status(StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit_bytes}"))


def headers_too_large() -> Response:
    return Response(431, b"431 Request Header Fields Too Large", "text/plain; charset=utf-8")


def bad_request(why: str) -> Response:
    """400 for bytes that are not HTTP; `why` is the parser's reason."""
    return Response(400, f"400 Bad Request: {why}".encode(), "text/plain; charset=utf-8")


def server_broke() -> Response:
    """500 for an error that no filter turned into an answer. The log has the details."""
    return _status(internal_error("the request could not be answered"))


def _status(error: StatusError) -> Response:
    return Response(error.code, orjson.dumps(error.to_dict()) + b"\n")
