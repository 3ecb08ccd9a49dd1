"""When watches hear of the revision again, and when they end: thousands of appointments with one timer.

    agenda.set(stream, after_s)      # stream.due() then, once
    agenda.drop(stream)

A timer of the event loop for each watch would cost more memory than the watch. Appointments are kept by the
second; what is due within one second is called together, at its end.
"""

from __future__ import annotations

import asyncio
from math import ceil
from typing import Protocol


class Appointed(Protocol):
    """Who can have one appointment. `due_s` is the agenda's: its second on the loop's clock, 0 for none."""

    due_s: int

    def due(self) -> None: ...


class Agenda:
    """Belongs to one event loop, from its first appointment on."""

    def __init__(self) -> None:
        self._by_second: dict[int, dict[Appointed, None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def set(self, who: Appointed, after_s: float) -> None:
        """The next appointment of somebody who has none."""
        second = ceil(asyncio.get_running_loop().time() + after_s)
        who.due_s = second
        known = self._by_second.get(second)
        if known is None:
            self._by_second[second] = {who: None}
            if self._timer is None or second < self._timer.when():
                self._wait()
        else:
            known[who] = None

    def drop(self, who: Appointed) -> None:
        known = self._by_second.get(who.due_s)
        who.due_s = 0
        if known is not None:
            known.pop(who, None)
            # An empty second stays until its time comes, unless it is the last one.
            if not any(self._by_second.values()):
                self._by_second.clear()
                self._wait()

    def _wait(self) -> None:
        """Wake up for what comes first."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._by_second:
            self._timer = asyncio.get_running_loop().call_at(min(self._by_second), self._wake)

    def _wake(self) -> None:
        now = asyncio.get_running_loop().time()
        for second in sorted(second for second in self._by_second if second <= now):
            for who in self._by_second.pop(second, ()):
                if who.due_s == second:
                    who.due_s = 0
                    who.due()
        self._wait()
