"""Priority levels at work: seats that are taken and left, and requests that wait for one.

Taking a free seat is an addition and a comparison. Only when a level is full a request waits in its
queues, borrows a seat that another level lends and does not use, or is turned away.

Source: flowcontrol.apiserver.k8s.io/v1 (PriorityLevelConfiguration); KEP-1040.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from typing import Final

from navarch.schema.types import Tree
from navarch.server.fairness.queues import QueueSet

#: How long a request waits at most: a quarter of what it may take in all.
WAIT_S: Final = 15.0

Seat = asyncio.Future[bool]


class Level:
    """One priority level. `nominal` is how many seats are its own; `uid` names it in answers. A level that is
    not configured is exempt."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.uid = ""
        self.exempt = True
        self.shares = 0
        self.nominal = 0
        self.in_use = 0
        self.dispatched = 0
        self.rejected: dict[str, int] = {}
        self._lendable_percent = 0
        self._borrowing_percent: int | None = None
        self._others: list[Level] = []
        self._queuing: Tree = {}
        self._queues: QueueSet[Seat] | None = None

    def configure(self, uid: str, spec: Tree) -> None:
        """Be what a PriorityLevelConfiguration says from now on. Who waits in queues that go is let in."""
        part = spec.get("limited") or spec.get("exempt") or {}
        self.uid = uid
        self.exempt = spec["type"] == "Exempt"
        self.shares = part.get("nominalConcurrencyShares") or 0
        self._lendable_percent = part.get("lendablePercent") or 0
        self._borrowing_percent = part.get("borrowingLimitPercent")
        queuing = (part.get("limitResponse") or {}).get("queuing") or {}
        if queuing != self._queuing:
            self.serve(everybody=True)
            self._queuing = queuing
            self._queues = None

    @property
    def waiting(self) -> int:
        return self._queues.count if self._queues is not None else 0

    def take(self, seats: int) -> bool:
        """Take seats if there are and nobody waits for them."""
        if self.waiting or not self._fits(seats):
            return False
        self.in_use += seats
        self.dispatched += 1
        return True

    async def wait(self, flow: str, seats: int) -> str:
        """Wait for the seats, which are taken then; else why they are not to be had."""
        if not self._queuing:
            return self._reject("concurrency-limit")
        if self._queues is None:
            # Made when they are first needed: most levels are never full.
            shape = self._queuing
            self._queues = QueueSet(shape["queues"], shape["handSize"], shape["queueLengthLimit"])
        queues = self._queues
        loop = asyncio.get_running_loop()
        seat: Seat = loop.create_future()
        if not queues.put(flow, seat, seats):
            return self._reject("queue-full")
        timer = loop.call_later(WAIT_S, _give_up, seat)
        try:
            if await seat:
                return ""
            queues.remove(seat)
            return self._reject("time-out")
        except asyncio.CancelledError:
            if seat.done() and not seat.cancelled() and seat.result():
                self.leave(seats)
            else:
                queues.remove(seat)
            raise
        finally:
            timer.cancel()

    def leave(self, seats: int) -> None:
        """Give seats back; whoever waits for them gets them."""
        self.in_use -= seats
        self.serve()
        for other in self._others:
            if other.waiting:
                other.serve()

    def serve(self, *, everybody: bool = False) -> None:
        """Hand out the seats that there are, or seats to everybody who waits."""
        queues = self._queues
        while queues is not None and (found := queues.first()) is not None:
            seat, seats = found
            if not seat.done():
                if not everybody and not self._fits(seats):
                    return
                self.in_use += seats
                self.dispatched += 1
                seat.set_result(True)
            queues.take()

    def share(self, seats: int, levels: Iterable[Level]) -> None:
        """Set how many of the server's seats are this level's."""
        levels = list(levels)
        total = sum(level.shares for level in levels)
        self.nominal = math.ceil(seats * self.shares / total) if total else 0
        self._others = [level for level in levels if level is not self and not level.exempt]

    @property
    def _lent_at_most(self) -> int:
        return round(self.nominal * self._lendable_percent / 100)

    @property
    def spare(self) -> int:
        """Seats that others may use now."""
        return max(0, min(self._lent_at_most, self.nominal - self.in_use))

    def _fits(self, seats: int) -> bool:
        wanted = self.in_use + seats
        # A request that is wider than its whole level runs alone.
        if wanted <= self.nominal or not self.in_use:
            return True
        most = math.inf
        if self._borrowing_percent is not None:
            most = self.nominal + round(self.nominal * self._borrowing_percent / 100)
        borrowed = sum(max(0, other.in_use - other.nominal) for other in self._others)
        return wanted <= most and wanted - self.nominal + borrowed <= sum(other.spare for other in self._others)

    def _reject(self, why: str) -> str:
        self.rejected[why] = self.rejected.get(why, 0) + 1
        return why


def _give_up(seat: Seat) -> None:
    if not seat.done():
        seat.set_result(False)
