"""An HTTP/2 client, as little as benches need: windows that never close, bodies up to one frame.

streams = await Http2Streams.connect(host, port, tls, token)
streams.get(path, on_head, on_body)               # a stream that goes on
client = RestClient(Http2Transport(url, tls, token))
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from jh2._hazmat import Decoder, Encoder

from navarch.client.contract import WatchEvent
from navarch.client.rest import Call, error_of
from navarch.wire.http2 import frames as h2

WINDOW = 1 << 30


@dataclass(slots=True)
class _Answer:
    """Who hears of one stream."""

    on_head: Callable[[], None]
    on_body: Callable[[bytes], None]
    on_end: Callable[[], None] = lambda: None
    status: int = 0


class Http2Streams(asyncio.Protocol):
    """One connection."""

    def __init__(self, host: str, token: str) -> None:
        self._reader, self._encoder, self._decoder = h2.FrameReader(), Encoder(), Decoder()
        self._answers: dict[int, _Answer] = {}
        self._next_id = 1
        self._unacknowledged = 0
        self._common = [
            (b":scheme", b"https", False),
            (b":authority", host.encode(), False),
            (b"user-agent", b"bench/1.0", False),
            (b"accept", b"application/json", False),
            (b"authorization", f"Bearer {token}".encode(), False),
        ]

    @classmethod
    async def connect(cls, host: str, port: int, tls: ssl.SSLContext, token: str) -> Http2Streams:
        tls.set_alpn_protocols(["h2"])
        loop = asyncio.get_running_loop()
        _, streams = await loop.create_connection(lambda: cls(host, token), host, port, ssl=tls)
        return streams

    def get(self, target: str, on_head: Callable[[], None], on_body: Callable[[bytes], None]) -> None:
        self.ask("GET", target, {}, b"", _Answer(on_head, on_body))

    def ask(self, method: str, target: str, headers: dict[str, str], body: bytes, answer: _Answer) -> None:
        stream_id, self._next_id = self._next_id, self._next_id + 2
        self._answers[stream_id] = answer
        fields = [(b":method", method.encode(), False), (b":path", target.encode(), False), *self._common]
        fields += [(name.lower().encode(), value.encode(), False) for name, value in headers.items()]
        flags = 0 if body else h2.END_STREAM
        sent = h2.headers_frames(stream_id, self._encoder.encode(fields), flags, h2.DEFAULT_FRAME_SIZE)
        if body:
            sent += h2.frame(h2.DATA, h2.END_STREAM, stream_id, body)
        self._transport.write(sent)

    def close(self) -> None:
        self._transport.close()

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
            answer.on_head()
        else:
            answer.on_body(payload)
            self._unacknowledged += len(payload)
            if self._unacknowledged > WINDOW // 2:
                self._transport.write(h2.window_update(0, self._unacknowledged))
                self._unacknowledged = 0
        if flags & h2.END_STREAM:
            del self._answers[stream_id]
            answer.on_end()


class Http2Transport:
    """Carries plain calls to the server at `url`."""

    streams_lists = False

    def __init__(self, url: str, tls: ssl.SSLContext, token: str) -> None:
        self._parts, self._tls, self._token = urlsplit(url), tls, token
        self._streams: Http2Streams | None = None

    async def send(self, call: Call) -> bytes:
        if self._streams is None:
            host, port = self._parts.hostname or "", self._parts.port or 443
            self._streams = await Http2Streams.connect(host, port, self._tls, self._token)
        pieces: list[bytes] = []
        done = asyncio.get_running_loop().create_future()
        answer = _Answer(lambda: None, pieces.append, lambda: done.set_result(None))
        headers = {}
        if call.body:
            headers = {"content-type": "application/json", "content-length": str(len(call.body)), **call.headers}
        target = f"{call.path}?{call.query}" if call.query else call.path
        self._streams.ask(call.method, target, headers, call.body, answer)
        await done
        body = b"".join(pieces)
        if answer.status >= 400:
            raise error_of(answer.status, body)
        return body

    def watch(self, call: Call) -> AsyncIterator[Sequence[WatchEvent]]:
        raise NotImplementedError("plain calls only")

    async def close(self) -> None:
        if self._streams is not None:
            self._streams.close()
