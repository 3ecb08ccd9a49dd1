"""One HTTP/1.1 connection: bytes in, requests to the handler in order, answers out.

Created by `http.Server` for every accepted connection. States of a connection:

    idle -> reading -> busy (handler runs, or a stream) -> idle ...
                         └-> taken over (after a 101), or closing

Requests that arrive while one is being answered (pipelining) wait in a short queue; when it is
full the socket is not read. A connection never sleeps: `Server` calls `expire` every few seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Final, cast

import httptools

from navarch.wire.answer import stream_fields, whole_answer
from navarch.wire.exchange import exchange, split_target
from navarch.wire.head import CONTINUE, LAST_CHUNK, chunk, head
from navarch.wire.limits import (
    IDLE_TIMEOUT_S,
    LINGER_S,
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    READ_TIMEOUT_S,
    WRITE_TIMEOUT_S,
)
from navarch.wire.messages import Request, Response, Sink, Stream
from navarch.wire.plain_get import add_field, plain_get
from navarch.wire.refuse import bad_request, body_too_large, headers_too_large
from navarch.wire.shared_body import SharedBody

if TYPE_CHECKING:
    from navarch.wire.http import Server

log = logging.getLogger(__name__)

#: Requests that may wait behind the one that is being answered.
MAX_PIPELINED: Final = 8

_CLOSE: Final = "Connection: close\r\n"

#: Between requests. Each request gets its own.
_NO_HEADERS: Final[dict[str, str]] = {}
_NO_BODY: Final[list[bytes]] = []


class Connection(asyncio.Protocol):
    """The protocol of one connection. Callbacks `on_*` are the parser's."""

    __slots__ = (
        "_body",
        "_body_bytes",
        "_busy",
        "_chunked",
        "_driving",
        "_head_bytes",
        "_headers",
        "_held",
        "_http10",
        "_inner",
        "_keep_alive",
        "_loop",
        "_parser",
        "_paused",
        "_peer_address",
        "_peer_certificate",
        "_queue",
        "_reading",
        "_refused",
        "_rest",
        "_server",
        "_since",
        "_sink",
        "_transport",
        "_url",
        "_write_stalled",
    )

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = server.loop
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Request | Response] = deque()
        self._headers = _NO_HEADERS
        self._body = _NO_BODY
        self._body_bytes = 0
        self._head_bytes = 0
        self._url = b""
        self._busy = False
        self._chunked = False
        #: The peer has spoken HTTP/1.0, which knows no chunks.
        self._http10 = False
        self._driving = False
        self._reading = False
        self._keep_alive = True
        self._refused = False
        self._rest: bytearray | None = None
        self._inner: asyncio.Protocol | None = None
        self._sink: StreamSink | None = None
        self._paused = False
        self._write_stalled = False
        #: The body that is being written, where others may be given it too.
        self._held: SharedBody | None = None
        self._since = self._loop.time()
        self._peer_certificate: bytes | None = None
        self._peer_address = ""

    # --- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._peer_certificate = tls.getpeercert(binary_form=True)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self._peer_address = peer[0]
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)
        elif self._rest is not None:
            self._rest += data
            if len(self._rest) > MAX_HEAD_BYTES:
                self._transport.abort()
        elif not self._refused:
            self._since = self._loop.time()
            self._parse(data)
            self._drive()

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        self._queue.clear()
        self._refused = True
        self._held = None
        if self._inner is not None:
            self._inner.connection_lost(exc)
        self._stop_stream()

    def pause_writing(self) -> None:
        self._write_stalled = True
        self._since = self._loop.time()
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._write_stalled = False
        self._held = None
        self._since = self._loop.time()
        if self._inner is not None:
            self._inner.resume_writing()

    # --- what the server calls

    def expire(self, now: float) -> None:
        """Cut the connection if its peer takes too long."""
        if self._write_stalled:
            limit = WRITE_TIMEOUT_S
        elif self._refused:
            limit = LINGER_S
        elif self._busy or self._inner is not None:
            return
        else:
            limit = READ_TIMEOUT_S if self._reading else IDLE_TIMEOUT_S
        if now - self._since > limit:
            self._transport.abort()

    def drain(self) -> None:
        """Finish what is under way, then close."""
        self._keep_alive = False
        if self._sink is not None:
            self.end_stream()
        elif not self._busy:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    # --- what the parser calls

    def on_message_begin(self) -> None:
        self._headers = {}
        self._body = []
        self._body_bytes = 0
        self._head_bytes = 0
        self._url = b""
        self._reading = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        add_field(self._headers, name, value)

    def on_headers_complete(self) -> None:
        headers = self._headers
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > MAX_BODY_BYTES:
            self._refuse(body_too_large(MAX_BODY_BYTES))
        elif "expect" in headers and not self._busy and headers["expect"].lower() == "100-continue":
            self._transport.write(CONTINUE)

    def on_body(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse(body_too_large(MAX_BODY_BYTES))
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        self._reading = False
        if self._refused:
            return
        parser = self._parser
        method, target, headers = parser.get_method().decode("latin-1"), self._url.decode("latin-1"), self._headers
        self._ask(method, target, headers, b"".join(self._body), can_upgrade=parser.should_upgrade())
        # The request may be answered for an hour: what it came in is not kept.
        self._headers, self._body, self._url = _NO_HEADERS, _NO_BODY, b""
        self._http10 |= parser.get_http_version() == "1.0"
        if not parser.should_keep_alive():
            self._keep_alive = False

    # --- requests

    def _ask(self, method: str, target: str, headers: dict[str, str], body: bytes, *, can_upgrade: bool) -> None:
        path, query = split_target(target)
        certificate, address = self._peer_certificate, self._peer_address
        self._queue.append(Request(method, path, query, headers, body, certificate, address, can_upgrade))
        if len(self._queue) > MAX_PIPELINED:
            self._paused = True
            self._transport.pause_reading()

    def _parse(self, data: bytes) -> None:
        if not self._reading and self._keep_alive and (plain := plain_get(data)) is not None:
            self._ask("GET", *plain, b"", can_upgrade=False)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._rest = bytearray(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(bad_request(str(error)))
        if self._reading and not self._body:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(headers_too_large())

    def _refuse(self, refusal: Response) -> None:
        """Answer in turn, then read no more requests from this peer."""
        if not self._refused:
            self._refused = True
            self._keep_alive = False
            self._queue.append(refusal)

    def _drive(self) -> None:
        """Answer what is queued, one after the other, until one has to wait."""
        if self._driving:
            return
        self._driving = True
        while self._queue and not self._busy:
            self._busy = True
            item = self._queue.popleft()
            if isinstance(item, Response):
                fields, body = whole_answer(item, "", "")
                self._transport.write(head(item.status, fields, _CLOSE) + body)
                self._since = self._loop.time()
                self._busy = False
            else:
                exchange(self._server, item, self._answer)
        self._driving = False
        if self._paused and not self._queue and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    # --- answers

    def _answer(self, request: Request, response: Response) -> None:
        if self._transport.is_closing():
            if response.stream is not None:
                response.stream.stop()
            return
        try:
            self._give(request, response)
        except Exception:
            # Busy for ever: what waits behind is not answered.
            log.exception("path=%s the answer could not be given", request.path)
            self._stop_stream()
            self._transport.close()
        self._drive()

    def _give(self, request: Request, response: Response) -> None:
        if response.take_over is not None:
            self._hand_over(response)
        elif response.stream is not None:
            self._start_stream(response, response.stream)
        else:
            fields, body = whole_answer(response, request.method, request.headers.get("accept-encoding", ""))
            stays = (self._keep_alive or bool(self._queue)) and self._rest is None
            first = head(response.status, fields, "" if stays else _CLOSE)
            if len(body) < 65536:
                self._transport.write(first + body)
            else:
                self._transport.writelines((first, body))
                self._held = response.shared if self._write_stalled else None
            self._after_answer()

    def _after_answer(self) -> None:
        self._busy = False
        self._since = self._loop.time()
        if (not self._keep_alive or self._rest is not None) and not self._queue:
            self._transport.close()

    def _start_stream(self, response: Response, stream: Stream) -> None:
        self._chunked = not self._http10
        if not self._chunked:
            self._keep_alive = False
        framing = "Transfer-Encoding: chunked\r\n" if self._chunked else ""
        ending = framing if self._keep_alive else framing + _CLOSE
        self._transport.write(head(response.status, stream_fields(response), ending))
        sink = self._sink = StreamSink(self, stream)
        stream.start(sink)
        if self._server.draining:
            self.end_stream()

    def write_stream(self, data: bytes) -> None:
        """More of the streamed answer."""
        self._transport.write(chunk(data) if self._chunked else data)

    def unsent_bytes(self) -> int:
        return self._transport.get_write_buffer_size()

    def end_stream(self) -> None:
        """The stream has nothing more to say, or must not."""
        if self._sink is None:
            return
        if self._chunked:
            self._transport.write(LAST_CHUNK)
        self._stop_stream()
        self._after_answer()
        self._drive()

    def _stop_stream(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.stop()

    def _hand_over(self, response: Response) -> None:
        assert response.take_over is not None and self._rest is not None
        self._transport.write(head(response.status, response.headers))
        rest, self._rest = bytes(self._rest), None
        self._inner = response.take_over(self._transport, rest)
        if self._write_stalled:
            self._inner.pause_writing()
        self._busy = False


class StreamSink(Sink):
    """Where one streamed answer goes, until it ends: what is written later goes nowhere."""

    __slots__ = ("_connection", "_stream")

    def __init__(self, connection: Connection, stream: Stream) -> None:
        self._connection = connection
        self._stream: Stream | None = stream

    def write(self, data: bytes) -> None:
        if self._stream is not None and data:
            self._connection.write_stream(data)

    def buffered(self) -> int:
        return self._connection.unsent_bytes()

    def close(self) -> None:
        if self._stream is not None:
            self._connection.end_stream()

    def stop(self) -> None:
        """The connection's call: the answer is over."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.stop()
