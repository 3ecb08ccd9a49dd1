"""The pod-template-hash: a short, stable name for a pod template. Pure.

Kubernetes hashes the memory dump of its Go structure, which cannot be had here; this one hashes the
canonical JSON with the same function (FNV-1a, 32 bits) into the same alphabet. It is as stable and
as unique, but its values differ from those of other clusters. Nothing may depend on the value.
"""

from __future__ import annotations

from typing import Final

import orjson

from navarch.schema.types import Tree

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_OFFSET: Final = 2166136261
_PRIME: Final = 16777619


def template_hash(template: Tree, collisions: int = 0) -> str:
    """The hash of a pod template; another one for each count of collisions."""
    data = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    if collisions:
        data += collisions.to_bytes(8, "little")
    return safe_encode(str(fnv1a(data)))


def fnv1a(data: bytes) -> int:
    value = _OFFSET
    for byte in data:
        value = (value ^ byte) * _PRIME & 0xFFFFFFFF
    return value


def safe_encode(text: str) -> str:
    """The text in an alphabet that spells no words."""
    return "".join(_ALPHABET[ord(c) % len(_ALPHABET)] for c in text)
