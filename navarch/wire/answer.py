"""What an answer is on the wire, whatever version of HTTP carries it: its fields, and its body, compressed
for clients that accept it, as Go's do unasked. Compressing at the fastest level costs less than encrypting and
sending what it saves, also on one machine. Pure, but for the cached `Date` header.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Final

from navarch.wire.messages import Response
from navarch.wire.shared_body import pack

#: Larger bodies are compressed for clients that accept it. Source: apiserver `responsewriters` (128 KiB).
GZIP_ABOVE_BYTES: Final = 128 * 1024

#: The statuses that never have a body.
BODILESS: Final = frozenset({204, 304})

Fields = list[tuple[str, str]]


class DateHeader:
    """The value of the `Date` header, formatted once per second."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def text(self) -> str:
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._text = formatdate(now, usegmt=True)
        return self._text


_DATE = DateHeader()


def stream_fields(response: Response) -> Fields:
    """The fields of a streamed answer."""
    fields = list(response.headers)
    if response.content_type and response.status not in BODILESS:
        fields.append(("Content-Type", response.content_type))
    fields.append(("Date", _DATE.text()))
    return fields


def whole_answer(response: Response, method: str, accept_encoding: str) -> tuple[Fields, bytes]:
    """The fields and the body of a complete answer."""
    body = response.body
    fields = stream_fields(response)
    if len(body) > GZIP_ABOVE_BYTES and accepts_gzip(accept_encoding) and not _is_encoded(response):
        shared = response.shared
        body = shared.packed() if shared is not None and shared.plain is body else pack(body)
        fields += (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    if response.status in BODILESS:
        return fields, b""
    fields.append(("Content-Length", str(len(body))))
    return fields, b"" if method == "HEAD" else body


def accepts_gzip(accept_encoding: str) -> bool:
    """As the API server reads the header: a token with a quality is not looked at."""
    return "gzip" in accept_encoding and any(token.strip() == "gzip" for token in accept_encoding.split(","))


def _is_encoded(response: Response) -> bool:
    return any(name.lower() == "content-encoding" for name, _ in response.headers)
