"""One HTTP/2 connection: a `Session` on a transport, requests to the handler, answers back.

Created by `http.Server` for connections whose TLS agreed on `h2`. All streams write into one buffer that goes
to the transport once per turn of the event loop; while the transport is full, their data waits in the session.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, cast

from navarch.wire.answer import BODILESS, stream_fields, whole_answer
from navarch.wire.exchange import exchange, split_target
from navarch.wire.http2.answer_head import encode_head
from navarch.wire.http2.events import Asked, Cancelled, Event, Refusal
from navarch.wire.http2.request_head import Head
from navarch.wire.http2.session import Session
from navarch.wire.http2.stream import Stream as StreamState
from navarch.wire.limits import IDLE_TIMEOUT_S, LINGER_S, MAX_BODY_BYTES, READ_TIMEOUT_S, WRITE_TIMEOUT_S
from navarch.wire.messages import Request, Response, Sink, Stream
from navarch.wire.refuse import body_too_large, headers_too_large

if TYPE_CHECKING:
    from navarch.wire.http import Server

log = logging.getLogger(__name__)

#: What the transport may hold before the session keeps data back.
WRITE_BUFFER_BYTES = 256 * 1024


class Http2Connection(asyncio.Protocol):
    """The protocol of one connection."""

    __slots__ = (
        "_flushing",
        "_loop",
        "_peer_address",
        "_peer_certificate",
        "_server",
        "_session",
        "_since",
        "_transport",
        "answers",
    )

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = server.loop
        self._session = Session()
        #: Streamed answers under way.
        self.answers: dict[StreamState, Answering] = {}
        self._flushing = False
        self._since = self._loop.time()
        self._peer_certificate: bytes | None = None
        self._peer_address = ""

    # --- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._peer_certificate = tls.getpeercert(binary_form=True)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self._peer_address = peer[0]
        self._server.connections.add(self)
        self.flush()

    def data_received(self, data: bytes) -> None:
        self._since = self._loop.time()
        self._flushing = True
        self._heed(self._session.receive(data, self._since))
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        self._session.failed = True
        for answering in tuple(self.answers.values()):
            answering.cancel()

    def pause_writing(self) -> None:
        self._since = self._loop.time()
        self._session.outbox.blocked = True

    def resume_writing(self) -> None:
        self._since = self._loop.time()
        self._session.outbox.blocked = False
        self.flush()

    # --- what the server calls

    def expire(self, now: float) -> None:
        """Cut streams whose peer takes too long, and the connection if it does so as a whole."""
        session = self._session
        if session.outbox.blocked:
            limit_s = WRITE_TIMEOUT_S
        elif session.failed:
            limit_s = LINGER_S
        elif session.streams:
            self._heed(session.sweep(now))
            self._flush()
            return
        else:
            session.sweep(now)
            limit_s = IDLE_TIMEOUT_S if session.greeted else READ_TIMEOUT_S
        if now - self._since > limit_s:
            self._transport.abort()

    def drain(self) -> None:
        """Finish what is under way, end the streams, then close."""
        self._session.goaway()
        for answering in tuple(self.answers.values()):
            answering.close()
        self.flush()

    def abort(self) -> None:
        self._transport.abort()

    # --- requests

    def _heed(self, events: list[Event]) -> None:
        for event in events:
            stream = event.stream
            if isinstance(event, Asked):
                head = self._session.take_up(stream)
                if head is not None:
                    self._handle(stream, head, event.body)
            elif isinstance(event, Cancelled):
                self._cancel(stream)
            else:
                too_large = event.why is Refusal.BODY_TOO_LARGE
                self._respond(stream, "", "", body_too_large(MAX_BODY_BYTES) if too_large else headers_too_large())

    def _handle(self, stream: StreamState, head: Head, body: bytes) -> None:
        path, query = split_target(head.target)
        certificate, address = self._peer_certificate, self._peer_address
        request = Request(head.method, path, query, head.headers, body, certificate, address)
        exchange(self._server, request, partial(self._answer, stream))

    # --- answers

    def _answer(self, stream: StreamState, request: Request, response: Response) -> None:
        assert response.take_over is None, "nobody is asked to take a stream over"
        try:
            if response.stream is None:
                self._respond(stream, request.method, request.headers.get("accept-encoding", ""), response)
            else:
                self._start(stream, request.method, response, response.stream)
        except Exception:
            log.exception("path=%s the answer could not be given", request.path)
            self._cancel(stream)
            self._session.give_up(stream)
        self.flush()

    def _respond(self, stream: StreamState, method: str, accepts: str, response: Response) -> None:
        """Give a whole answer."""
        fields, body = whole_answer(response, method, accepts)
        stream.held = response.shared
        self._session.respond(stream, encode_head(response.status, fields), body)

    def _start(self, stream: StreamState, method: str, response: Response, writer: Stream) -> None:
        """Give the head of an answer that `writer` goes on with."""
        block = encode_head(response.status, stream_fields(response))
        if method == "HEAD" or response.status in BODILESS or stream.closed:
            self._session.respond(stream, block, b"")
            writer.stop()
            return
        self._session.start(stream, block)
        answering = self.answers[stream] = Answering(self, self._session, stream, writer)
        writer.start(answering)
        if self._server.draining:
            answering.close()

    def _cancel(self, stream: StreamState) -> None:
        answering = self.answers.get(stream)
        if answering is not None:
            answering.cancel()

    def flush(self) -> None:
        """Write, once in this turn of the loop, what all streams have to send."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        session, transport = self._session, self._transport
        outbox = session.outbox
        taken = outbox.take(self._loop.time())
        while taken and not transport.is_closing():
            transport.write(b"".join(taken))
            taken = outbox.take(self._loop.time()) if outbox.has_more else []
        if session.failed or session.is_drained:
            transport.close()


class Answering(Sink):
    """Where the writer of one streamed answer writes to."""

    __slots__ = ("_connection", "_session", "_stream", "_writer")

    def __init__(self, connection: Http2Connection, session: Session, stream: StreamState, writer: Stream) -> None:
        self._connection = connection
        self._session = session
        self._stream = stream
        self._writer: Stream | None = writer

    def write(self, data: bytes) -> None:
        if self._writer is not None:
            self._session.send(self._stream, data)
            self._connection.flush()

    def buffered(self) -> int:
        return self._stream.queued

    def close(self) -> None:
        if self._writer is not None:
            self.cancel()
            self._session.end(self._stream)
            self._connection.flush()

    def cancel(self) -> None:
        """Nobody takes the answer any more."""
        writer, self._writer = self._writer, None
        if writer is not None:
            del self._connection.answers[self._stream]
            writer.stop()
