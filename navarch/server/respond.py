"""Turning results and errors into responses.

The one place where a `StatusError` becomes a `kind: Status` body. Pure.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from navarch.base.errors import StatusError
from navarch.schema import protobuf_encode
from navarch.schema.protobuf_types import message_type
from navarch.server.negotiate import JSON, PLAIN, PROTOBUF, YAML, Format, negotiate_error
from navarch.wire.messages import Request, Response

TEXT = "text/plain; charset=utf-8"


def json_response(tree: Any, status: int = 200) -> Response:
    """A tree as JSON with a final newline, as Kubernetes writes it."""
    return Response(status, orjson.dumps(tree, option=orjson.OPT_APPEND_NEWLINE))


def bytes_response(body: bytes, form: Format = PLAIN, status: int = 200) -> Response:
    """An object's stored JSON bytes in the negotiated media type."""
    if form.is_yaml or form.is_protobuf:
        return tree_response(orjson.loads(body), form, status)
    return Response(status, body)


def tree_response(tree: Any, form: Format = PLAIN, status: int = 200) -> Response:
    """A tree in the negotiated media type."""
    if form.is_yaml:
        from navarch.server.respond_yaml import to_yaml  # few ask for it, and PyYAML takes its time

        return Response(status, to_yaml(tree), YAML)
    if form.is_protobuf and (node := message_type(tree.get("apiVersion", ""), tree["kind"])) is not None:
        return Response(status, protobuf_encode.encode(tree, node), PROTOBUF)
    return json_response(tree, status)


def in_form(response: Response, form: Format) -> Response:
    """A JSON answer in the negotiated media type."""
    if form.is_yaml or form.is_protobuf:
        converted = tree_response(orjson.loads(response.body), form, response.status)
        converted.headers.extend(response.headers)
        return converted
    return response


def indent(request: Request, response: Response) -> None:
    """Indent a JSON answer for who asked for it (`?pretty=true`), and for programs that people look through."""
    if response.stream is not None or response.content_type != JSON or not response.body or not _is_pretty(request):
        return
    response.body = indented(orjson.loads(response.body))


def indented(tree: Any) -> bytes:
    """A tree as Go indents it, without an end of line."""
    return orjson.dumps(tree, option=orjson.OPT_INDENT_2)


def _is_pretty(request: Request) -> bool:
    if "pretty" in request.query and (asked := parse_qs(request.query).get("pretty")):
        return asked[0] in _TRUE
    return request.headers.get("user-agent", "").startswith(_LOOKED_THROUGH)


#: Source: apiserver `isPrettyPrint`; strconv.ParseBool.
_LOOKED_THROUGH: Final = ("curl", "Wget", "Mozilla/5.0")
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})


def error_response(error: StatusError, accept: str = "") -> Response:
    """The Status answer, in the media type that the client prefers."""
    response = tree_response(error.to_dict(), negotiate_error(accept), error.code)
    response.headers.extend(error.headers)
    if error.details is not None and error.details.retry_after_s:
        response.headers.append(("Retry-After", str(error.details.retry_after_s)))
    return response


def text_response(body: str, status: int = 200) -> Response:
    return Response(status, body.encode(), TEXT)


def too_many_requests() -> Response:
    """For a request that finds no seat at its priority level."""
    response = text_response("Too many requests, please try again later.\n", 429)
    response.headers += [("Retry-After", "1"), ("X-Content-Type-Options", "nosniff")]
    return response


def page_not_found() -> Response:
    """What an unknown path outside the API answers: text, not a Status."""
    return text_response("404 page not found\n", 404)


def add_warnings(request: Request, response: Response) -> None:
    """The `Warning` headers for what the handlers noted in `request.warnings`, each text once."""
    for text in dict.fromkeys(request.warnings):
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        # As UTF-8 on the wire, whose fields are written as Latin-1.
        quoted = quoted.encode().decode("latin-1")
        response.headers.append(("Warning", f'299 - "{quoted}"'))
