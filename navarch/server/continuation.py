"""Continue tokens: where a list in pages goes on, and at which revision.

A token is base64url JSON `{"v":"meta.k8s.io/v1","rv":N,"start":"ns/name\\u0000"}`, opaque to clients.
rv -1 marks an inconsistent continuation: go on at the newest revision.

Source: apiserver `storage/continue.go`.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import orjson

from navarch.base.errors import StatusError, bad_request, expired

_VERSION = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Continuation:
    """`start` is the first key that is still to come, below the request's prefix."""

    revision: int
    start: str


def encode(revision: int, start: str) -> str:
    raw = orjson.dumps({"v": _VERSION, "rv": revision, "start": start})
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(token: str) -> Continuation:
    """Raises: StatusError 400 for anything but a token of ours."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("illegal base64 data at input byte 0") from None
    try:
        fields = orjson.loads(raw)
        version, revision, start = fields["v"], int(fields["rv"]), str(fields["start"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        shown = raw[:1].decode("latin-1")
        raise _invalid(f"invalid character '{shown}' looking for beginning of value") from None
    if version != _VERSION:
        raise _invalid(f"server does not recognize this encoded version {version}")
    if not start:
        raise _invalid("continue token start key is empty")
    if ".." in start.split("/"):
        raise _invalid(start)
    return Continuation(revision, start)


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
