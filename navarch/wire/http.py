"""The API server's HTTP server, on TCP with TLS or on a Unix socket; HTTP/2 where TLS agrees on it.

    server = await serve(handle, ssl_context, "127.0.0.1", 6443)
    ...
    await server.close()

`handle` gets every request. If it finishes without waiting it runs without a task (see `run.py`).
It never makes decisions about requests: that is what the filters are for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, cast

import aiofastnet

from navarch.wire.connection import Connection
from navarch.wire.http2.connection import Http2Connection
from navarch.wire.messages import Request, Response

Handle = Callable[[Request], Coroutine[Any, Any, Response]]

BACKLOG = 1024
HANDSHAKE_TIMEOUT_S = 10.0
SWEEP_INTERVAL_S = 2.0
DRAIN_S = 10.0


class Server:
    """A listening server and its connections. Made by `serve`."""

    def __init__(self, handle: Handle, loop: asyncio.AbstractEventLoop) -> None:
        self.handle = handle
        self.loop = loop
        self.connections: set[Connection | Http2Connection] = set()
        self.draining = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[asyncio.AbstractServer] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    @property
    def port(self) -> int:
        """The TCP port, for servers that asked for port 0."""
        listener = self._listeners[0]
        port: int = cast(asyncio.Server, listener).sockets[0].getsockname()[1]
        return port

    async def listen(self, host: str, port: int, ssl_context: ssl.SSLContext | None) -> None:
        """Raises: OSError when the address is taken or not ours."""
        self._add(
            await aiofastnet.create_server(
                self.loop,
                lambda: Accepted(self) if ssl_context else Connection(self),
                host,
                port,
                ssl=ssl_context,
                backlog=BACKLOG,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S if ssl_context else None,
            )
        )

    async def close(self, drain_s: float = DRAIN_S) -> None:
        """Accept nothing more, end the streams, wait for running requests at most `drain_s`."""
        self.draining = True
        for listener in self._listeners:
            listener.close()
        for connection in tuple(self.connections):
            connection.drain()
        if self.connections:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), drain_s)
            except TimeoutError:
                for connection in tuple(self.connections):
                    connection.abort()
        for task in self._tasks:
            task.cancel()
        if self._sweep is not None:
            self._sweep.cancel()

    def start_task(self, rest: Coroutine[Any, Any, None]) -> None:
        """Run what is left of a request; the server owns the task until it is done."""
        task = self.loop.create_task(rest)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, connection: Connection | Http2Connection) -> None:
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    def _add(self, listener: asyncio.AbstractServer) -> None:
        self._listeners.append(listener)
        if self._sweep is None:
            self._sweep = self.loop.call_later(SWEEP_INTERVAL_S, self._expire)

    def _expire(self) -> None:
        now = self.loop.time()
        for connection in tuple(self.connections):
            connection.expire(now)
        self._sweep = self.loop.call_later(SWEEP_INTERVAL_S, self._expire)


class Accepted(asyncio.Protocol):
    """A connection whose TLS handshake has yet to say which version of HTTP it carries."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tls = transport.get_extra_info("ssl_object")
        is_http2 = tls.selected_alpn_protocol() == "h2"
        chosen = Http2Connection(self._server) if is_http2 else Connection(self._server)
        transport.set_protocol(chosen)
        chosen.connection_made(transport)


async def serve(handle: Handle, ssl_context: ssl.SSLContext | None, host: str, port: int) -> Server:
    """Listen on TCP; port 0 takes a free one (`Server.port`). Raises: OSError."""
    server = Server(handle, asyncio.get_running_loop())
    await server.listen(host, port, ssl_context)
    return server
