"""The seams: what a component may ask of the outside world, besides its client.

`real.py` answers from the machine, `sim.py` from a seed. A brain gets neither: it gets `now` and
ids as arguments. Waiting needs no seam of its own: `asyncio.sleep` and `loop.call_later` run on
whatever event loop the process has, and the simulated loop's time is virtual.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time. Durations are measured with the event loop's `time()`."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""


class Rng(Protocol):
    """Randomness. The real one is seeded by the machine, the simulated one by the test."""

    def uuid(self) -> str:
        """A version 4 UUID in its usual form, for `metadata.uid` and the like."""

    def suffix(self, length: int) -> str:
        """`length` characters of the alphabet of generated names (no vowels, nothing ambiguous)."""

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high), for jitter."""

    def below(self, limit: int) -> int:
        """An integer in [0, limit)."""

    def token(self, n_bytes: int) -> bytes:
        """Bytes for secrets. Unpredictable in the real implementation only."""


@dataclass(frozen=True, slots=True)
class Seams:
    """What every component is handed beside its client and its configuration."""

    clock: Clock
    rng: Rng


class Routine(IntEnum):
    """What a timer that waits means to a simulation."""

    #: Something is still to happen.
    NONE = 0
    #: A look that is expected to find nothing: a resync, a steady probe, a deadline that others move on.
    LOOK = 1
    #: A sign of life that the looks of others wait for. In passed-over time it comes before all looks.
    HEARTBEAT = 2


_ROUTINE: ContextVar[Routine] = ContextVar("routine", default=Routine.NONE)


@contextmanager
def routine(kind: Routine = Routine.LOOK) -> Iterator[None]:
    """Mark the waiting inside as routine. On the real machine this changes nothing. A simulation does
    not count such timers as something that is still to happen, and passes over them in quiet times."""
    before = _ROUTINE.get()
    _ROUTINE.set(kind)
    try:
        yield
    finally:
        # Not reset by token: a coroutine that is dropped, not finished, ends in another context.
        _ROUTINE.set(before)


def current_routine() -> Routine:
    return _ROUTINE.get()
