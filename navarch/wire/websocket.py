"""WebSocket: the handshake, messages over a taken-over connection, and channels as messages.

A channel message is one byte of channel number and then data; in the base64 variants a digit and
base64 text. Protocol v5 adds that `255, n` ends the peer's direction of channel n.

Source: RFC 6455; Kubernetes' channel subprotocols, KEP-4006.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Sequence

from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

from navarch.wire.channels import STDOUT, Carrier, ServeCommand, ServePort
from navarch.wire.messages import Request

#: Subprotocols of exec and attach, best first.
COMMAND_PROTOCOLS = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)
PORT_PROTOCOLS = ("v4.channel.k8s.io", "v4.base64.channel.k8s.io")

CLOSE_SIGNAL = 255
MAX_MESSAGE_BYTES = 32 * 1024 * 1024
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def is_websocket(request: Request) -> bool:
    return request.can_upgrade and request.headers.get("upgrade", "").lower() == "websocket"


def offered_protocols(request: Request) -> list[str]:
    offered = request.headers.get("sec-websocket-protocol", "")
    return [name.strip() for name in offered.split(",") if name.strip()]


def handshake_headers(request: Request, protocol: str) -> list[tuple[str, str]]:
    """The headers of the 101 answer; an empty protocol is not named."""
    key = request.headers.get("sec-websocket-key", "")
    accept = base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()
    headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
    return [*headers, ("Sec-WebSocket-Protocol", protocol)] if protocol else headers


class Messages:
    """Whole messages over a transport: cuts frames, answers pings, joins fragments."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self._protocol = Protocol(Side.SERVER, state=State.OPEN, max_size=MAX_MESSAGE_BYTES)
        self._fragments: list[bytes] = []
        self.is_closed = False

    def send(self, data: bytes, text: bool = False) -> None:
        if not self.is_closed:
            if text:
                self._protocol.send_text(data)
            else:
                self._protocol.send_binary(data)
            self._flush()

    def receive(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes. After the peer's close frame `is_closed` is set."""
        messages = []
        self._protocol.receive_data(data)
        for frame in self._protocol.events_received():
            opcode = getattr(frame, "opcode", None)
            if opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
                self._fragments.append(bytes(frame.data))  # type: ignore[union-attr]
                if frame.fin:  # type: ignore[union-attr]
                    messages.append(b"".join(self._fragments))
                    self._fragments = []
            elif opcode is Opcode.CLOSE:
                self.is_closed = True
        self._flush()
        if self.is_closed or self._protocol.state is not State.OPEN:
            self.is_closed = True
            self.transport.close()
        return messages

    def close(self) -> None:
        """Say goodbye and close after what is buffered."""
        if not self.is_closed:
            self._protocol.send_close(1000)
            self._flush()
            self.is_closed = True
        self.transport.close()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.transport.write(data)


class WebSocketChannels(Carrier):
    """Channels as messages of one WebSocket."""

    def __init__(self, transport: asyncio.Transport, protocol: str) -> None:
        super().__init__(transport)
        self._messages = Messages(transport)
        self._base64 = "base64" in protocol
        self._has_close = protocol.startswith("v5.")

    def serve_command_on(self, numbers: Sequence[int], serve: ServeCommand) -> None:
        channels = {number: self.open(number) for number in numbers}
        # An empty message tells the client that the connection stands.
        self.send(STDOUT, b"")
        self.run(self.serve_command(serve, channels))

    def serve_ports_on(self, ports: Sequence[int], serve: ServePort) -> None:
        """Two channels per port, data and error; each begins with the port, little-endian."""
        for i, port in enumerate(ports):
            data, error = self.open(2 * i), self.open(2 * i + 1)
            for channel in (data, error):
                self.send(channel.number, port.to_bytes(2, "little"))
            self.run(serve(port, data, error))

    def data_received(self, data: bytes) -> None:
        for message in self._messages.receive(data):
            self._on_message(message)
        if self._messages.is_closed:
            for channel in self.channels.values():
                channel.end()

    def send(self, number: int, data: bytes) -> None:
        if self._base64:
            self._messages.send(b"%d" % number + base64.b64encode(data), text=True)
        else:
            self._messages.send(bytes((number,)) + data)

    def send_end(self, number: int) -> None:
        if self._has_close:
            self._messages.send(bytes((CLOSE_SIGNAL, number)))

    def finish(self) -> None:
        self._messages.close()

    def _on_message(self, message: bytes) -> None:
        if not message:
            return
        if self._has_close and message[0] == CLOSE_SIGNAL:
            channel = self.channels.get(message[1]) if len(message) > 1 else None
            if channel is not None:
                channel.end()
        elif self._base64:
            try:
                self.received(message[0] - ord("0"), base64.b64decode(message[1:]))
            except binascii.Error:
                self.finish()
        else:
            self.received(message[0], message[1:])


class MessageTransport(asyncio.Transport):
    """A transport whose writes are binary messages: what a tunnelled protocol is given."""

    def __init__(self, messages: Messages) -> None:
        super().__init__()
        self._messages = messages

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._messages.send(bytes(data))

    def close(self) -> None:
        self._messages.close()

    def abort(self) -> None:
        self._messages.transport.abort()

    def is_closing(self) -> bool:
        return self._messages.is_closed

    def pause_reading(self) -> None:
        self._messages.transport.pause_reading()

    def resume_reading(self) -> None:
        self._messages.transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._messages.transport.get_write_buffer_size()


class Tunnel(asyncio.Protocol):
    """Hands the bytes of a WebSocket's messages to a protocol inside."""

    def __init__(self, messages: Messages, inner: asyncio.Protocol) -> None:
        self._messages = messages
        self._inner = inner

    def data_received(self, data: bytes) -> None:
        for message in self._messages.receive(data):
            self._inner.data_received(message)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)
