"""Going through many things without holding the event loop: some at a time, others go on in between.

    async for some in slices.of(entries):
        chosen += [entry for entry in some if wanted(entry)]

What fits in one slice costs no turn of the loop. Nothing here looks at a clock: a simulation takes the same turns
every time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

#: Objects that are turned into another form between two turns. That takes 20 to 40 us for a pod.
FORMS: Final = 100

#: Things that are looked at between two turns. Reading the labels or fields of an object takes up to 8 us at first.
SIZE: Final = 500


async def of(things: Sequence[T], size: int = 0) -> AsyncIterator[Sequence[T]]:
    """The things in order, no more than `size` at a time (0: SIZE)."""
    size = size or SIZE
    for first in range(0, len(things), size):
        if first:
            await others()
        yield things[first : first + size]


async def others() -> None:
    """Let others go on first."""
    await asyncio.sleep(0)
