"""Randomness from a seed."""

from __future__ import annotations

import random
import uuid

from navarch.seams.contract import Seams
from tests.fakes.virtual import VirtualClock

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class SeededRng:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def suffix(self, length: int) -> str:
        return "".join(self._random.choices(ALPHABET, k=length))

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)

    def token(self, n_bytes: int) -> bytes:
        return self._random.randbytes(n_bytes)


def seeded(seed: int) -> Seams:
    return Seams(VirtualClock(), SeededRng(seed))
