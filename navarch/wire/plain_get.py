"""Requests that need no parser: a GET without a body whose fields have been read before.

    plain_get(b"GET /version HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")  ->  ("/version", {"host": "x"})

Most requests are of this kind: a client sends the same fields each time, and only the target changes. Whoever
calls it has a whole parser for what is not recognised here. Never guesses: fields count as known once the parser
itself has read them, byte for byte. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import httptools

#: A request line that means the same to every parser.
_LINE: Final = re.compile(rb"GET (/[A-Za-z0-9/._~%?=&,:+!*-]*) HTTP/1\.1\r\n")

#: Longer fields are not remembered: a client chooses them.
_REMEMBERED_BYTES: Final = 2048

#: Fields that say how a request goes on, or the connection after it.
_SPECIAL: Final = frozenset({"connection", "content-length", "expect", "transfer-encoding", "upgrade"})


def plain_get(data: bytes) -> tuple[str, dict[str, str]] | None:
    """The target and the fields if `data` is one such request and nothing else. The fields are the caller's own."""
    line = _LINE.match(data)
    if line is None or len(data) - line.end() > _REMEMBERED_BYTES:
        return None
    fields = _fields(data[line.end() :])
    return None if fields is None else (line[1].decode("ascii"), fields.copy())


@lru_cache(1024)
def _fields(lines: bytes) -> dict[str, str] | None:
    """The fields that these lines hold, if they end a request that asks nothing of the connection."""
    if lines.find(b"\r\n\r\n") != len(lines) - 4:
        return None
    reader = _Reader()
    try:
        httptools.HttpRequestParser(reader).feed_data(b"GET / HTTP/1.1\r\n" + lines)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    return reader.fields if reader.fields.keys().isdisjoint(_SPECIAL) else None


class _Reader:
    """Hears of the fields that a parser finds."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        add_field(self.fields, name, value)


def add_field(fields: dict[str, str], name: bytes, value: bytes) -> None:
    """One more line of a head, as requests have it: names in lower case, repeated ones joined."""
    key = name.decode("latin-1").lower()
    text = value.decode("latin-1")
    known = fields.get(key)
    fields[key] = text if known is None else f"{known}, {text}"
