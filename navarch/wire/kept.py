"""Short requests to other servers over connections that are kept: webhooks are called at every write.

    connections = KeptConnections()
    status, body = await connections.post(upstream, "/mutate?timeout=10s", headers, body, limit)
    connections.close()

A handshake costs both ends some milliseconds, a call on a kept connection a fraction of one. An idle connection
is kept for 30 seconds. A call on one that the server had closed meanwhile is made again on a new one. Nothing is
kept of a server to which no connection stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, cast

import httptools

from navarch.wire.collect import AnswerTooLong
from navarch.wire.relay import CONNECT_TIMEOUT_S, Upstream

IDLE_S: Final = 30.0
#: Idle connections to one server; more are closed when they come back.
MAX_IDLE: Final = 8


class KeptConnections:
    """The idle connections of one process to the servers that it asks."""

    def __init__(self) -> None:
        self._idle: dict[Upstream, list[_Kept]] = {}

    @property
    def upstreams(self) -> set[Upstream]:
        """The servers to which an idle connection stands."""
        return set(self._idle)

    def close(self) -> None:
        for several in tuple(self._idle.values()):
            for each in tuple(several):
                each.close()

    async def post(
        self, upstream: Upstream, target: str, headers: Mapping[str, str], body: bytes, limit: int
    ) -> tuple[int, bytes]:
        """Status and body of the answer.

        Raises: OSError, also for a server that does not speak HTTP or breaks off; AnswerTooLong beyond `limit`.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        message = f"POST {target} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body
        kept = self._take(upstream)
        if kept is not None:
            try:
                return await self._exchange(upstream, kept, message, limit)
            except ConnectionError:
                if kept.has_answered:
                    raise
        return await self._exchange(upstream, await _dial(upstream), message, limit)

    async def _exchange(self, upstream: Upstream, kept: _Kept, message: bytes, limit: int) -> tuple[int, bytes]:
        try:
            answer = await kept.exchange(message, limit)
        except BaseException:
            kept.close()
            raise
        if kept.keeps_alive and len(self._idle.get(upstream, ())) < MAX_IDLE:
            self._idle.setdefault(upstream, []).append(kept)
            kept.rest(lambda: self._remove(upstream, kept))
        else:
            kept.close()
        return answer

    def _take(self, upstream: Upstream) -> _Kept | None:
        """The idle connection that was used last, if there is one."""
        idle = self._idle.get(upstream)
        if not idle:
            return None
        kept = idle[-1]
        self._remove(upstream, kept)
        return kept

    def _remove(self, upstream: Upstream, kept: _Kept) -> None:
        idle = self._idle[upstream]
        idle.remove(kept)
        if not idle:
            del self._idle[upstream]


async def _dial(upstream: Upstream) -> _Kept:
    loop = asyncio.get_running_loop()
    name = (upstream.server_name or upstream.host) if upstream.tls else None
    dial = loop.create_connection(_Kept, upstream.host, upstream.port, ssl=upstream.tls, server_hostname=name)
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        _, kept = await dial
    return kept


class _Kept(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.keeps_alive = False
        #: Whether anything of the current answer has come.
        self.has_answered = False
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._parts: list[bytes] = []
        self._left = 0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._on_gone: Callable[[], None] | None = None

    async def exchange(self, message: bytes, limit: int) -> tuple[int, bytes]:
        self._on_gone = None
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._parser = httptools.HttpResponseParser(self)
        self._answer = asyncio.get_running_loop().create_future()
        self._parts, self._left, self.has_answered = [], limit, False
        self._transport.write(message)
        return await self._answer

    def rest(self, on_gone: Callable[[], None]) -> None:
        """Wait for the next request, but not for ever: `on_gone` is called when the connection ends before one."""
        self._on_gone = on_gone
        self._idle_timer = asyncio.get_running_loop().call_later(IDLE_S, self.close)

    def close(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._gone()
        self._transport.abort()

    # --- the event loop's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TLS transport is one in all but its base class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            # Nobody asked: whatever this is, the connection is of no use any more.
            self.close()
            return
        self.has_answered = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"malformed HTTP response: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()
        self._fail(exc or ConnectionResetError("EOF"))

    # --- the parser's calls

    def on_body(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._fail(AnswerTooLong("the answer is too long"))
        self._parts.append(data)

    def on_message_complete(self) -> None:
        self.keeps_alive = self._parser.should_keep_alive()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), b"".join(self._parts)))

    def _gone(self) -> None:
        self.keeps_alive = False
        on_gone, self._on_gone = self._on_gone, None
        if on_gone is not None:
            on_gone()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
