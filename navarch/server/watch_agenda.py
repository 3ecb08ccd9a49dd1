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

from navarch.server.rows import Row


class Appointed(Protocol):
    """Who can have one appointment, which is the agenda's."""

    appointment: Second | None

    def due(self) -> None: ...


class Second(Row[Appointed]):
    """Who is due at one second of the loop's clock. Nobody whose appointment was dropped gets another."""

    __slots__ = ()

    def is_here(self, member: Appointed) -> bool:
        return member.appointment is self


class Agenda:
    """Belongs to one event loop, from its first appointment on."""

    def __init__(self) -> None:
        self._seconds: dict[int, Second] = {}
        self._timer: asyncio.TimerHandle | None = None

    def set(self, who: Appointed, after_s: float) -> None:
        """The next appointment of somebody who has none."""
        at = ceil(asyncio.get_running_loop().time() + after_s)
        second = self._seconds.get(at)
        if second is None:
            second = self._seconds[at] = Second()
            if self._timer is None or at < self._timer.when():
                self._wait()
        second.append(who)
        who.appointment = second

    def drop(self, who: Appointed) -> None:
        second, who.appointment = who.appointment, None
        if second is not None:
            second.left()
            # An empty second stays until its time comes, unless nobody has an appointment.
            if not second and not any(self._seconds.values()):
                self._seconds.clear()
                self._wait()

    def _wait(self) -> None:
        """Wake up for what comes first."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._seconds:
            self._timer = asyncio.get_running_loop().call_at(min(self._seconds), self._wake)

    def _wake(self) -> None:
        now = asyncio.get_running_loop().time()
        for at in sorted(at for at in self._seconds if at <= now):
            second = self._seconds.pop(at)
            for who in second.present():
                # Whoever was called may have dropped others.
                if who.appointment is second:
                    who.appointment = None
                    who.due()
        self._wait()
