"""The way between a component and the API server, with what may go wrong on it.

A `Link` belongs to one component. It can be cut (every call fails, watches end), slowed (watch events
come later, in order), made to lose a race (the next write answers 409), and made to kill its component
after a number of writes. Watches are streams, so events of one watch are never reordered; what is
reordered is one watch against another, by different delays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from navarch.base.errors import MODIFIED, conflict
from navarch.client.contract import Unreachable, WatchEvent
from navarch.client.direct import DirectTransport, Handle
from navarch.client.rest import Call, RestClient
from navarch.wire.messages import User

_WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Link:
    """The state of one component's connection. All fields may be set at any time."""

    def __init__(self, name: str, *, counts: Callable[[Call], bool] = lambda _: True) -> None:
        self.name = name
        #: Every call fails and every watch ends while this is set.
        self.cut = False
        #: Seconds by which watch events come late, per resource plural; "" is the default.
        self.delays_s: dict[str, float] = {}
        #: So many writes to come lose an optimistic race.
        self.conflicts = 0
        #: The component dies once so many more writes have been answered; None: never.
        self.writes_left: int | None = None
        self.on_crash: Callable[[], None] = lambda: None
        self._counts = counts
        self._open: set[asyncio.Event] = set()

    def drop_watches(self) -> None:
        """End every open watch, as a lost connection does. Undelivered events are lost with it."""
        for ended in self._open:
            ended.set()

    def delay_s(self, path: str) -> float:
        for plural, delay in self.delays_s.items():
            if plural and f"/{plural}" in path:
                return delay
        return self.delays_s.get("", 0.0)

    def before(self, call: Call) -> None:
        """Raises: Unreachable, or StatusError 409 for a race lost on purpose."""
        if self.cut:
            raise Unreachable(f"{self.name}: the link is cut")
        if self.conflicts and call.method in ("PUT", "PATCH") and self._counts(call):
            self.conflicts -= 1
            raise conflict(call.path.split("/")[-2], call.path.split("/")[-1], MODIFIED)

    def after(self, call: Call) -> None:
        if self.writes_left is None or call.method not in _WRITES or not self._counts(call):
            return
        self.writes_left -= 1
        if self.writes_left <= 0:
            self.writes_left = None
            self.on_crash()

    def opened(self, ended: asyncio.Event) -> None:
        self._open.add(ended)

    def closed(self, ended: asyncio.Event) -> None:
        self._open.discard(ended)


class LinkedTransport:
    """A direct transport behind a link."""

    def __init__(self, direct: DirectTransport, link: Link) -> None:
        self._direct = direct
        self._link = link

    async def send(self, call: Call) -> bytes:
        self._link.before(call)
        answer = await self._direct.send(call)
        self._link.after(call)
        if self._link.cut:
            raise Unreachable(f"{self._link.name}: the answer was lost")
        return answer

    async def watch(self, call: Call) -> AsyncIterator[Sequence[WatchEvent]]:
        link = self._link
        link.before(call)
        ended = asyncio.Event()
        link.opened(ended)
        stream = self._direct.watch(call)
        try:
            async for batch in _until(stream, ended):
                delay = link.delay_s(call.path)
                if delay > 0:
                    await asyncio.sleep(delay)
                if ended.is_set():
                    break
                yield batch
        finally:
            link.closed(ended)
            await stream.aclose()  # type: ignore[attr-defined]
        raise Unreachable(f"{link.name}: the watch was lost")

    async def close(self) -> None:
        return None


async def _until(
    stream: AsyncIterator[Sequence[WatchEvent]], ended: asyncio.Event
) -> AsyncIterator[Sequence[WatchEvent]]:
    """The batches of a stream until the event is set."""
    stop = asyncio.ensure_future(ended.wait())
    following: asyncio.Future[Sequence[WatchEvent]] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(stream))
            await asyncio.wait({following, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                return
            try:
                batch = following.result()
            except StopAsyncIteration:
                return
            yield batch
    finally:
        stop.cancel()
        if following is not None and not following.done():
            following.cancel()
            await asyncio.wait({following})


def linked_client(handle: Handle, user: User, link: Link) -> RestClient:
    """A client of the server behind `handle`, over a link. The link's name is the user agent."""
    return RestClient(LinkedTransport(DirectTransport(handle, user, link.name), link))
