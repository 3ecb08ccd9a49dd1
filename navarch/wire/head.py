"""The bytes of a response that are not its body: status line, headers, chunk framing, compression.

Called by `connection.py` for every answer. Pure, but for the cached `Date` header.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

from isal import igzip

from navarch.wire.messages import Response

#: Larger bodies are compressed for clients that accept it. Source: apiserver `responsewriters` (128 KiB).
GZIP_ABOVE_BYTES = 128 * 1024

#: The statuses that never have a body.
_BODILESS = frozenset({204, 304})

_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class DateHeader:
    """The `Date` header line, formatted once per second."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._line = ""

    def line(self) -> str:
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._line = f"Date: {formatdate(now, usegmt=True)}\r\n"
        return self._line


_DATE = DateHeader()


def status_line(status: int) -> str:
    return _STATUS_LINES.get(status) or f"HTTP/1.1 {status} Status {status}\r\n"


def whole_answer(response: Response, method: str, accept_encoding: str, keep_alive: bool) -> tuple[bytes, bytes]:
    """The head and the body of a complete response, as they go onto the wire."""
    body = response.body
    extra = ""
    if len(body) > GZIP_ABOVE_BYTES and "gzip" in accept_encoding and not _is_encoded(response):
        body = igzip.compress(body, compresslevel=1, mtime=0)
        extra = "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n"
    lines = _common_lines(response, keep_alive)
    if response.status in _BODILESS:
        return f"{lines}{extra}\r\n".encode("latin-1"), b""
    head = f"{lines}{extra}Content-Length: {len(body)}\r\n\r\n".encode("latin-1")
    return head, b"" if method == "HEAD" else body


def stream_head(response: Response, chunked: bool, keep_alive: bool) -> bytes:
    """The head of a streamed response."""
    framing = "Transfer-Encoding: chunked\r\n" if chunked else ""
    return f"{_common_lines(response, keep_alive)}{framing}\r\n".encode("latin-1")


def upgrade_head(response: Response) -> bytes:
    """The 101 answer; its `Connection` and `Upgrade` headers are in `response.headers`."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
    return f"{status_line(response.status)}{lines}\r\n".encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _common_lines(response: Response, keep_alive: bool) -> str:
    lines = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
    if response.content_type and response.status not in _BODILESS:
        lines = f"{lines}Content-Type: {response.content_type}\r\n"
    if not keep_alive:
        lines = f"{lines}Connection: close\r\n"
    return f"{status_line(response.status)}{lines}{_DATE.line()}"


def _is_encoded(response: Response) -> bool:
    return any(name.lower() == "content-encoding" for name, _ in response.headers)
