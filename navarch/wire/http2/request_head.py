"""What a decoded header block asks for, or why it is malformed. Pure.

Source: RFC 9113, section 8.2 and 8.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

#: What every field adds to the size of its name and value. Source: RFC 9113, section 6.5.2.
_FIELD_OVERHEAD: Final = 32

Fields = list[tuple[bytes, bytes, bool]]

#: Values up to this length are worth remembering with their name: clients send the same again and again.
_REMEMBERED_BYTES: Final = 2048

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_BAD_VALUE = re.compile(rb"[\0\r\n]")
_PSEUDO = frozenset({":method", ":path", ":scheme", ":authority"})
_OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})


class Malformed(Exception):
    """The request breaks the rules: its stream is reset."""


@dataclass(slots=True)
class Head:
    """The fields of a request. `length` is its content-length, -1 without one."""

    method: str
    target: str
    headers: dict[str, str]
    length: int = -1


def request_head(fields: Fields) -> Head:
    """Raises: Malformed."""
    pairs = [
        _remembered(name, value) if name != b":path" and len(value) <= _REMEMBERED_BYTES else _check(name, value)
        for name, value, _ in fields
    ]
    headers = dict(pairs)
    if len(headers) < len(pairs):
        headers = _merged(pairs)
    method = headers.pop(":method", "")
    target = headers.pop(":path", "")
    scheme = headers.pop(":scheme", "")
    if not method or not target or not scheme or target[0] not in "/*":
        raise Malformed("a request without its pseudo-header fields")
    leading = 3
    authority = headers.pop(":authority", None)
    if authority is not None:
        leading = 4
        headers.setdefault("host", authority)
    if len(pairs) > leading and pairs[leading][0] != next(iter(headers)):
        raise Malformed("pseudo-header fields behind others")
    return Head(method, target, headers, _length(headers) if "content-length" in headers else -1)


def _merged(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The fields with those of one name joined."""
    headers: dict[str, str] = {}
    for key, text in pairs:
        if key not in headers:
            headers[key] = text
        elif key in _PSEUDO:
            raise Malformed("a repeated pseudo-header field")
        else:
            headers[key] = f"{headers[key]}{'; ' if key == 'cookie' else ', '}{text}"
    return headers


def check_trailers(fields: Fields) -> None:
    """Trailing fields are read and forgotten. Raises: Malformed."""
    for name, value, _ in fields:
        key, _ = _check(name, value)
        if key in _PSEUDO:
            raise Malformed("pseudo-header fields behind the body")


def list_bytes(fields: Fields) -> int:
    """The size of a header list as its limit counts it."""
    return sum(len(name) + len(value) + _FIELD_OVERHEAD for name, value, _ in fields)


def _check(name: bytes, value: bytes) -> tuple[str, str]:
    if name == b":path":
        if _BAD_VALUE.search(value):
            raise Malformed("a path with a line break")
        return ":path", value.decode("latin-1")
    if not _TOKEN.fullmatch(name) and name.decode("latin-1") not in _PSEUDO:
        raise Malformed("a field name that is none")
    if _BAD_VALUE.search(value):
        raise Malformed("a value with a line break")
    key, text = name.decode("ascii"), value.strip(b" \t").decode("latin-1")
    if key in _OF_ONE_CONNECTION or (key == "te" and text != "trailers"):
        raise Malformed("a field of HTTP/1.1 connections")
    return key, text


_remembered = lru_cache(512)(_check)


def _length(headers: dict[str, str]) -> int:
    text = headers["content-length"]
    if not (text.isascii() and text.isdecimal()):
        raise Malformed("a content-length that is no number")
    return int(text)
