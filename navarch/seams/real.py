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


class RealClock:
    def now(self) -> float:
        return time.time()


class RealRng:
    def __init__(self) -> None:
        self._random = random.Random()

    def uuid(self) -> str:
        return uuid4(int.from_bytes(os.urandom(16)))

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
