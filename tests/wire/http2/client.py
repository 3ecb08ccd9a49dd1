"""A client over TLS that does just what a test tells it, on the h2 library."""

from __future__ import annotations

import asyncio
import ssl
from typing import TypeVar

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection

from navarch.wire.http2.frames import ACK, PING, Frame, FrameReader, frame

E = TypeVar("E", bound=h2.events.Event)


class Client:
    """One connection. Made by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=True))
        self._reader, self._writer = reader, writer
        self._events: list[h2.events.Event] = []
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self._writer.write(self.h2.data_to_send())

    def get(self, path: str) -> int:
        """Ask; the stream's number."""
        stream_id = self.h2.get_next_available_stream_id()
        head = [(":method", "GET"), (":scheme", "https"), (":path", path), (":authority", "localhost")]
        self.h2.send_headers(stream_id, head, end_stream=True)
        self.flush()
        return stream_id

    def post(self, path: str, size: int) -> int:
        """Ask with a declared body of `size` bytes, none of which are sent."""
        stream_id = self.h2.get_next_available_stream_id()
        head = [(":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "localhost")]
        self.h2.send_headers(stream_id, [*head, ("content-length", str(size))])
        self.flush()
        return stream_id

    def reset(self, stream_id: int) -> None:
        self.h2.reset_stream(stream_id, 8)
        self.flush()

    async def expect(self, kind: type[E], stream_id: int | None = None) -> E:
        """The next event of this kind (on this stream), kept or still to come."""
        while True:
            for index, event in enumerate(self._events):
                if isinstance(event, kind) and stream_id in (None, getattr(event, "stream_id", None)):
                    del self._events[index]
                    return event
            data = await self._reader.read(65536)
            assert data, f"the connection ended without {kind.__name__}"
            self._events += self.h2.receive_data(data)
            self.flush()

    async def rest(self) -> list[Frame]:
        """All frames up to the end of the connection, pings answered. The library cannot go on after a GOAWAY."""
        reader, frames = FrameReader(), []
        while data := await self._reader.read(65536):
            for kind, flags, stream_id, payload in reader.feed(data):
                frames.append((kind, flags, stream_id, payload))
                if kind == PING:
                    self._writer.write(frame(PING, ACK, 0, payload))
        return frames

    def close(self) -> None:
        self._writer.close()


async def connect(port: int, trust: ssl.SSLContext) -> Client:
    trust.set_alpn_protocols(["h2"])
    return Client(*await asyncio.open_connection("localhost", port, ssl=trust))
