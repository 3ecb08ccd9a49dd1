"""One field of a request's head, checked. Pure.

Fields are checked where they are read, so that one which a connection's table holds is not checked again with
each request that refers to it.

Source: RFC 9113, sections 8.2 and 8.3.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

#: What every field adds to the size of its name and value. Source: RFC 9113, section 6.5.2; RFC 7541, section 4.1.
_OVERHEAD: Final = 32

PSEUDO: Final = frozenset({":method", ":path", ":scheme", ":authority"})

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_BAD_VALUE = re.compile(rb"[\0\r\n]")
_OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})


class Field(NamedTuple):
    """`key` is the name, empty for a field that no request may have: who has it breaks the rules.
    `size` is what it counts for in the limits of tables and lists."""

    key: str
    text: str
    size: int


def field(name: bytes, value: bytes) -> Field:
    """The field of this name and value."""
    size = len(name) + len(value) + _OVERHEAD
    key = name.decode("latin-1")
    if _BAD_VALUE.search(value) or not (_TOKEN.fullmatch(name) or key in PSEUDO):
        return Field("", "", size)
    text = (value if key == ":path" else value.strip(b" \t")).decode("latin-1")
    if key in _OF_ONE_CONNECTION or (key == "te" and text != "trailers"):
        return Field("", "", size)
    return Field(key, text, size)
