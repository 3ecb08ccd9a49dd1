"""A client transport over HTTP/2, as little as benches need: one connection, windows that never close.

client = RestClient(Http2Transport(url, tls, token))
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import cast
from urllib.parse import urlsplit

from jh2._hazmat import Decoder, Encoder

from navarch.client.contract import WatchEvent
from navarch.client.rest import Call, error_of, event_of
from navarch.wire.http2 import frames as h2

WINDOW = 1 << 30


class _Answer:
    """What has come on one stream. `lines` gets the whole lines of a watch instead of `body`."""

    def __init__(self, lines: asyncio.Queue[list[bytes] | None] | None = None) -> None:
        self.status = 0
        self.body: list[bytes] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lines = lines
        self._rest = b""

    def feed(self, data: bytes) -> None:
        if self.lines is None:
            self.body.append(data)
            return
        *whole, self._rest = (self._rest + data).split(b"\n")
        if whole:
            self.lines.put_nowait(whole)

    def end(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        if self.lines is not None:
            self.lines.put_nowait(None)


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._reader, self._encoder, self._decoder = h2.FrameReader(), Encoder(), Decoder()
        self._answers: dict[int, _Answer] = {}
        self._next_id = 1
        self._unacknowledged = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        first = h2.settings_frame({h2.SETTINGS_INITIAL_WINDOW_SIZE: WINDOW}) + h2.window_update(0, WINDOW)
        self._transport.write(h2.PREFACE + first)

    def data_received(self, data: bytes) -> None:
        for kind, flags, stream_id, payload in self._reader.feed(data):
            if kind == h2.SETTINGS and not flags & h2.ACK:
                self._transport.write(h2.frame(h2.SETTINGS, h2.ACK, 0))
            elif kind in (h2.GOAWAY, h2.RST_STREAM):
                raise ConnectionError(f"the server gave up: {payload!r}")
            elif kind in (h2.HEADERS, h2.DATA):
                self._on_answer(kind, flags, stream_id, payload)

    def _on_answer(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        answer = self._answers[stream_id]
        if kind == h2.HEADERS:
            answer.status = int(self._decoder.decode(payload, True)[0][1])
        else:
            answer.feed(payload)
            self._unacknowledged += len(payload)
            if self._unacknowledged > WINDOW // 2:
                self._transport.write(h2.window_update(0, self._unacknowledged))
                self._unacknowledged = 0
        if flags & h2.END_STREAM:
            del self._answers[stream_id]
            answer.end()

    def ask(self, fields: list[tuple[bytes, bytes, bool]], body: bytes, answer: _Answer) -> None:
        stream_id, self._next_id = self._next_id, self._next_id + 2
        self._answers[stream_id] = answer
        block = self._encoder.encode(fields)
        sent = h2.headers_frames(stream_id, block, 0 if body else h2.END_STREAM, h2.DEFAULT_FRAME_SIZE)
        if body:
            sent += h2.frame(h2.DATA, h2.END_STREAM, stream_id, body)
        self._transport.write(sent)

    def close(self) -> None:
        self._transport.close()


class Http2Transport:
    """Carries calls to the server at `url`, bodies up to one frame."""

    def __init__(self, url: str, tls: ssl.SSLContext, token: str) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._tls = parts.hostname, parts.port, tls
        tls.set_alpn_protocols(["h2"])
        self._common = [
            (b":scheme", b"https", False),
            (b":authority", parts.netloc.encode(), False),
            (b"user-agent", b"bench/1.0", False),
            (b"accept", b"application/json", False),
            (b"authorization", f"Bearer {token}".encode(), False),
        ]
        self._connection: _Connection | None = None

    async def send(self, call: Call) -> bytes:
        answer = await self._ask(call, _Answer())
        await answer.done
        body = b"".join(answer.body)
        if answer.status >= 400:
            raise error_of(answer.status, body)
        return body

    async def watch(self, call: Call) -> AsyncIterator[Sequence[WatchEvent]]:
        lines: asyncio.Queue[list[bytes] | None] = asyncio.Queue()
        await self._ask(call, _Answer(lines))
        while (batch := await lines.get()) is not None:
            yield [event_of(line) for line in batch]

    async def _ask(self, call: Call, answer: _Answer) -> _Answer:
        if self._connection is None:
            loop = asyncio.get_running_loop()
            _, self._connection = await loop.create_connection(_Connection, self._host, self._port, ssl=self._tls)
        target = f"{call.path}?{call.query}" if call.query else call.path
        fields = [(b":method", call.method.encode(), False), (b":path", target.encode(), False), *self._common]
        if call.body:
            headers = {"content-type": "application/json", "content-length": str(len(call.body)), **call.headers}
            fields += [(name.lower().encode(), value.encode(), False) for name, value in headers.items()]
        self._connection.ask(fields, call.body, answer)
        return answer

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
