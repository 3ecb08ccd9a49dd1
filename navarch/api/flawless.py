"""Trees that were found without fault before.

The pods of a workload differ in their names, not in their specs, and every write of a Deployment judges
the same template. Judging a spec takes a hundred times as long as dumping it, so its text is remembered
once nothing was found: a tree with the same text has no faults either, as long as the judgement looks at
nothing else. Faults are never remembered; they carry paths and come from the one place that judges.

Called by the validation and the warnings of pods and of what makes them.
"""

from __future__ import annotations

import re
from typing import Final

import orjson

from navarch.schema.types import Tree

#: What the texts of one judgement may take together; the oldest go first.
LIMIT_BYTES: Final = 2 * 1024 * 1024

#: The volume that admission gives to every pod, under a name of its own each time. All such names are
#: alike to every rule, so they count as one: a question mark, which no JSON text has outside of strings.
_TOKEN_VOLUME: Final = re.compile(rb'"kube-api-access-[a-z0-9]{5}"')
_TOKEN_PREFIX: Final = b'"kube-api-access-'


class Flawless:
    """The texts of trees without fault, up to `limit_bytes` of them."""

    __slots__ = ("_bytes", "_limit_bytes", "_texts")

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._texts: dict[bytes, None] = {}
        self._bytes = 0
        self._limit_bytes = limit_bytes

    def __contains__(self, text: bytes) -> bool:
        return text in self._texts

    def add(self, text: bytes) -> None:
        if text in self._texts or len(text) > self._limit_bytes:
            return
        self._texts[text] = None
        self._bytes += len(text)
        while self._bytes > self._limit_bytes:
            oldest = next(iter(self._texts))
            del self._texts[oldest]
            self._bytes -= len(oldest)


def spec_text(spec: Tree) -> bytes:
    """What tells one pod's spec from another as far as its faults go."""
    text = orjson.dumps(spec)
    at = text.find(_TOKEN_PREFIX)
    if at >= 0 and (volume := _TOKEN_VOLUME.match(text, at)):
        return text.replace(volume[0], b"?")
    return text
