"""The machine itself as clock and source of randomness."""

from __future__ import annotations

import os
import random
import secrets
import time

from navarch.seams.contract import Seams
from navarch.seams.uuid4 import uuid4

#: The alphabet of generated names. Source: apimachinery `util/rand`.
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


#: Bits for identifiers: the system is asked for many at once, a forked process asks for its own.
_DRAWN_AT_ONCE = 256
_DRAWN: list[int] = []
os.register_at_fork(after_in_child=_DRAWN.clear)


class RealClock:
    def now(self) -> float:
        return time.time()


class RealRng:
    def __init__(self) -> None:
        self._random = random.Random()

    def uuid(self) -> str:
        if not _DRAWN:
            bits = os.urandom(16 * _DRAWN_AT_ONCE)
            _DRAWN.extend([int.from_bytes(bits[at : at + 16]) for at in range(0, len(bits), 16)])
        return uuid4(_DRAWN.pop())

    def suffix(self, length: int) -> str:
        return "".join(self._random.choices(SUFFIX_ALPHABET, k=length))

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)

    def token(self, n_bytes: int) -> bytes:
        return secrets.token_bytes(n_bytes)


def real_seams() -> Seams:
    return Seams(RealClock(), RealRng())
