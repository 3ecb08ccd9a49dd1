"""A server behind a server: bodies, streams, upgrades, and an upstream that is not there."""

from __future__ import annotations

import asyncio

import pytest

from navarch.base.errors import StatusError
from navarch.wire.http import Server, serve
from navarch.wire.messages import Request, Response, Sink
from navarch.wire.relay import Upstream, relay


class Numbers:
    """A body of many chunks, then the end."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    def start(self, sink: Sink) -> None:
        for i in range(1000):
            sink.write(b"%04d" % i)
        sink.close()

    def stop(self) -> None:
        self.stopped.set()


class Upper(asyncio.Protocol):
    def __init__(self, transport: asyncio.Transport, early: bytes) -> None:
        self._transport = transport
        transport.write(b"WELCOME " + early.upper())

    def data_received(self, data: bytes) -> None:
        self._transport.write(data.upper())


async def backend(request: Request) -> Response:
    if request.path == "/upgrade":
        assert request.headers["upgrade"] == "upper"
        return Response(101, headers=[("Connection", "Upgrade"), ("Upgrade", "upper")], take_over=Upper)
    if request.path == "/numbers":
        return Response(stream=Numbers(), content_type="text/plain")
    seen = f"{request.method} {request.path}?{request.query} {request.headers.get('x-remote-user')} ".encode()
    return Response(418, seen + request.body, "text/x", [("X-Kept", "yes")])


async def chain() -> tuple[Server, Server]:
    """A front server that relays everything to a back server."""
    back = await serve(backend, None, "127.0.0.1", 0)

    async def front(request: Request) -> Response:
        target = f"/back{request.path}" if request.path == "/plain" else request.path
        return await relay(
            request, Upstream("127.0.0.1", back.port), f"{target}?{request.query}", {"x-remote-user": "me"}
        )

    return await serve(front, None, "127.0.0.1", 0), back


async def exchange(front: Server, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(sent)
    received = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return received


async def test_requests_and_answers_pass() -> None:
    front, back = await chain()
    sent = b"POST /plain?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"
    answer = await exchange(front, sent)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 418") and b"X-Kept: yes" in head and b"Content-Type: text/x" in head
    assert b"POST /back/plain?a=b me body" in body
    await front.close(1)
    await back.close(1)


async def test_streams_pass_to_their_end() -> None:
    front, back = await chain()
    answer = await exchange(front, b"GET /numbers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"0000" in answer and b"0999" in answer and answer.endswith(b"0\r\n\r\n")
    await front.close(1)
    await back.close(1)


async def test_upgrades_join_both_connections() -> None:
    front, back = await chain()
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(b"GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: upper\r\n\r\nearly")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    assert await asyncio.wait_for(reader.readexactly(len("WELCOME EARLY")), 5) == b"WELCOME EARLY"
    writer.write(b"later")
    assert await asyncio.wait_for(reader.readexactly(5), 5) == b"LATER"
    writer.close()
    await front.close(1)
    await back.close(1)
    assert not back.connections


async def test_an_upstream_that_is_not_there_is_a_503() -> None:
    with pytest.raises(StatusError, match="error dialing backend") as error:
        await relay(Request("GET", "/"), Upstream("127.0.0.1", 1), "/", {})
    assert error.value.code == 503
