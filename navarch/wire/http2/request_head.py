"""What a decoded header block asks for, or why it is malformed. Pure.

Source: RFC 9113, section 8.2 and 8.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

#: Request fields that may not be larger together. Source: net/http `DefaultMaxHeaderBytes`.
MAX_HEAD_BYTES: Final = 1024 * 1024

#: What every field adds to the size of its name and value. Source: RFC 9113, section 6.5.2.
_FIELD_OVERHEAD: Final = 32

#: Values up to this length are worth remembering with their name: clients send the same again and again.
_REMEMBERED_BYTES: Final = 256

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_BAD_VALUE = re.compile(rb"[\0\r\n]")
_OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})


class Malformed(Exception):
    """The request breaks the rules: its stream is reset."""


@dataclass(slots=True)
class Head:
    """The fields of a request. `length` is its content-length, -1 without one; `oversize` that its fields
    are larger than a server takes."""

    method: str
    target: str
    headers: dict[str, str]
    length: int = -1
    oversize: bool = False


def request_head(fields: list[tuple[bytes, bytes, bool]]) -> Head:
    """Raises: Malformed."""
    pseudo: dict[bytes, str] = {}
    headers: dict[str, str] = {}
    size = 0
    for name, value, _ in fields:
        size += len(name) + len(value)
        if name[:1] == b":":
            if headers or name in pseudo or name not in (b":method", b":path", b":scheme", b":authority"):
                raise Malformed("pseudo-header fields out of place")
            if _BAD_VALUE.search(value):
                raise Malformed("a value with a line break")
            pseudo[name] = value.decode("latin-1")
            continue
        key, text = _field(name, value) if len(value) <= _REMEMBERED_BYTES else _check(name, value)
        known = headers.get(key)
        headers[key] = text if known is None else f"{known}{'; ' if key == 'cookie' else ', '}{text}"
    method, target = pseudo.get(b":method"), pseudo.get(b":path")
    if not method or not target or b":scheme" not in pseudo or target[0] not in "/*":
        raise Malformed("a request without its pseudo-header fields")
    if "host" not in headers and b":authority" in pseudo:
        headers["host"] = pseudo[b":authority"]
    oversize = size + _FIELD_OVERHEAD * len(fields) > MAX_HEAD_BYTES
    return Head(method, target, headers, _length(headers), oversize)


def check_trailers(fields: list[tuple[bytes, bytes, bool]]) -> None:
    """Trailing fields are read and forgotten. Raises: Malformed."""
    for name, value, _ in fields:
        _check(name, value)


def _check(name: bytes, value: bytes) -> tuple[str, str]:
    if not _TOKEN.fullmatch(name):
        raise Malformed("a field name that is none")
    if _BAD_VALUE.search(value):
        raise Malformed("a value with a line break")
    key, text = name.decode("ascii"), value.decode("latin-1").strip(" \t")
    if key in _OF_ONE_CONNECTION or (key == "te" and text != "trailers"):
        raise Malformed("a field of HTTP/1.1 connections")
    return key, text


_field = lru_cache(1024)(_check)


def _length(headers: dict[str, str]) -> int:
    text = headers.get("content-length")
    if text is None:
        return -1
    if not (text.isascii() and text.isdecimal()):
        raise Malformed("a content-length that is no number")
    return int(text)
