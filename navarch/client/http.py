"""The HTTP/1.1 transport: a small pool of TLS connections to one API server.

Plain calls take a free connection and give it back; a watch has one of its own and closes it when
its reader stops. A call on a connection that the server had closed meanwhile is tried once again on
a new one: nothing of it was processed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast
from urllib.parse import quote, urlsplit

import httptools

from navarch.client.contract import Unreachable, WatchEvent
from navarch.client.rest import Call, RestClient, error_of, event_of

#: Idle connections kept; more are closed when they come back.
MAX_IDLE = 8

CONNECT_TIMEOUT_S = 10.0

#: Longest wait for the answer of a plain call.
CALL_TIMEOUT_S = 60.0


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self._parser: httptools.HttpResponseParser | None = None
        self._status = 0
        self._chunks: list[bytes] = []
        self._done: asyncio.Future[None] | None = None
        self._on_head: Callable[[int], None] | None = None
        self._on_body: Callable[[bytes], None] | None = None
        self.keep_alive = True

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TLS transport is one in all but its base class.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._finish(Unreachable(f"the server's answer is no HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._finish(_Closed(f"the connection was closed: {exc or 'by the server'}"))

    # --- httptools

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self._status = self._parser.get_status_code()
        self.keep_alive = self._parser.should_keep_alive()
        if self._on_head is not None:
            self._on_head(self._status)

    def on_body(self, body: bytes) -> None:
        if self._on_body is not None and self._status < 300:
            self._on_body(body)
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        self._finish(None)

    # --- one exchange

    async def exchange(
        self, head: bytes, body: bytes, on_body: Callable[[bytes], None] | None = None
    ) -> tuple[int, bytes]:
        """Send a request, wait for the end of its answer. Raises: Unreachable."""
        if self.closed:
            raise _Closed("the connection was closed")
        assert self.transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._chunks = []
        self._status = 0
        self._on_body = on_body
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(head + body)
        await self._done
        return self._status, b"".join(self._chunks)

    def _finish(self, error: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            if error is None:
                self._done.set_result(None)
            elif self._status and isinstance(error, _Closed):
                self._done.set_exception(Unreachable(str(error)))
            else:
                self._done.set_exception(error)

    def close(self) -> None:
        self.closed = True
        if self.transport is not None:
            self.transport.close()


class _Closed(Unreachable):
    """The connection ended before any part of an answer came."""


class HttpTransport:
    """Carries calls to the server at `url`, with a client certificate in `tls` or a bearer `token`."""

    #: Lists come in pages, each of which holds nobody up for long.
    streams_lists = False

    def __init__(self, url: str, tls: ssl.SSLContext | None, token: str = "", user_agent: str = "navarch") -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._base = parts.path.rstrip("/")
        self._tls = tls if parts.scheme == "https" else None
        lines = [f"Host: {parts.netloc}", f"User-Agent: {user_agent}"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        self._common = "\r\n".join(lines).encode()
        self._idle: list[_Connection] = []
        self._watching: set[_Connection] = set()

    async def send(self, call: Call) -> bytes:
        head = self._head(call)
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                status, body = await self._send(head, call.body)
        except TimeoutError:
            raise Unreachable(f"{call.method} {call.path}: no answer in {CALL_TIMEOUT_S:.0f} s") from None
        if status >= 400:
            raise error_of(status, body)
        return body

    async def _send(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        while self._idle:
            connection = self._idle.pop()
            try:
                return await self._exchange(connection, head, body)
            except _Closed:
                continue
        return await self._exchange(await self._connect(), head, body)

    async def _exchange(self, connection: _Connection, head: bytes, body: bytes) -> tuple[int, bytes]:
        try:
            answer = await connection.exchange(head, body)
        except BaseException:
            connection.close()
            raise
        if connection.keep_alive and not connection.closed and len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    async def watch(self, call: Call) -> AsyncIterator[Sequence[WatchEvent]]:
        connection = await self._connect()
        self._watching.add(connection)
        lines = _Lines()
        exchange = asyncio.ensure_future(connection.exchange(self._head(call), b"", lines.feed))
        exchange.add_done_callback(lambda _: lines.end())
        try:
            while (batch := await lines.next()) is not None:
                yield [event_of(line) for line in batch]
            status, body = await exchange
            if status >= 400:
                raise error_of(status, body)
        finally:
            self._watching.discard(connection)
            connection.close()
            if not exchange.done():
                exchange.cancel()
            elif not exchange.cancelled():
                exchange.exception()

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, connection = await loop.create_connection(_Connection, self._host, self._port, ssl=self._tls)
        except (OSError, TimeoutError) as error:
            text = str(error) or f"no answer in {CONNECT_TIMEOUT_S:.0f} s"
            raise Unreachable(f"{self._host}:{self._port}: {text}") from None
        return connection

    def _head(self, call: Call) -> bytes:
        target = quote(self._base + call.path, safe="/:@!$&'()*+,;=-._~%")
        if call.query:
            target += "?" + call.query
        lines = [f"{call.method} {target} HTTP/1.1".encode(), self._common]
        headers = {"accept": "application/json"} | call.headers
        if call.body:
            headers.setdefault("content-type", "application/json")
        if call.body or call.method in ("POST", "PUT", "PATCH"):
            lines.append(b"Content-Length: %d" % len(call.body))
        lines += [f"{name}: {value}".encode() for name, value in headers.items()]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    async def close(self) -> None:
        for connection in [*self._idle, *self._watching]:
            connection.close()
        self._idle.clear()


class _Lines:
    """Lines out of a stream's chunks, handed over in batches."""

    def __init__(self) -> None:
        self._rest = b""
        self._ready: list[bytes] = []
        self._wake = asyncio.Event()
        self._ended = False

    def feed(self, chunk: bytes) -> None:
        *whole, self._rest = (self._rest + chunk).split(b"\n") if self._rest else chunk.split(b"\n")
        if whole:
            self._ready += [line for line in whole if line]
            self._wake.set()

    def end(self) -> None:
        self._ended = True
        self._wake.set()

    async def next(self) -> list[bytes] | None:
        """The lines that have come, waiting for the first; None at the end."""
        while not self._ready:
            if self._ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        batch, self._ready = self._ready, []
        return batch


def http_client(url: str, tls: ssl.SSLContext | None, *, token: str = "", user_agent: str = "navarch") -> RestClient:
    """A client of the API server at `url`."""
    return RestClient(HttpTransport(url, tls, token, user_agent))
