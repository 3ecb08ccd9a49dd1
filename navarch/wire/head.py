"""The bytes of an HTTP/1.1 answer that are not its body: status line, fields, chunk framing. Pure."""

from __future__ import annotations

from http import HTTPStatus

from navarch.wire.answer import Fields

_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def head(status: int, fields: Fields, ending: str = "") -> bytes:
    """The head of an answer. `ending` is fields of the connection, as lines."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields])
    first = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} Status {status}\r\n"
    return f"{first}{lines}{ending}\r\n".encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
