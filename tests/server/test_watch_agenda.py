"""Appointments are kept to the second, dropped ones are not, and one timer serves all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

from navarch.seams.sim import SimLoop
from navarch.server.watch_agenda import Agenda, Second


class Diary:
    """Notes when it is due; comes again every `again_s`."""

    def __init__(self, agenda: Agenda, again_s: float = 0.0) -> None:
        self.appointment: Second | None = None
        self.times: list[float] = []
        self._agenda, self._again_s = agenda, again_s

    def due(self) -> None:
        self.times.append(asyncio.get_running_loop().time())
        if self._again_s:
            self._agenda.set(self, self._again_s)


def run(main: Callable[[Agenda], None], seconds: float) -> None:
    async def inner() -> None:
        main(Agenda())
        await asyncio.sleep(seconds)

    loop = SimLoop()
    try:
        loop.run_until_complete(inner())
    finally:
        loop.close()


def test_whoever_is_due_is_called_once_and_may_come_again() -> None:
    seen: list[Diary] = []

    def main(agenda: Agenda) -> None:
        seen.extend([Diary(agenda), Diary(agenda), Diary(agenda, again_s=10)])
        for who, after_s in zip(seen, (30.5, 5, 5), strict=True):
            agenda.set(who, after_s)

    run(main, 36)
    once, soon, often = (who.times for who in seen)
    assert len(once) == len(soon) == 1
    assert 30.5 <= once[0] - often[0] + 5 <= 31.5
    assert soon == often[:1]
    assert [later - earlier for earlier, later in pairwise(often)] == [10, 10, 10]


def test_who_is_dropped_is_not_called_even_by_another_of_the_same_second() -> None:
    called: list[str] = []

    class Rival:
        def __init__(self, agenda: Agenda) -> None:
            self.appointment: Second | None = None
            self.agenda = agenda
            self.other: Rival | None = None

        def due(self) -> None:
            called.append("one")
            if self.other is not None:
                self.agenda.drop(self.other)

    def main(agenda: Agenda) -> None:
        first, second, gone = Rival(agenda), Rival(agenda), Rival(agenda)
        first.other, second.other = second, first
        for each in (first, second, gone):
            agenda.set(each, 3)
        agenda.drop(gone)
        agenda.drop(gone)

    run(main, 10)
    assert called == ["one"]


def test_without_appointments_no_timer_waits() -> None:
    def main(agenda: Agenda) -> None:
        who = Diary(agenda)
        agenda.set(who, 1000)
        agenda.drop(who)
        assert agenda._timer is None

    run(main, 1)
