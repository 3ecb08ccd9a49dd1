"""Continue tokens: where a list in pages goes on, and at which revision.

A token is base64url JSON `{"v":"meta.k8s.io/v1","rv":N,"start":"ns/name\\u0000"}`, opaque to clients.
rv -1 marks an inconsistent continuation: go on at the newest revision.

Source: apiserver `storage/continue.go`.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

import orjson

from navarch.base.errors import StatusError, bad_request, expired
from navarch.schema import gojson

_VERSION: Final = "meta.k8s.io/v1"
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Continuation:
    """`start` is the first key that is still to come, below the request's prefix."""

    revision: int
    start: str


def encode(revision: int, start: str) -> str:
    raw = orjson.dumps({"v": _VERSION, "rv": revision, "start": start})
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(token: str) -> Continuation:
    """Raises: StatusError 400 for anything but a token of ours, with the words of Go's decoders."""
    if (place := _bad_base64(token)) is not None:
        raise _invalid(f"illegal base64 data at input byte {place}")
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _invalid(gojson.syntax_error(raw) or str(error)) from None
    if not isinstance(fields, dict):
        raise _invalid("json: cannot unmarshal the token into Go value of type storage.continueToken")
    version, revision, start = fields.get("v", ""), fields.get("rv", 0), fields.get("start", "")
    for name, value, wanted in (("v", version, str), ("rv", revision, int), ("start", start, str)):
        if type(value) is not wanted:
            go_type = "int64" if wanted is int else "string"
            raise _invalid(f"json: cannot unmarshal the value of continueToken.{name} into type {go_type}")
    if version != _VERSION:
        raise _invalid(f"server does not recognize this encoded version {version}")
    if revision == 0:
        raise _invalid(f"incorrect encoded start resourceVersion (version {_VERSION})")
    if not start:
        raise _invalid(f"encoded start key empty (version {_VERSION})")
    if ".." in start.split("/"):
        raise _invalid(start)
    return Continuation(revision, start)


def _bad_base64(token: str) -> int | None:
    """Where Go stops reading base64 without padding, None if it reads all."""
    wrong = _NOT_BASE64.search(token)
    if wrong is not None:
        return len(token[: wrong.start()].encode())
    return len(token) - 1 if len(token) % 4 == 1 else None


def _invalid(why: str) -> StatusError:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")


def too_old(start: str) -> StatusError:
    """The 410 answer with a token that goes on at the newest revision."""
    return expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list.",
        encode(-1, start),
    )
