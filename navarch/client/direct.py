"""The client that enters a server of the same process, after authentication.

Authorisation, admission and everything else apply as to any request. Lists and watches pass the
store's bytes and events on without copying them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from navarch.base.errors import StatusError
from navarch.client.contract import WatchEvent
from navarch.client.rest import Call, RestClient, error_of
from navarch.wire.messages import Request, Response, User

#: Answers a request whose user is set. Errors come as responses.
Handle = Callable[[Request], Awaitable[Response]]

#: A watcher that is this many events behind is cut off and lists again.
MAX_PENDING_EVENTS = 100_000


class Feed(Protocol):
    """A watch answer's stream, as a server in the same process offers it."""

    def attach(
        self, deliver: Callable[[Sequence[WatchEvent]], None], on_end: Callable[[], None]
    ) -> list[WatchEvent]: ...

    def stop(self) -> None: ...


class DirectTransport:
    """Carries calls to `handle` as one user."""

    #: What there is comes as the views that the process shares, and costs one call.
    streams_lists = True

    def __init__(self, handle: Handle, user: User, user_agent: str) -> None:
        self._handle = handle
        self._user = user
        self._user_agent = user_agent

    def _request(self, call: Call) -> Request:
        headers = {"user-agent": self._user_agent, **call.headers}
        return Request(call.method, call.path, call.query, headers, call.body, user=self._user)

    async def send(self, call: Call) -> bytes:
        response = await self._handle(self._request(call))
        if response.status >= 400:
            raise error_of(response.status, response.body)
        return response.body

    async def watch(self, call: Call) -> AsyncIterator[Sequence[WatchEvent]]:
        response = await self._handle(self._request(call))
        if response.status >= 400:
            raise error_of(response.status, response.body)
        feed: Feed = response.stream  # type: ignore[assignment]
        wake = asyncio.Event()
        ended = False

        def deliver(events: Sequence[WatchEvent]) -> None:
            pending.extend(events)
            wake.set()

        def on_end() -> None:
            nonlocal ended
            ended = True
            wake.set()

        pending: list[WatchEvent] = []
        initial = feed.attach(deliver, on_end)
        try:
            if initial:
                yield initial
            while True:
                if not pending:
                    if ended:
                        return
                    wake.clear()
                    await wake.wait()
                    continue
                if len(pending) > MAX_PENDING_EVENTS:
                    raise StatusError(410, "Expired", "the watcher is too far behind: list again")
                batch = pending[:]
                pending.clear()
                yield batch
        finally:
            feed.stop()

    async def close(self) -> None:
        return None


def direct_client(handle: Handle, user: User, user_agent: str) -> RestClient:
    """A client of the server behind `handle`; `user_agent` names the component (`kube-scheduler`)."""
    return RestClient(DirectTransport(handle, user, user_agent))
