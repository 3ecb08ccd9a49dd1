"""Header blocks of answers, encoded. Pure.

They are literals, without the dynamic table: answers are small, differ in most of their fields, and what a
connection has to remember of them is nothing.

Source: RFC 7541.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

#: Indices of the static table: whole `:status` fields, and names. Source: RFC 7541, appendix A.
_STATUS_INDEX: Final = 8
_WHOLE_STATUS: Final = {200: 8, 204: 9, 206: 10, 304: 11, 400: 12, 404: 13, 500: 14}
_NAME_INDEX: Final = {
    "cache-control": 24,
    "content-encoding": 26,
    "content-length": 28,
    "content-type": 31,
    "date": 33,
    "etag": 34,
    "last-modified": 44,
    "location": 46,
    "retry-after": 53,
    "vary": 59,
    "www-authenticate": 61,
}


def encode_head(status: int, fields: Iterable[tuple[str, str]]) -> bytes:
    """The header block of an answer. Names may come in any case."""
    text = "".join([f"{_name(name)}{_length(len(value))}{value}" for name, value in fields])
    return f"{_status(status)}{text}".encode("latin-1")


@lru_cache(64)
def _status(status: int) -> str:
    index = _WHOLE_STATUS.get(status)
    return chr(0x80 | index) if index else f"{chr(_STATUS_INDEX)}\x03{status}"


@lru_cache(512)
def _length(size: int) -> str:
    """The length of a value, before its bytes."""
    return _integer(size, 0x7F)


@lru_cache(512)
def _name(name: str) -> str:
    """The first part of a literal field that is not to be indexed."""
    name = name.lower()
    index = _NAME_INDEX.get(name)
    if index is not None:
        return _integer(index, 0x0F)
    return f"\0{_integer(len(name), 0x7F)}{name}"


def _integer(value: int, prefix: int) -> str:
    """An integer whose first byte has room for `prefix`, in bytes written as Latin-1 text."""
    if value < prefix:
        return chr(value)
    digits = [chr(prefix)]
    value -= prefix
    while value >= 0x80:
        digits.append(chr(value & 0x7F | 0x80))
        value >>= 7
    return "".join([*digits, chr(value)])
