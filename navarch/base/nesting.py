"""How deep a JSON text nests, found without parsing it.

Whatever walks a tree afterwards does so recursively, so that bodies are refused beyond `MAX_DEPTH`.

    >>> too_deep(b'{"a": "[[["}'), too_deep(b"[" * 300)
    (False, True)
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Final

#: Deeper than any API object; Python's stack holds some five frames for each level.
MAX_DEPTH: Final = 120

_BRACKETS: Final = b"[]{}"
_OTHERS: Final = bytes(set(range(256)) - set(_BRACKETS))
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def too_deep(raw: bytes) -> bool:
    """Whether a JSON text nests deeper than `MAX_DEPTH`. The cost is linear, and next to nothing for a
    text with few brackets."""
    if len(raw.translate(None, _OTHERS)) <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", raw).translate(None, _OTHERS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH
