"""One address before several servers: each TCP connection is passed on, byte for byte, to one that is ready.

    front = Front([("127.0.0.11", 8443), ("127.0.0.12", 8443)])
    await front.listen("127.0.0.1", 8443)
    front.mark(0, Health.GONE)

TLS is between client and server: the front sees none of it. Who is ready is for the caller to find out. When
no server is known to be ready all are tried in turn; a connection that cannot be made goes on to the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial
from typing import cast

CONNECT_TIMEOUT_S = 2.0
#: Neither side is read from while the other has this much still to take.
BUFFER_BYTES = 1 << 18

Address = tuple[str, int]


class Health(IntEnum):
    """In the order in which servers are tried."""

    READY = 0
    #: It answers, and had better be left alone: connections that are there stay.
    UNREADY = 1
    #: It does not answer: its connections are ended, so that their clients come again.
    GONE = 2


class Front:
    """`servers` are asked one after the other."""

    def __init__(self, servers: Sequence[Address]) -> None:
        self._servers = tuple(servers)
        self._health = [Health.READY] * len(servers)
        self._open: list[set[_Pipe]] = [set() for _ in servers]
        self._turn = 0
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> int:
        """The port; 0 takes a free one. Raises: OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: _Pipe(self._accept), host, port)
        return int(self._listener.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Accept no more, and end all connections."""
        if self._listener is not None:
            self._listener.close()
        for task in self._tasks:
            task.cancel()
        for server in range(len(self._servers)):
            self._end(server)

    def mark(self, server: int, health: Health) -> None:
        """What is known of a server from now on."""
        if health is Health.GONE and self._health[server] is not Health.GONE:
            self._end(server)
        self._health[server] = health

    def connections(self, server: int) -> int:
        """How many connections to a server are open."""
        return len(self._open[server])

    def _end(self, server: int) -> None:
        for pipe in tuple(self._open[server]):
            pipe.abort()

    def _accept(self, client: _Pipe) -> None:
        task = asyncio.get_running_loop().create_task(self._join(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, client: _Pipe) -> None:
        loop = asyncio.get_running_loop()
        for number in self._order():
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    _, server = await loop.create_connection(_Pipe, *self._servers[number])
            except (OSError, TimeoutError):
                continue
            pipes = self._open[number]
            pipes.add(server)
            server.on_end = partial(pipes.discard, server)
            server.join(client)
            client.join(server)
            return
        client.abort()

    def _order(self) -> list[int]:
        """All servers, from the one whose turn it is on; first those that are ready."""
        count = len(self._servers)
        turn, self._turn = self._turn, (self._turn + 1) % count
        return sorted(range(count), key=lambda n: (self._health[n], (n - turn) % count))


class _Pipe(asyncio.Protocol):
    """One end of a connection that is passed on: what comes in here goes out at its peer."""

    def __init__(self, on_made: Callable[[_Pipe], None] | None = None) -> None:
        self.on_end: Callable[[], None] | None = None
        self._on_made = on_made
        self._peer: _Pipe | None = None
        self._transport: asyncio.Transport | None = None
        #: What came before there was a peer. Some loops begin to read after `connection_made` whatever it said.
        self._early: list[bytes] = []

    def join(self, peer: _Pipe) -> None:
        """Begin to pass on, unless this end is gone already."""
        self._peer = peer
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)
        if self._transport is None:
            peer.abort()
        else:
            self._transport.resume_reading()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(BUFFER_BYTES)
        self._transport.pause_reading()
        if self._on_made is not None:
            self._on_made(self)

    def data_received(self, data: bytes) -> None:
        peer = self._peer
        if peer is None:
            self._early.append(data)
        elif peer._transport is not None:
            peer._transport.write(data)

    def eof_received(self) -> bool:
        """The other direction goes on."""
        peer = self._peer
        if peer is not None and peer._transport is not None and peer._transport.can_write_eof():
            peer._transport.write_eof()
        return True

    def pause_writing(self) -> None:
        peer = self._peer
        if peer is not None and peer._transport is not None:
            peer._transport.pause_reading()

    def resume_writing(self) -> None:
        peer = self._peer
        if peer is not None and peer._transport is not None:
            peer._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self.on_end is not None:
            self.on_end()
        peer = self._peer
        if peer is not None and peer._transport is not None:
            # What is still to be written to the peer is written.
            peer._transport.close()
