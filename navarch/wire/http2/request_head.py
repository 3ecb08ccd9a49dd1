"""What the fields of a header block ask for, or why they are malformed. Pure.

Source: RFC 9113, section 8.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from navarch.wire.http2.fields import PSEUDO, Field


class Malformed(Exception):
    """The request breaks the rules: its stream is reset."""


@dataclass(slots=True)
class Head:
    """The fields of a request. `length` is its content-length, -1 without one."""

    method: str
    target: str
    headers: dict[str, str]
    length: int = -1


def request_head(fields: list[Field]) -> Head:
    """Raises: Malformed."""
    headers = {key: text for key, text, _ in fields}
    if len(headers) < len(fields):
        headers = _merged(fields)
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
    if "" in headers:
        raise Malformed("a field that is none, or one of HTTP/1.1 connections")
    if len(fields) > leading and fields[leading].key != next(iter(headers)):
        raise Malformed("pseudo-header fields behind others")
    return Head(method, target, headers, _length(headers) if "content-length" in headers else -1)


def _merged(fields: list[Field]) -> dict[str, str]:
    """The fields with those of one name joined."""
    headers: dict[str, str] = {}
    for key, text, _ in fields:
        if key not in headers:
            headers[key] = text
        elif key in PSEUDO:
            raise Malformed("a repeated pseudo-header field")
        else:
            headers[key] = f"{headers[key]}{'; ' if key == 'cookie' else ', '}{text}"
    return headers


def check_trailers(fields: list[Field]) -> None:
    """Trailing fields are read and forgotten. Raises: Malformed."""
    for key, _, _ in fields:
        if not key or key in PSEUDO:
            raise Malformed("pseudo-header fields behind the body")


def list_bytes(fields: list[Field]) -> int:
    """The size of a header list as its limit counts it."""
    return sum(size for _, _, size in fields)


def _length(headers: dict[str, str]) -> int:
    text = headers["content-length"]
    if not (text.isascii() and text.isdecimal()):
        raise Malformed("a content-length that is no number")
    return int(text)
