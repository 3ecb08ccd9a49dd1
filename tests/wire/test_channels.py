"""Exec and port-forward over WebSocket and SPDY, from a client's side of the socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest
from websockets.frames import Frame as WebFrame
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

from navarch.base.errors import StatusError
from navarch.wire.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, Channel, exit_status
from navarch.wire.http import serve
from navarch.wire.messages import Request, Response
from navarch.wire.spdy_frames import Data, Frame, FrameReader, FrameWriter, GoAway, Ping, SynReply
from navarch.wire.upgrade import command_response, port_response

NUMBERS = frozenset({STDIN, STDOUT, STDERR, ERROR})
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def upper(channels: Mapping[int, Channel]) -> bytes:
    """A command: standard input in capitals, then a word on standard error."""
    async for chunk in channels[STDIN]:
        await channels[STDOUT].write(chunk.upper())
    await channels[STDERR].write(b"done")
    return exit_status(3)


async def echo_port(port: int, data: Channel, error: Channel) -> None:
    async for chunk in data:
        await data.write(b"%d:%b" % (port, chunk))
    if port == 9:
        await error.write(b"nobody listens on 9")


async def handle(request: Request) -> Response:
    if request.path == "/exec":
        return command_response(request, NUMBERS, upper)
    return port_response(request, [80], echo_port)


async def talk(head: str, conversation: Callable[[Client], Awaitable[None]]) -> None:
    """Upgrade, check the 101, and talk."""
    server = await serve(handle, None, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head.replace("\n", "\r\n").encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    await asyncio.wait_for(conversation((reader, writer)), 10)
    writer.close()
    await server.close(1)


def websocket_head(path: str, protocol: str) -> str:
    return (
        f"GET {path} HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: {protocol}\n\n"
    )


def spdy_head(path: str, protocol: str) -> str:
    upgrade = "Connection: Upgrade\nUpgrade: SPDY/3.1\nX-Stream-Protocol-Version:"
    return f"POST {path} HTTP/1.1\nHost: x\n{upgrade} {protocol}\n\n"


class WebClient:
    """The client's side of a WebSocket."""

    def __init__(self, client: Client) -> None:
        self._reader, self._writer = client
        self._protocol = Protocol(Side.CLIENT, state=State.OPEN)

    def send(self, data: bytes) -> None:
        self._protocol.send_binary(data)
        self._writer.write(b"".join(self._protocol.data_to_send()))

    async def messages(self) -> list[bytes]:
        """All binary or text messages until the server closes."""
        found = []
        while data := await self._reader.read(65536):
            self._protocol.receive_data(data)
            for frame in self._protocol.events_received():
                assert isinstance(frame, WebFrame)
                if frame.opcode in (Opcode.BINARY, Opcode.TEXT):
                    found.append(bytes(frame.data))
        return found


async def test_websocket_v5_ends_stdin_and_reports_the_exit_code() -> None:
    async def conversation(client: Client) -> None:
        web = WebClient(client)
        web.send(b"\x00ab")
        web.send(b"\x00c" * 2)
        web.send(b"\xff\x00")
        messages = await web.messages()
        assert messages[0] == b"\x01"
        assert messages[1:-1] == [b"\x01AB", b"\x01C\x00C", b"\x02done"]
        assert messages[-1] == b"\x03" + exit_status(3)

    await talk(websocket_head("/exec", "v5.channel.k8s.io"), conversation)


async def test_websocket_base64_speaks_text() -> None:
    async def conversation(client: Client) -> None:
        web = WebClient(client)
        web.send(b"0YWI=")
        first = await asyncio.wait_for(client[0].readexactly(2 + 1 + 2 + 5), 5)
        assert first.endswith(b"1QUI=")

    await talk(websocket_head("/exec", "x, v4.base64.channel.k8s.io"), conversation)


