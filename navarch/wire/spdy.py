"""SPDY/3.1 connections of exec, attach and port-forward: the client opens streams, we reply.

Flow control windows are not used: none of Kubernetes' SPDY clients does.

Source: SPDY draft 3.1; Kubernetes' stream headers (`streamtype`, `port`, `requestid`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from navarch.wire.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, Carrier, Channel, ServeCommand, ServePort
from navarch.wire.messages import Request
from navarch.wire.spdy_frames import Data, Frame, FrameReader, FrameWriter, Ping, Reset, SpdyError, SynStream

#: Subprotocols of exec and attach, best first; they name the form of the error stream and of resizes.
COMMAND_PROTOCOLS = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
PORT_PROTOCOL = "portforward.k8s.io"

#: The protocol inside WebSocket.
TUNNEL_PROTOCOL = "SPDY/3.1+portforward.k8s.io"

STREAM_NUMBERS = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": ERROR, "resize": RESIZE}

_DATA_BYTES = 32 * 1024

#: A stream was opened: its headers (lower case) and its channel.
OnStream = Callable[[Mapping[str, str], Channel], None]


def is_spdy(request: Request) -> bool:
    return request.can_upgrade and request.headers.get("upgrade", "").lower() == "spdy/3.1"


def offered_protocols(request: Request) -> list[str]:
    offered = request.headers.get("x-stream-protocol-version", "")
    return [name.strip() for name in offered.split(",") if name.strip()]


def handshake_headers(protocol: str) -> list[tuple[str, str]]:
    return [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", protocol)]


class SpdyConnection(Carrier):
    """The channels' numbers are the stream ids of the connection."""

    def __init__(self, transport: asyncio.Transport, on_stream: OnStream) -> None:
        super().__init__(transport)
        self._on_stream = on_stream
        self._reader = FrameReader()
        self._writer = FrameWriter()
        self._open: set[int] = set()
        self._last = 0

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                self._on_frame(frame)
        except SpdyError:
            self.transport.abort()

    def send(self, number: int, data: bytes) -> None:
        if number in self._open:
            for start in range(0, len(data), _DATA_BYTES):
                self.transport.write(self._writer.data(number, data[start : start + _DATA_BYTES]))

    def send_end(self, number: int) -> None:
        if number in self._open:
            self._open.discard(number)
            self.transport.write(self._writer.data(number, b"", fin=True))

    def finish(self) -> None:
        for number in sorted(self._open):
            self.send_end(number)
        self.transport.write(self._writer.go_away(self._last))
        self.transport.close()

    def forget(self, number: int) -> None:
        """A stream has ended in both directions, nobody will ask for it again."""
        self.channels.pop(number, None)

    def _on_frame(self, frame: Frame) -> None:
        match frame:
            case Data(stream, data, fin):
                self.received(stream, data)
                self._end_if(fin, stream)
            case SynStream(stream, headers, fin):
                self._last = stream
                self._open.add(stream)
                self.transport.write(self._writer.syn_reply(stream, {}))
                self._on_stream(headers, self.open(stream))
                self._end_if(fin, stream)
            case Reset(stream, _):
                self._open.discard(stream)
                self._end_if(True, stream)
            case Ping(number) if number % 2:
                self.transport.write(self._writer.ping(number))

    def _end_if(self, is_over: bool, stream: int) -> None:
        channel = self.channels.get(stream)
        if is_over and channel is not None:
            channel.end()


def command_connection(transport: asyncio.Transport, numbers: frozenset[int], serve: ServeCommand) -> SpdyConnection:
    """A connection that serves when the client has opened all streams of `numbers`."""
    found: dict[int, Channel] = {}

    def on_stream(headers: Mapping[str, str], channel: Channel) -> None:
        number = STREAM_NUMBERS.get(headers.get("streamtype", ""))
        if number is None or number in found:
            connection.send_end(channel.number)
            return
        found[number] = channel
        if len(found) == len(numbers):
            connection.run(connection.serve_command(serve, found))

    connection = SpdyConnection(transport, on_stream)
    return connection


def port_connection(transport: asyncio.Transport, serve: ServePort) -> SpdyConnection:
    """A connection that serves every pair of streams of one request id."""
    waiting: dict[str, dict[str, Channel]] = {}

    async def serve_pair(port: int, data: Channel, error: Channel) -> None:
        try:
            await serve(port, data, error)
        finally:
            for channel in (data, error):
                channel.close()
                connection.forget(channel.number)

    def on_stream(headers: Mapping[str, str], channel: Channel) -> None:
        port, kind = headers.get("port", ""), headers.get("streamtype", "")
        if not port.isdecimal() or kind not in ("data", "error"):
            connection.send_end(channel.number)
            return
        pair = waiting.setdefault(headers.get("requestid", ""), {})
        pair[kind] = channel
        if len(pair) == 2:
            del waiting[headers.get("requestid", "")]
            connection.run(serve_pair(int(port), pair["data"], pair["error"]))

    connection = SpdyConnection(transport, on_stream)
    return connection
