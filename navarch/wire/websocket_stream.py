"""A streamed answer over a WebSocket: one text message for each line, for clients that run in browsers.

    return upgraded(request, response) if is_websocket(request) else response

Source: apiserver `watch` handler (HandleWS); RFC 6455.
"""

from __future__ import annotations

import asyncio

from navarch.wire.messages import Request, Response, Sink, Stream
from navarch.wire.websocket import Messages, handshake_headers, offered_protocols


def upgraded(request: Request, response: Response) -> Response:
    """The 101 in place of an answer whose stream writes whole lines. The client's first protocol is its choice."""
    stream = response.stream
    assert stream is not None, "only streams go over a WebSocket"

    def take_over(transport: asyncio.Transport, early: bytes) -> asyncio.Protocol:
        lines = LineMessages(transport, stream)
        stream.start(lines)
        lines.data_received(early)
        return lines

    protocol = next(iter(offered_protocols(request)), "")
    return Response(101, headers=handshake_headers(request, protocol), take_over=take_over)


class LineMessages(asyncio.Protocol, Sink):
    """Sends what the stream writes until either side ends. What the client sends is not heeded."""

    def __init__(self, transport: asyncio.Transport, stream: Stream) -> None:
        self._messages = Messages(transport)
        self._stream: Stream | None = stream

    # --- the stream's side

    def write(self, data: bytes) -> None:
        for line in data.splitlines(keepends=True) if self._stream is not None else ():
            self._messages.send(line, text=True)

    def buffered(self) -> int:
        return self._messages.transport.get_write_buffer_size()

    def close(self) -> None:
        self._messages.close()
        self._stop()

    # --- the client's side

    def data_received(self, data: bytes) -> None:
        if data:
            self._messages.receive(data)
        if self._messages.is_closed:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()

    def _stop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.stop()
