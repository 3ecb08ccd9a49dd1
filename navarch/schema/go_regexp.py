"""Go's regular expressions: its syntax, its search in linear time, its words for what is wrong.

RE2 is the same dialect. Python's own differs in syntax, and a short pattern can keep it busy for ever.

Source: Go's `regexp/syntax`; RE2's table of errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Protocol

#: RE2's word for a fault, and Go's.
_FAULTS: Final = {
    "invalid character class range": "invalid character class range",
    "invalid character class": "invalid character class",
    "invalid escape sequence": "invalid escape sequence",
    "invalid named capture group": "invalid named capture",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "no argument for repetition operator": "missing argument to repetition operator",
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "trailing \\": "trailing backslash at end of expression",
    "pattern too large - compile failed": "expression too large",
}


class Match(Protocol):
    def __getitem__(self, group: int) -> str: ...


class Pattern(Protocol):
    def search(self, text: str) -> Match | None: ...

    def finditer(self, text: str) -> Iterator[Match]: ...


@lru_cache(512)
def compile_pattern(pattern: str) -> Pattern:
    """Raises: ValueError with Go's text."""
    # Few clusters have patterns of their own, and the library takes 5 MB.
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(pattern, options=options)
    except re2.error as error:
        raise ValueError(_text(error.args[0], pattern)) from None
    return compiled


def _text(said: bytes, pattern: str) -> str:
    """`said` is RE2's word and, mostly, the part of the pattern that it is about."""
    word, _, part = said.decode().partition(": ")
    fault = _FAULTS.get(word, word)
    return f"error parsing regexp: {fault}" + (f": `{part or pattern}`" if "trailing" not in fault else ": ``")
