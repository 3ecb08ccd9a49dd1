"""Turning results and errors into responses, and reading what form of answer a client accepts.

The one place where a `StatusError` becomes a `kind: Status` body. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from navarch.base.errors import Details, StatusError
from navarch.wire.messages import Request, Response

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
TEXT = "text/plain; charset=utf-8"

#: What the 406 answers list; collections name the forms of watches too. Source: recorded answers.
_ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_STREAMS = ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"

#: The forms into which an object or list can be transformed, and their group.
_FORMS = {"Table": "meta.k8s.io", "PartialObjectMetadata": "meta.k8s.io", "PartialObjectMetadataList": "meta.k8s.io"}
_FORM_VERSIONS = ("v1", "v1beta1")

_DISCOVERY_GROUP = "apidiscovery.k8s.io"


@dataclass(frozen=True, slots=True)
class Format:
    """The form of an answer: media type, and the kind it is transformed into, if any."""

    media_type: str = JSON
    as_: str = ""
    version: str = ""

    @property
    def is_yaml(self) -> bool:
        return self.media_type == YAML


PLAIN = Format()


def negotiate(accept: str, *, streams: bool = False) -> Format:
    """The form in which to answer an object or a list. `streams` says that the path can be watched.

    Raises: StatusError 406 when nothing that the client accepts can be served.
    """
    return PLAIN if accept in ("", "*/*", JSON) else _negotiate(accept, streams)


def negotiate_discovery(accept: str) -> Format:
    """The form in which to answer `/api` and `/apis`: aggregated (`as_` set), or plain.

    Raises: StatusError 406.
    """
    return PLAIN if accept in ("", "*/*", JSON) else _negotiate_discovery(accept)


def not_acceptable(message: str = f"only the following media types are accepted: {_ACCEPTED}") -> StatusError:
    return StatusError(406, "NotAcceptable", message)


def _no_representation(streams: bool) -> StatusError:
    """The 406 for a client that accepts none of the media types."""
    text = f"406: Not Acceptable\n\nAvailable representations: {_ACCEPTED}{_STREAMS if streams else ''}"
    return StatusError(406, "NotAcceptable", text, Details())


def json_response(tree: Any, status: int = 200) -> Response:
    """A tree as JSON with a final newline, as Kubernetes writes it."""
    return Response(status, orjson.dumps(tree, option=orjson.OPT_APPEND_NEWLINE))


def bytes_response(body: bytes, form: Format = PLAIN, status: int = 200) -> Response:
    """An object's stored JSON bytes in the negotiated media type."""
    if form.is_yaml:
        return tree_response(orjson.loads(body), form, status)
    return Response(status, body)


def tree_response(tree: Any, form: Format = PLAIN, status: int = 200) -> Response:
    """A tree in the negotiated media type."""
    if form.is_yaml:
        from navarch.server.respond_yaml import to_yaml  # few ask for it, and PyYAML takes its time

        return Response(status, to_yaml(tree), YAML)
    return json_response(tree, status)


def error_response(error: StatusError, accept: str = "") -> Response:
    """The Status answer, in YAML for clients that prefer it."""
    try:
        form = negotiate(accept)
    except StatusError:
        form = PLAIN
    response = tree_response(error.to_dict(), form, error.code)
    response.headers.extend(error.headers)
    if error.details is not None and error.details.retry_after_s:
        response.headers.append(("Retry-After", str(error.details.retry_after_s)))
    return response


def text_response(body: str, status: int = 200) -> Response:
    return Response(status, body.encode(), TEXT)


def page_not_found() -> Response:
    """What an unknown path outside the API answers: text, not a Status."""
    return text_response("404 page not found\n", 404)


def add_warnings(request: Request, response: Response) -> None:
    """The `Warning` headers for what the handlers noted in `request.warnings`, each text once."""
    for text in dict.fromkeys(request.warnings):
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.append(("Warning", f'299 - "{quoted}"'))


@lru_cache(256)
def _negotiate(accept: str, streams: bool) -> Format:
    known = False
    for media_type, parameters in _clauses(accept):
        if media_type == "*/*":
            return PLAIN
        known = known or media_type in (JSON, YAML, PROTOBUF)
        if media_type not in (JSON, YAML):
            continue
        as_ = parameters.get("as", "")
        version = parameters.get("v", "")
        if not as_:
            return Format(media_type)
        if _FORMS.get(as_) == parameters.get("g") and version in _FORM_VERSIONS:
            return Format(media_type, as_, version)
    raise not_acceptable() if known else _no_representation(streams)


@lru_cache(256)
def _negotiate_discovery(accept: str) -> Format:
    for media_type, parameters in _clauses(accept):
        if media_type in ("*/*", "application/*"):
            return PLAIN
        if media_type not in (JSON, YAML):
            continue
        as_ = parameters.get("as", "")
        if not as_:
            return Format(media_type)
        if (as_, parameters.get("g"), media_type) == ("APIGroupDiscoveryList", _DISCOVERY_GROUP, JSON):
            version = parameters.get("v", "")
            if version in ("v2", "v2beta1"):
                return Format(media_type, as_, version)
    raise not_acceptable()


def _clauses(accept: str) -> list[tuple[str, dict[str, str]]]:
    """The clauses of an Accept header, best first; clauses of the same quality keep their order."""
    parsed = []
    for clause in accept.split(","):
        media_type, *rest = (part.strip() for part in clause.split(";"))
        parameters = {k.strip(): v.strip().strip('"') for k, _, v in (p.partition("=") for p in rest)}
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 1.0
        if quality > 0:
            parsed.append((quality, media_type.lower(), parameters))
    parsed.sort(key=lambda entry: -entry[0])
    return [(media_type, parameters) for _, media_type, parameters in parsed]
