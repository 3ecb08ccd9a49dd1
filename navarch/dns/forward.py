"""Asks the upstream resolvers, one after the other, with the client's message as it came.

Each question leaves from a port of its own with an id of its own, and only an answer from the resolver with
that id and question counts. A resolver that fails rests a while; when all rest, the answer is None at once,
and every now and then one question tries again. So without a network names outside fail in no time.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass

from navarch.dns.config import DnsConfig
from navarch.dns.wire import HEADER, BadMessage, parse_query
from navarch.seams.contract import Rng

PORT = 53


@dataclass(slots=True)
class _Upstream:
    address: str
    rests_until: float = 0.0


class UpstreamForwarder:
    """Implements `chain.Forwarder` with sockets. An upstream is `ADDRESS` or `ADDRESS#PORT`."""

    def __init__(self, config: DnsConfig, rng: Rng) -> None:
        self._config = config
        self._rng = rng
        self._upstreams = [_Upstream(address) for address in config.upstreams]

    async def ask(self, message: bytes, *, tcp: bool) -> bytes | None:
        loop = asyncio.get_running_loop()
        for upstream in [u for u in self._upstreams if u.rests_until <= loop.time()]:
            # While it is being asked, others need not wait for the same silence.
            was_resting = upstream.rests_until > 0
            if was_resting:
                upstream.rests_until = loop.time() + self._config.upstream_rest_s
            answer = await self._ask(upstream.address, message, tcp)
            if answer is not None:
                upstream.rests_until = 0.0
                return answer
            upstream.rests_until = loop.time() + self._config.upstream_rest_s
        return None

    async def _ask(self, address: str, message: bytes, tcp: bool) -> bytes | None:
        id_ = self._rng.below(1 << 16)
        sent = struct.pack("!H", id_) + message[2:]
        host, _, port = address.partition("#")
        try:
            async with asyncio.timeout(self._config.upstream_timeout_s):
                if tcp:
                    got = await _over_tcp(host, int(port or PORT), sent)
                else:
                    got = await _over_udp(host, int(port or PORT), sent)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return None
        return message[:2] + got[2:] if answers(got, sent) else None


def answers(got: bytes, sent: bytes) -> bool:
    """Whether a message has the id and the question of the one that was sent, and is an answer."""
    try:
        question = parse_query(sent).question
    except BadMessage:
        return False
    same = got[HEADER : HEADER + len(question)].lower() == question.lower()
    return len(got) >= HEADER and got[:2] == sent[:2] and bool(got[2] & 0x80) and same


async def _over_tcp(host: str, port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(struct.pack("!H", len(sent)) + sent)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        return await reader.readexactly(length)
    finally:
        writer.close()


async def _over_udp(host: str, port: int, sent: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    received: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagram(received, sent), remote_addr=(host, port))
    try:
        transport.sendto(sent)
        return await received
    finally:
        transport.close()


class _Datagram(asyncio.DatagramProtocol):
    """Hands over the first datagram that answers; strays are ignored."""

    def __init__(self, received: asyncio.Future[bytes], sent: bytes) -> None:
        self._received = received
        self._sent = sent

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._received.done() and answers(data, self._sent):
            self._received.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._received.done():
            self._received.set_exception(exc)
