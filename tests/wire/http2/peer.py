"""A client of a `Session` in memory, written in raw frames."""

from __future__ import annotations

from typing import NamedTuple

import hpack

from navarch.wire.http2 import frames as h2
from navarch.wire.http2.answer_head import encode_head
from navarch.wire.http2.events import Asked, Event
from navarch.wire.http2.frames import FrameReader, frame
from navarch.wire.http2.request_head import Head
from navarch.wire.http2.session import Session

GET = [(":method", "GET"), (":scheme", "https"), (":path", "/p"), (":authority", "localhost")]
POST = [(":method", "POST"), *GET[1:]]
OK = encode_head(200, [])


class Sent(NamedTuple):
    """A frame that the session sent."""

    kind: int
    flags: int
    stream_id: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of a RST_STREAM or GOAWAY."""
        return int.from_bytes(self.payload[4:8] if self.kind == h2.GOAWAY else self.payload, "big")


class Peer:
    """Sends frames, keeps what comes back. `now` is the session's time."""

    def __init__(self, *, greet: bool = True) -> None:
        self.session = Session()
        self.now = 0.0
        self.events: list[Event] = []
        self.frames: list[Sent] = []
        self._encoder = hpack.Encoder()
        self._reader = FrameReader()
        if greet:
            self.send(h2.PREFACE, h2.settings_frame({}))
            self.frames.clear()

    def send(self, *parts: bytes) -> list[Event]:
        events = self.session.receive(b"".join(parts), self.now)
        self.events += events
        self.collect()
        return events

    def collect(self) -> list[Sent]:
        """Take what the session has to send; all of it so far."""
        while taken := self.session.outbox.take(self.now):
            self.frames += [Sent(*each) for each in self._reader.feed(b"".join(taken))]
        return self.frames

    def headers(self, stream_id: int, fields: list[tuple[str, str]], flags: int = h2.END_STREAM) -> bytes:
        return h2.headers_frames(stream_id, self._encoder.encode(fields), flags, h2.DEFAULT_FRAME_SIZE)

    def ask(self, stream_id: int, fields: list[tuple[str, str]] | None = None) -> Asked:
        """A request without a body, as the session gives it out; it counts as being handled."""
        (event,) = self.send(self.headers(stream_id, fields or GET))
        assert isinstance(event, Asked)
        head = self.session.take_up(event.stream)
        assert head is not None
        self.head = head
        return event

    def head_of(self, stream_id: int, fields: list[tuple[str, str]]) -> Head:
        """What such a request asks for."""
        self.ask(stream_id, fields)
        return self.head

    def of_kind(self, kind: int) -> list[Sent]:
        return [each for each in self.frames if each.kind == kind]

    def data(self, stream_id: int) -> bytes:
        """The body that came on a stream."""
        return b"".join(each.payload for each in self.of_kind(h2.DATA) if each.stream_id == stream_id)

    @property
    def goaway(self) -> int | None:
        """The error code with which the session ended the connection."""
        return self.of_kind(h2.GOAWAY)[-1].code if self.session.failed else None

    def reset_of(self, stream_id: int) -> int | None:
        return next((each.code for each in self.of_kind(h2.RST_STREAM) if each.stream_id == stream_id), None)


def ping(payload: bytes = b"12345678", flags: int = 0) -> bytes:
    return frame(h2.PING, flags, 0, payload)
