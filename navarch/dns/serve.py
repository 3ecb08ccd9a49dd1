"""The sockets of the DNS server: UDP and TCP on one address.

UDP is read from the socket itself, several datagrams at a wake-up: at 40,000 questions a second the transport's
work per datagram would be the larger part.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct

from navarch.dns.chain import Chain
from navarch.dns.config import DnsConfig

log = logging.getLogger(__name__)

#: Datagrams read before the event loop gets its turn.
BURST = 64
RECEIVE_BUFFER_BYTES = 1 << 20


class Listener:
    """Serves a chain on one address. `port` 0 takes a free one, the same for UDP and TCP."""

    def __init__(self, chain: Chain, config: DnsConfig, address: str, group: asyncio.TaskGroup) -> None:
        self.port = config.port
        self._chain = chain
        self._config = config
        self._address = address
        self._group = group
        self._connections = 0
        self._waiting = 0
        self._udp: socket.socket | None = None
        self._tcp: asyncio.Server | None = None

    async def open(self) -> None:
        """Raises: OSError when the address is not ours or taken."""
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._connected, self._address, self.port)
        self.port = self._tcp.sockets[0].getsockname()[1]
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.setblocking(False)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            udp.bind((self._address, self.port))
        except OSError:
            udp.close()
            self._tcp.close()
            raise
        self._udp = udp
        loop.add_reader(udp.fileno(), self._readable, udp)

    def close(self) -> None:
        if self._udp is not None:
            asyncio.get_running_loop().remove_reader(self._udp.fileno())
            self._udp.close()
            self._udp = None
        if self._tcp is not None:
            self._tcp.close()

    def _readable(self, udp: socket.socket) -> None:
        now, counts = self._chain.now, self._chain.counts
        for _ in range(BURST):
            try:
                message, client = udp.recvfrom(4096)
            except (BlockingIOError, InterruptedError, ConnectionRefusedError):
                return
            counts["requests", "udp"] += 1
            answer = now(message)
            if answer is not None:
                _send(udp, answer, client)
            elif self._waiting < self._config.forwards_max:
                self._waiting += 1
                self._group.create_task(self._answer_later(udp, message, client))

    async def _answer_later(self, udp: socket.socket, message: bytes, client: object) -> None:
        try:
            answer = await self._chain.later(message)
        finally:
            self._waiting -= 1
        if self._udp is udp:
            _send(udp, answer, client)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= self._config.tcp_connections:
                await self._converse(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections -= 1
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(self._config.tcp_idle_s):
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                message = await reader.readexactly(length)
            self._chain.counts["requests", "tcp"] += 1
            answer = self._chain.now(message, tcp=True)
            if answer is None:
                answer = await self._chain.later(message, tcp=True)
            writer.write(struct.pack("!H", len(answer)) + answer)
            await writer.drain()


def _send(udp: socket.socket, answer: bytes, client: object) -> None:
    """A full send buffer or an unreachable client loses the answer, as UDP may."""
    try:
        udp.sendto(answer, client)  # type: ignore[call-overload]
    except OSError as error:
        log.debug("answer not sent client=%s error=%s", client, error)
