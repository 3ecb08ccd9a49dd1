"""One HTTP/2 connection as a state machine: bytes in, events out; answers in, bytes out. Pure.

    session = Session()
    for event in session.receive(data, now): ...      # Asked, Refused, Cancelled
    session.respond(stream, block, body)              # a whole answer, or:
    session.start(stream, block); session.send(stream, data); session.end(stream)
    transport.write(b"".join(session.outbox.take(now)))

Nothing is ever waited for: what flow control holds back lies in the stream's queue, whose size whoever sends
can see. Whatever a peer does, memory is bounded: by the number of streams, the size of a body, of all
unfinished bodies, of unsent answers, and by a budget of frames that cost more to answer than to send.

Source: RFC 9113.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from navarch.wire.http2 import frames as h2
from navarch.wire.http2.events import Asked, Cancelled, Event, Refusal, Refused
from navarch.wire.http2.fields import Field
from navarch.wire.http2.frames import ConnectionFailure
from navarch.wire.http2.header_decoder import HeaderDecoder
from navarch.wire.http2.outbox import Outbox
from navarch.wire.http2.request_head import Head, Malformed, check_trailers, list_bytes, request_head
from navarch.wire.http2.stream import Stream
from navarch.wire.limits import MAX_BODY_BYTES, MAX_HEAD_BYTES, READ_TIMEOUT_S, WRITE_TIMEOUT_S

#: Requests of one connection that may be under way. Source: apiserver's HTTP/2 settings.
MAX_STREAMS: Final = 250

#: Bytes that a client may send ahead, on a stream and on all of them. Source: apiserver's upload buffers.
STREAM_WINDOW: Final = 256 * 1024
CONNECTION_WINDOW: Final = 16 * 1024 * 1024

#: Bodies that have not come to their end may have this size together.
MAX_UNFINISHED_BYTES: Final = 64 * 1024 * 1024

#: With more than this unsent, new requests are refused; their clients try again.
MAX_UNSENT_BYTES: Final = 64 * 1024 * 1024

#: Frames without any progress (pings, settings, resets, empty ones) that a peer may send between two
#: sweeps. Source: the floods of CVE-2019-9512, -9514, -9515, -9518 and CVE-2023-44487.
IDLE_FRAMES: Final = 2000

#: Header blocks up to this size are not measured once more when they are decoded: the decoder bounds them.
SMALL_BLOCK_BYTES: Final = 64 * 1024

#: Closed streams that are remembered because frames of them may still come.
REMEMBERED_RESETS: Final = 512

_DRAIN_PING: Final = b"draining"


class Session:
    """The server's side of one connection."""

    def __init__(self) -> None:
        self.streams: dict[int, Stream] = {}
        self.outbox = Outbox(self._sent)
        #: The connection is at its end: write what the outbox has, and close.
        self.failed = False
        #: The peer has spoken HTTP/2.
        self.greeted = False
        self._reader = h2.FrameReader()
        self._decoder = HeaderDecoder(4 * MAX_HEAD_BYTES)
        self._preface = h2.PREFACE
        self._events: list[Event] = []
        self._receive_window = CONNECTION_WINDOW
        self._last_id = 0
        self._draining = False
        #: The highest stream that is answered; falls once the peer has seen that we drain.
        self._accepts_to = h2.MAX_STREAM_ID
        #: A header block that CONTINUATION carries on: stream, flags, its bytes.
        self._block: tuple[int, int, bytearray] | None = None
        self._resets: deque[int] = deque(maxlen=REMEMBERED_RESETS)
        self._idle_frames = IDLE_FRAMES
        #: Requests whose stream was reset while they were handled, and still are.
        self._orphans = 0
        self._unfinished_bytes = 0
        self._now = 0.0
        settings = {
            h2.SETTINGS_MAX_CONCURRENT_STREAMS: MAX_STREAMS,
            h2.SETTINGS_INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            h2.SETTINGS_MAX_HEADER_LIST_SIZE: MAX_HEAD_BYTES,
        }
        self.outbox.control(h2.settings_frame(settings))
        self.outbox.control(h2.window_update(0, CONNECTION_WINDOW - h2.DEFAULT_WINDOW))

    # --- what comes

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take bytes from the peer; what they mean to the server. After an error `failed` is set."""
        self._now = now
        events: list[Event] = []
        self._events = events
        if self.failed:
            return events
        try:
            if self._preface:
                data = self._read_preface(data)
            for kind, flags, stream_id, payload in self._reader.feed(data):
                self._on_frame(kind, flags, stream_id, payload)
        except ConnectionFailure as failure:
            self._fail(failure)
        return events

    def _read_preface(self, data: bytes) -> bytes:
        size = min(len(data), len(self._preface))
        if data[:size] != self._preface[:size]:
            raise ConnectionFailure(h2.PROTOCOL_ERROR, "no HTTP/2 preface")
        self._preface = self._preface[size:]
        return data[size:]

    def _on_frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if self._block is not None and (kind != h2.CONTINUATION or stream_id != self._block[0]):
            raise ConnectionFailure(h2.PROTOCOL_ERROR, "a header block was interrupted")
        if not self.greeted:
            if kind != h2.SETTINGS or flags & h2.ACK:
                raise ConnectionFailure(h2.PROTOCOL_ERROR, "the first frame is not SETTINGS")
            self.greeted = True
        if kind == h2.HEADERS:
            self._on_headers(flags, stream_id, payload)
        elif kind == h2.DATA:
            self._on_data(flags, stream_id, payload)
        elif kind == h2.WINDOW_UPDATE:
            self._on_window_update(stream_id, payload)
        elif kind == h2.CONTINUATION:
            self._on_continuation(flags, payload)
        else:
            self._spend()
            if kind == h2.RST_STREAM:
                self._on_reset(stream_id, payload)
            elif kind == h2.SETTINGS:
                self._on_settings(flags, stream_id, payload)
            elif kind == h2.PING:
                self._on_ping(flags, stream_id, payload)
            elif kind == h2.PRIORITY:
                self._on_priority(stream_id, payload)
            elif kind == h2.GOAWAY and stream_id:
                raise ConnectionFailure(h2.PROTOCOL_ERROR, "GOAWAY on a stream")
            elif kind == h2.PUSH_PROMISE:
                raise ConnectionFailure(h2.PROTOCOL_ERROR, "clients do not push")

    def _spend(self) -> None:
        """Count a frame that brings nothing."""
        self._idle_frames -= 1
        if self._idle_frames < 0:
            raise ConnectionFailure(h2.ENHANCE_YOUR_CALM, "too many frames without any progress")

    # --- requests

    def _on_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id & 1:
            raise ConnectionFailure(h2.PROTOCOL_ERROR, "HEADERS on a stream that no client may open")
        if flags & (h2.PADDED | h2.HAS_PRIORITY):
            payload = h2.unpadded(payload, flags)
            if flags & h2.HAS_PRIORITY:
                if len(payload) < 5:
                    raise ConnectionFailure(h2.FRAME_SIZE_ERROR, "HEADERS without its priority")
                payload = payload[5:]
        if flags & h2.END_HEADERS:
            self._on_block(flags, stream_id, payload)
        else:
            self._block = (stream_id, flags, bytearray(payload))

    def _on_continuation(self, flags: int, payload: bytes) -> None:
        if self._block is None:
            raise ConnectionFailure(h2.PROTOCOL_ERROR, "CONTINUATION of nothing")
        stream_id, first_flags, block = self._block
        if not payload:
            self._spend()
        block += payload
        if len(block) > MAX_HEAD_BYTES:
            raise ConnectionFailure(h2.ENHANCE_YOUR_CALM, "the header block is too large")
        if flags & h2.END_HEADERS:
            self._block = None
            self._on_block(first_flags, stream_id, bytes(block))

    def _on_block(self, flags: int, stream_id: int, block: bytes) -> None:
        # Decoded whatever becomes of the stream: the table of the connection changes with every block.
        fields = self._decoder.decode(block)
        if stream_id <= self._last_id:
            self._on_trailers(flags, stream_id, fields)
            return
        self._last_id = stream_id
        if stream_id > self._accepts_to:
            return
        if len(self.streams) + self._orphans >= MAX_STREAMS or self.outbox.unsent_bytes > MAX_UNSENT_BYTES:
            self._spend()
            self._reset(stream_id, h2.REFUSED_STREAM)
            return
        try:
            head = request_head(fields)
        except Malformed:
            self._spend()
            self._reset(stream_id, h2.PROTOCOL_ERROR)
            return
        stream = Stream(stream_id, head, self.outbox.stream_window, STREAM_WINDOW, self._now)
        self.streams[stream_id] = stream
        if len(block) > SMALL_BLOCK_BYTES and list_bytes(fields) > MAX_HEAD_BYTES:
            stream.is_complete = bool(flags & h2.END_STREAM)
            self._refuse(stream, Refusal.HEAD_TOO_LARGE)
        elif flags & h2.END_STREAM:
            self._complete(stream)
        elif head.length > MAX_BODY_BYTES:
            self._refuse(stream, Refusal.BODY_TOO_LARGE)

    def _on_trailers(self, flags: int, stream_id: int, fields: list[Field]) -> None:
        stream = self._open(stream_id, "HEADERS")
        if stream is None:
            return
        try:
            check_trailers(fields)
            if not flags & h2.END_STREAM:
                raise Malformed("trailers that do not end the stream")
        except Malformed:
            self._break(stream, h2.PROTOCOL_ERROR)
        else:
            self._complete(stream)

    def _on_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        size = len(payload)
        self._receive_window -= size
        # What bounds a body is its size. The windows are given back as it comes, whether or not it is used.
        if self._receive_window < CONNECTION_WINDOW // 2:
            self.outbox.control(h2.window_update(0, CONNECTION_WINDOW - self._receive_window))
            self._receive_window = CONNECTION_WINDOW
        if not stream_id:
            raise ConnectionFailure(h2.PROTOCOL_ERROR, "DATA on no stream")
        data = h2.unpadded(payload, flags)
        if not data and not flags & h2.END_STREAM:
            self._spend()
        stream = self._open(stream_id, "DATA")
        if stream is None:
            return
        stream.receive_window -= size
        stream.since = self._now
        if stream.body is None:
            stream.body = []
        stream.body.append(data)
        stream.body_bytes += len(data)
        self._unfinished_bytes += len(data)
        if stream.body_bytes > MAX_BODY_BYTES:
            self._refuse(stream, Refusal.BODY_TOO_LARGE)
        elif flags & h2.END_STREAM:
            self._complete(stream)
        elif self._unfinished_bytes > MAX_UNFINISHED_BYTES:
            self._break(stream, h2.ENHANCE_YOUR_CALM)
        elif stream.receive_window < STREAM_WINDOW // 2:
            self.outbox.control(h2.window_update(stream_id, STREAM_WINDOW - stream.receive_window))
            stream.receive_window = STREAM_WINDOW

    def _open(self, stream_id: int, what: str) -> Stream | None:
        """The stream to which more of a request comes, None when its frames mean nothing any more."""
        stream = self.streams.get(stream_id)
        if stream is not None:
            if stream.is_complete:
                self._break(stream, h2.STREAM_CLOSED)
            # The rest of a request that was refused, whose answer still waits, is not read.
            return stream if stream.head is not None and not stream.is_complete else None
        if stream_id > self._accepts_to:
            return None  # sent before the peer knew that no more are taken (RFC 9113, 6.8)
        if stream_id > self._last_id:
            raise ConnectionFailure(h2.PROTOCOL_ERROR, f"{what} on a stream that is not open")
        if stream_id not in self._resets:
            raise ConnectionFailure(h2.STREAM_CLOSED, f"{what} on a closed stream")
        return None

    def _complete(self, stream: Stream) -> None:
        """The whole request is there."""
        head = stream.head
        assert head is not None
        if head.length not in (-1, stream.body_bytes):
            self._break(stream, h2.PROTOCOL_ERROR)
            return
        stream.is_complete = True
        body = b""
        if stream.body:
            body = b"".join(stream.body)
            self._drop_body(stream)
        self._events.append(Asked(stream, body))

    def _refuse(self, stream: Stream, why: Refusal) -> None:
        stream.head = None
        self._drop_body(stream)
        self._events.append(Refused(stream, why))

    def _drop_body(self, stream: Stream) -> None:
        self._unfinished_bytes -= stream.body_bytes
        stream.body, stream.body_bytes = None, 0

    # --- the rest of the frames

    def _on_reset(self, stream_id: int, payload: bytes) -> None:
        h2.number(payload, "RST_STREAM")
        if not stream_id or stream_id > self._last_id:
            raise ConnectionFailure(h2.PROTOCOL_ERROR, "RST_STREAM of a stream that is not open")
        stream = self.streams.get(stream_id)
        if stream is not None:
            self._cancel(stream)

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFailure(h2.PROTOCOL_ERROR, "SETTINGS on a stream")
        if flags & h2.ACK:
            if payload:
                raise ConnectionFailure(h2.FRAME_SIZE_ERROR, "SETTINGS that acknowledge and set")
            return
        for name, value in h2.parse_settings(payload):
            if name == h2.SETTINGS_INITIAL_WINDOW_SIZE:
                self._set_initial_window(value)
            elif name == h2.SETTINGS_MAX_FRAME_SIZE:
                if not h2.DEFAULT_FRAME_SIZE <= value < 1 << 24:
                    raise ConnectionFailure(h2.PROTOCOL_ERROR, f"a maximal frame size of {value}")
                self.outbox.max_frame = value
            elif name == h2.SETTINGS_ENABLE_PUSH and value > 1:
                raise ConnectionFailure(h2.PROTOCOL_ERROR, f"ENABLE_PUSH of {value}")
        self.outbox.control(h2.frame(h2.SETTINGS, h2.ACK, 0))

    def _set_initial_window(self, value: int) -> None:
        if value > h2.MAX_WINDOW:
            raise ConnectionFailure(h2.FLOW_CONTROL_ERROR, f"an initial window of {value}")
        change = value - self.outbox.stream_window
        self.outbox.stream_window = value
        for stream in self.streams.values():
            if stream.window + change > h2.MAX_WINDOW:
                raise ConnectionFailure(h2.FLOW_CONTROL_ERROR, "a stream's window is too large")
            self.outbox.widen_stream(stream, change)

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFailure(h2.PROTOCOL_ERROR, "PING on a stream")
        if len(payload) != 8:
            raise ConnectionFailure(h2.FRAME_SIZE_ERROR, "PING of a wrong length")
        if not flags & h2.ACK:
            self.outbox.control(h2.frame(h2.PING, h2.ACK, 0, payload))
        elif payload == _DRAIN_PING and self._draining and self._accepts_to == h2.MAX_STREAM_ID:
            # The peer has seen the first GOAWAY: it opens no streams after those that have come by now.
            self._accepts_to = self._last_id
            self.outbox.control(h2.goaway(self._last_id, h2.NO_ERROR))

    def _on_priority(self, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionFailure(h2.PROTOCOL_ERROR, "PRIORITY of no stream")
        if len(payload) != 5:
            raise ConnectionFailure(h2.FRAME_SIZE_ERROR, "PRIORITY of a wrong length")

    def _on_window_update(self, stream_id: int, payload: bytes) -> None:
        increment = h2.number(payload, "WINDOW_UPDATE") & h2.MAX_WINDOW
        if not stream_id:
            if not increment:
                raise ConnectionFailure(h2.PROTOCOL_ERROR, "WINDOW_UPDATE by nothing")
            self.outbox.widen(increment)
            return
        stream = self.streams.get(stream_id)
        if stream is None:
            if stream_id > self._last_id:
                raise ConnectionFailure(h2.PROTOCOL_ERROR, "WINDOW_UPDATE of a stream that is not open")
        elif not increment:
            self._break(stream, h2.PROTOCOL_ERROR)
        elif stream.window + increment > h2.MAX_WINDOW:
            self._break(stream, h2.FLOW_CONTROL_ERROR)
        else:
            stream.since = self._now
            self.outbox.widen_stream(stream, increment)

    # --- answers

    def take_up(self, stream: Stream) -> Head | None:
        """What a request asks for, None for one that was given up meanwhile. It counts as under way until it
        is answered, even when its stream is reset: who opens and resets streams gains no more handlers."""
        head, stream.head = stream.head, None
        if stream.closed:
            return None
        stream.is_handled = True
        return head

    def respond(self, stream: Stream, block: bytes, body: bytes) -> None:
        """A whole answer: its header block and its body."""
        if self._answers(stream):
            stream.since = self._now
            stream.ends = True
            self.outbox.whole(stream, block, body)

    def start(self, stream: Stream, block: bytes) -> None:
        """The head of an answer whose body comes with `send`."""
        if self._answers(stream):
            self.outbox.head(stream, block)

    def send(self, stream: Stream, data: bytes) -> None:
        """More of a started answer. Nothing happens on a stream that is closed or ended."""
        if data and not stream.ends and not stream.closed:
            stream.since = self._now
            self.outbox.put(stream, data)

    def end(self, stream: Stream) -> None:
        """The end of a started answer."""
        if not stream.ends and not stream.closed:
            stream.ends = True
            self.outbox.end(stream)

    def give_up(self, stream: Stream) -> None:
        """The answer cannot be given, or not to its end."""
        if self._answers(stream):
            self._reset(stream.id, h2.INTERNAL_ERROR)
            self._forget(stream)

    def goaway(self) -> None:
        """Announce that no new streams are answered; those that are open go on."""
        if not self._draining:
            self._draining = True
            self.outbox.control(h2.goaway(h2.MAX_STREAM_ID, h2.NO_ERROR))
            self.outbox.control(h2.frame(h2.PING, 0, 0, _DRAIN_PING))

    @property
    def is_drained(self) -> bool:
        """After `goaway`: the peer knows, and all streams are done."""
        return self._draining and not self.streams and self._accepts_to != h2.MAX_STREAM_ID

    def _answers(self, stream: Stream) -> bool:
        """The head of an answer is given; False when nobody is there to get it."""
        if stream.closed and stream.is_handled and not stream.is_answered:
            self._orphans -= 1
        stream.is_answered = True
        return not stream.closed

    # --- ends

    def sweep(self, now: float) -> list[Event]:
        """Called every few seconds: cut streams whose peer takes too long, renew the budget of idle frames."""
        self._now = now
        self._idle_frames = IDLE_FRAMES
        self._events = []
        for stream in tuple(self.streams.values()):
            limit_s = WRITE_TIMEOUT_S if stream.is_complete else READ_TIMEOUT_S
            if (stream.queue or not stream.is_complete) and now - stream.since > limit_s:
                self._cut(stream, h2.CANCEL)
        return self._events

    def _sent(self, stream: Stream) -> None:
        """The answer has been given out. A request that goes on is not read to its end."""
        if not stream.is_complete:
            self._reset(stream.id, h2.NO_ERROR)
        self._forget(stream)

    def _break(self, stream: Stream, code: int) -> None:
        """The peer broke the rules of one stream."""
        self._spend()
        self._cut(stream, code)

    def _cut(self, stream: Stream, code: int) -> None:
        self._reset(stream.id, code)
        self._cancel(stream)

    def _cancel(self, stream: Stream) -> None:
        if stream.is_handled and not stream.is_answered:
            self._orphans += 1
        self._forget(stream)
        self._events.append(Cancelled(stream))

    def _reset(self, stream_id: int, code: int) -> None:
        self.outbox.control(h2.reset(stream_id, code))
        self._resets.append(stream_id)

    def _forget(self, stream: Stream) -> None:
        stream.closed = True
        stream.held = None
        self.streams.pop(stream.id, None)
        if stream.body:
            self._drop_body(stream)
        if stream.queue:
            self.outbox.drop(stream)

    def _fail(self, failure: ConnectionFailure) -> None:
        self.failed = True
        self.outbox.control(h2.goaway(self._last_id, failure.code, str(failure)))
