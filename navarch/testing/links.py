"""The way between a component and the API server, with what may go wrong on it.

A `Link` belongs to one component. It can be cut (every call fails, watches end), slowed (watch events
come later), made to lose races, answers and connections, and made to kill its component after a number
of writes. A watch is a stream, so events of one watch are never reordered and never missing from its
middle; what is reordered is one watch against another, and what is lost is the end of a stream.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from navarch.base.errors import MODIFIED, conflict
from navarch.client.contract import Unreachable, WatchEvent
from navarch.client.direct import Feed, Handle, direct_client
from navarch.client.rest import RestClient
from navarch.server.request_info import request_info
from navarch.wire.messages import Request, Response, User

_WRITES = ("POST", "PUT", "PATCH", "DELETE")

#: A component's diary and its heartbeats are not writes that a fault is counted by.
_UNCOUNTED = ("/events", "/leases")


class Chance(Protocol):
    """Where the delays of a reordering link come from."""

    def uniform(self, low: float, high: float) -> float: ...


class Link:
    """The state of one component's connection. All fields may be set at any time."""

    def __init__(self, name: str, chance: Chance) -> None:
        self.name = name
        #: Every call fails and every watch ends while this is set.
        self.cut = False
        #: Seconds by which watch events come late, per resource plural; "" is the default.
        self.delays_s: dict[str, float] = {}
        #: Further delay, chosen anew for each delivery: watches overtake each other.
        self.jitter_s: dict[str, float] = {}
        #: Seconds that every call is on its way before it is looked at.
        self.lag_s = 0.0
        #: So many writes to come lose an optimistic race.
        self.conflicts = 0
        #: So many writes to come are carried out, but their answers never arrive.
        self.lost_answers = 0
        #: The component dies once so many more writes have been answered; None: never.
        self.writes_left: int | None = None
        self.on_crash: Callable[[], None] = lambda: None
        #: Set while a killed component has not started again: nothing it still tries gets through.
        self.dead = False
        self._chance = chance
        self._feeds: dict[LinkedFeed, None] = {}

    def copy(self, chance: Chance) -> Link:
        """A link with the same faults and no connection yet."""
        twin = Link(self.name, chance)
        twin.cut, twin.lag_s = self.cut, self.lag_s
        twin.delays_s, twin.jitter_s = dict(self.delays_s), dict(self.jitter_s)
        twin.conflicts, twin.lost_answers, twin.writes_left = self.conflicts, self.lost_answers, self.writes_left
        return twin

    def drop_watches(self, plural: str = "") -> None:
        """Lose the connections of open watches, with the events that were still on their way."""
        for feed in [f for f in self._feeds if not plural or f.plural == plural]:
            feed.drop()

    def heal(self) -> None:
        """Undo cuts, delays and faults to come."""
        self.cut = False
        self.lag_s = 0.0
        self.delays_s.clear()
        self.jitter_s.clear()
        self.conflicts = self.lost_answers = 0
        self.writes_left = None

    def delay_s(self, plural: str) -> float:
        """How late the next delivery of a watch comes."""
        delay = self.delays_s.get(plural, self.delays_s.get("", 0.0))
        jitter = self.jitter_s.get(plural, self.jitter_s.get("", 0.0))
        return delay + self._chance.uniform(0.0, jitter) if jitter else delay

    async def carry(self, handle: Handle, request: Request) -> Response:
        """One call and its answer. Raises: Unreachable, or StatusError 409 for a race lost on purpose."""
        if self.lag_s:
            await asyncio.sleep(self.lag_s)
        if self.dead:
            await _never()
        if self.cut:
            raise Unreachable(f"{self.name}: the link is cut")
        counted = request.method in _WRITES and not request.path.endswith(_UNCOUNTED) and "/leases/" not in request.path
        if self.conflicts and counted and request.method in ("PUT", "PATCH"):
            self.conflicts -= 1
            info = request_info(request.method, request.path)
            raise conflict(info.resource, info.name, MODIFIED, info.group)
        response = await handle(request)
        if response.stream is not None:
            response.stream = LinkedFeed(response.stream, self, request)  # type: ignore[arg-type, assignment]
        if counted:
            await self._written()
        if self.cut:
            raise Unreachable(f"{self.name}: the answer was lost")
        return response

    async def _written(self) -> None:
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left <= 0:
                self.writes_left = None
                self.dead = True
                self.on_crash()
                await _never()
        if self.lost_answers:
            self.lost_answers -= 1
            raise Unreachable(f"{self.name}: the answer was lost")

    def opened(self, feed: LinkedFeed) -> None:
        self._feeds[feed] = None

    def closed(self, feed: LinkedFeed) -> None:
        self._feeds.pop(feed, None)


async def _never() -> None:
    """Wait to be cancelled."""
    await asyncio.get_running_loop().create_future()


class LinkedFeed:
    """A watch's stream behind a link. Events wait in line, each until its delay is over."""

    def __init__(self, feed: Feed, link: Link, request: Request) -> None:
        assert request.info is not None
        self.plural = request.info.resource
        self._feed = feed
        self._link = link
        self._line: deque[Sequence[WatchEvent]] = deque()
        self._deliver: Callable[[Sequence[WatchEvent]], None] = lambda _: None
        self._on_end: Callable[[], None] = lambda: None
        self._gone = False

    def attach(self, deliver: Callable[[Sequence[WatchEvent]], None], on_end: Callable[[], None]) -> list[WatchEvent]:
        self._deliver, self._on_end = deliver, on_end
        self._link.opened(self)
        return self._feed.attach(self._arrive, self._end)

    def stop(self) -> None:
        self._leave()
        self._feed.stop()

    def drop(self) -> None:
        """The connection is lost, and with it what is in line."""
        self._leave()
        self._on_end()

    def _leave(self) -> None:
        self._gone = True
        self._line.clear()
        self._link.closed(self)

    def _arrive(self, events: Sequence[WatchEvent]) -> None:
        if self._gone:
            return
        delay = self._link.delay_s(self.plural)
        if delay <= 0 and not self._line:
            self._deliver(events)
            return
        self._line.append(events)
        if len(self._line) == 1:
            self._wait(delay)

    def _wait(self, delay: float) -> None:
        asyncio.get_running_loop().call_later(delay, self._pass_on)

    def _pass_on(self) -> None:
        """Deliver all that is in line: the first has waited for its time, the others came later and are
        as fast as the stream they are in."""
        events = [event for batch in self._line for event in batch]
        self._line.clear()
        if events:
            self._deliver(events)

    def _end(self) -> None:
        if not self._gone:
            self._on_end()


def linked_client(handle: Handle, user: User, link: Link) -> RestClient:
    """A client of the server behind `handle`, over a link. The link's name is the user agent."""

    async def carry(request: Request) -> Response:
        return await link.carry(handle, request)

    return direct_client(carry, user, link.name)
