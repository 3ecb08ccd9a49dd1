"""Streams over a WebSocket, with a client of another make."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from navarch.wire.http import serve
from navarch.wire.messages import Request, Response, Sink
from navarch.wire.websocket_stream import upgraded

PATIENCE_S = 10


class Lines:
    """Writes `first` when it starts; `stopped` is set when it is over."""

    def __init__(self, first: bytes) -> None:
        self.first = first
        self.stops = 0
        self.stopped = asyncio.Event()

    def start(self, sink: Sink) -> None:
        self.sink = sink
        sink.write(self.first)

    def stop(self) -> None:
        self.stops += 1
        self.stopped.set()


async def test_each_line_is_a_text_message_and_the_stream_ends_cleanly() -> None:
    lines = Lines(b'{"a":1}\n{"b":"\xc3\xa4"}\n')

    async def handle(request: Request) -> Response:
        return upgraded(request, Response(stream=lines))

    server = await serve(handle, None, "127.0.0.1", 0)
    protocols = [Subprotocol("base64.binary.k8s.io"), Subprotocol("other")]
    async with asyncio.timeout(PATIENCE_S), connect(f"ws://127.0.0.1:{server.port}/", subprotocols=protocols) as client:
        assert client.subprotocol == "base64.binary.k8s.io"
        assert [await client.recv(), await client.recv()] == ['{"a":1}\n', '{"b":"ä"}\n']
        await client.send("nobody heeds this")
        lines.sink.write(b"last\n")
        assert lines.sink.buffered() >= 0
        lines.sink.close()
        lines.sink.write(b"too late\n")
        assert [message async for message in client] == ["last\n"]
        assert client.close_code == 1000
    assert lines.stops == 1
    await server.close(1)


async def test_a_client_that_leaves_stops_the_stream() -> None:
    streams: list[Lines] = []

    async def handle(request: Request) -> Response:
        streams.append(Lines(b"x\n"))
        return upgraded(request, Response(stream=streams[-1]))

    server = await serve(handle, None, "127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE_S):
        politely = await connect(f"ws://127.0.0.1:{server.port}/")
        await politely.recv()
        await politely.close()
        abruptly = await connect(f"ws://127.0.0.1:{server.port}/")
        await abruptly.recv()
        abruptly.transport.abort()
        for stream in streams:
            await stream.stopped.wait()
    assert [stream.stops for stream in streams] == [1, 1]
    await server.close(1)
