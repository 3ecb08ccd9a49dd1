"""JSON as kubectl prints it: four blanks a level, and Go's escapes."""

from __future__ import annotations

import json
import re
from typing import Any

_SPECIAL = re.compile("[&<>\u2028\u2029]")


def dump(value: Any, *, sort: bool = True) -> str:
    """One document and a newline. Objects of built-in types keep Go's order of fields: `sort` false."""
    text = json.dumps(value, indent=4, ensure_ascii=False, sort_keys=sort)
    return escaped(text) + "\n"


def compact(value: Any, *, sort: bool = True) -> str:
    """One line without blanks, as Go marshals."""
    return escaped(json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=sort))


def escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