async def test_a_lost_connection_cancels_the_command() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def forever(channels: Mapping[int, Channel]) -> bytes:
        started.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return b""

    async def handle_forever(request: Request) -> Response:
        return command_response(request, NUMBERS, forever)

    server = await serve(handle_forever, None, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(websocket_head("/exec", "v5.channel.k8s.io").replace("\n", "\r\n").encode())
    await asyncio.wait_for(started.wait(), 5)
    writer.close()
    await asyncio.wait_for(cancelled.wait(), 5)
    await server.close(1)


class SpdyClient:
    """The client's side of a SPDY connection."""

    def __init__(self, client: Client) -> None:
        self._reader, self._writer = client
        self._frames = FrameReader()
        self.make = FrameWriter()

    def send(self, *frames: bytes) -> None:
        self._writer.write(b"".join(frames))

    async def until(self, enough: Callable[[list[Frame]], bool]) -> list[Frame]:
        found: list[Frame] = []
        while not enough(found):
            data = await self._reader.read(65536)
            assert data, "the server closed"
            found.extend(self._frames.feed(data))
        return found


def text_of(frames: list[Frame], stream: int) -> bytes:
    return b"".join(f.data for f in frames if isinstance(f, Data) and f.stream_id == stream)


async def test_spdy_exec() -> None:
    async def conversation(client: Client) -> None:
        spdy = SpdyClient(client)
        for stream, kind in ((1, "error"), (3, "stdin"), (5, "stdout"), (7, "stderr")):
            spdy.send(spdy.make.syn_stream(stream, {"streamType": kind}))
        spdy.send(spdy.make.ping(11), spdy.make.data(3, b"abc"), spdy.make.data(3, b"", fin=True))
        frames = await spdy.until(lambda found: any(isinstance(f, GoAway) for f in found))
        assert [f.stream_id for f in frames if isinstance(f, SynReply)] == [1, 3, 5, 7]
        assert [f.ping_id for f in frames if isinstance(f, Ping)] == [11]
        assert (text_of(frames, 5), text_of(frames, 7), text_of(frames, 1)) == (b"ABC", b"done", exit_status(3))
        assert {f.stream_id for f in frames if isinstance(f, Data) and f.fin} == {1, 3, 5, 7}

    await talk(spdy_head("/exec", "v4.channel.k8s.io"), conversation)


async def test_spdy_forwards_several_connections_at_once() -> None:
    async def conversation(client: Client) -> None:
        spdy = SpdyClient(client)
        for stream, port in ((1, "80"), (5, "9")):
            common = {"port": port, "requestID": str(stream)}
            spdy.send(spdy.make.syn_stream(stream, {"streamtype": "error", **common}))
            spdy.send(spdy.make.syn_stream(stream + 2, {"streamtype": "data", **common}))
        for stream in (3, 7):
            spdy.send(spdy.make.data(stream, b"hi"), spdy.make.data(stream, b"", fin=True))
        frames = await spdy.until(lambda found: sum(isinstance(f, Data) and f.fin for f in found) == 4)
        assert (text_of(frames, 3), text_of(frames, 7)) == (b"80:hi", b"9:hi")
        assert (text_of(frames, 1), text_of(frames, 5)) == (b"", b"nobody listens on 9")

    await talk(spdy_head("/forward", "portforward.k8s.io"), conversation)


async def test_port_forward_over_plain_websocket_begins_with_the_port() -> None:
    async def conversation(client: Client) -> None:
        web = WebClient(client)
        web.send(b"\x00hi")
        expected = [b"\x00\x50\x00", b"\x01\x50\x00", b"\x0080:hi"]
        raw = await client[0].readexactly(sum(2 + len(m) for m in expected))
        assert raw == b"".join(b"\x82" + bytes((len(m),)) + m for m in expected)

    await talk(websocket_head("/forward", "v4.channel.k8s.io"), conversation)


def test_protocols_have_to_be_shared_and_an_upgrade_asked_for() -> None:
    headers = {"upgrade": "websocket", "sec-websocket-protocol": "v9.channel.k8s.io"}
    with pytest.raises(StatusError, match="unable to negotiate protocol"):
        command_response(Request("GET", "/", headers=headers, can_upgrade=True), NUMBERS, upper)
    with pytest.raises(StatusError, match="Upgrade request required"):
        command_response(Request("GET", "/", headers={}), NUMBERS | {RESIZE}, upper)
