"""What one HTTP/2 connection has to send: control frames at once, data as far as the windows go. Pure.

Belongs to a `Session`. Streams with queued data take turns, a frame each; a stream without a window waits
aside and holds up nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from navarch.wire.http2 import frames as h2
from navarch.wire.http2.frames import ConnectionFailure
from navarch.wire.http2.stream import Stream

#: Bytes of data that one `take` gives, give or take a frame: what the transport gets at a time.
BURST_BYTES: Final = 1024 * 1024


class Outbox:
    """`on_sent` hears of each stream whose answer has been given out to its end."""

    def __init__(self, on_sent: Callable[[Stream], None]) -> None:
        self._on_sent = on_sent
        #: Set while the transport takes nothing: only control frames are given out.
        self.blocked = False
        self.unsent_bytes = 0
        self.max_frame = h2.DEFAULT_FRAME_SIZE
        #: The window that the peer gives new streams.
        self.stream_window = h2.DEFAULT_WINDOW
        self._window = h2.DEFAULT_WINDOW
        self._frames: list[bytes | memoryview] = []
        #: Streams with queued data and a window, in turn.
        self._ready: dict[int, Stream] = {}

    def take(self, now: float) -> list[bytes | memoryview]:
        """What is to be written now. There may be more after it, as long as `has_more`."""
        if self._ready and not self.blocked:
            self._pump(now)
        taken, self._frames = self._frames, []
        return taken

    @property
    def has_more(self) -> bool:
        """Whether another `take` gives anything."""
        return bool(self._frames or (self._ready and self._window > 0 and not self.blocked))

    def control(self, frame: bytes) -> None:
        self._frames.append(frame)

    def head(self, stream: Stream, block: bytes) -> None:
        """The header block of an answer whose body comes with `put`."""
        self._frames.append(h2.headers_frames(stream.id, block, 0, self.max_frame))

    def whole(self, stream: Stream, block: bytes, body: bytes) -> None:
        """An answer from its header block to its end; `stream.ends` is set."""
        size = len(body)
        if size and len(block) <= self.max_frame and self._fits(stream, size):
            self._window -= size
            head = h2.frame_head(len(block), h2.HEADERS, h2.END_HEADERS, stream.id)
            data_head = h2.frame_head(size, h2.DATA, h2.END_STREAM, stream.id)
            self._frames += (head + block + data_head, body)
            self._on_sent(stream)
            return
        self._frames.append(h2.headers_frames(stream.id, block, 0 if body else h2.END_STREAM, self.max_frame))
        if body:
            self.put(stream, body)
        else:
            self._on_sent(stream)

    def put(self, stream: Stream, data: bytes) -> None:
        """Data of an answer, its last with `stream.ends`."""
        size = len(data)
        if not stream.queue and self._fits(stream, size):
            stream.window -= size
            self._window -= size
            self._data_frame(stream, size, [data])
            return
        if stream.queue is None:
            stream.queue = deque()
        stream.queue.append(data)
        stream.queued += size
        self.unsent_bytes += size
        if stream.window > 0:
            self._ready[stream.id] = stream

    def end(self, stream: Stream) -> None:
        """`stream.ends` was set after its last data: tell the peer, if nothing is queued that will."""
        if not stream.queue:
            self._data_frame(stream, 0, [])

    def drop(self, stream: Stream) -> None:
        """Forget what the stream still had to send."""
        self._ready.pop(stream.id, None)
        self.unsent_bytes -= stream.queued
        stream.queue = None
        stream.queued = 0

    def widen(self, increment: int) -> None:
        """The connection's window grows. Raises: ConnectionFailure."""
        self._window += increment
        if self._window > h2.MAX_WINDOW:
            raise ConnectionFailure(h2.FLOW_CONTROL_ERROR, "the connection's window is too large")

    def widen_stream(self, stream: Stream, change: int) -> None:
        """A stream's window grows, or shrinks, even below zero."""
        stream.window += change
        if stream.window <= 0:
            self._ready.pop(stream.id, None)
        elif stream.queue:
            self._ready[stream.id] = stream

    def _fits(self, stream: Stream, size: int) -> bool:
        """Whether so much data can go out at once, in one frame."""
        return not self.blocked and size <= self.max_frame and size <= stream.window and size <= self._window

    def _pump(self, now: float) -> None:
        budget = BURST_BYTES
        while self._ready and self._window > 0 and budget > 0:
            stream_id, stream = next(iter(self._ready.items()))
            del self._ready[stream_id]
            stream.since = now
            if not self._ready:
                budget -= self._send_full_frames(stream, budget)
            if stream.window > 0 and self._window > 0:
                budget -= self._send_one(stream)
            if stream.queue and stream.window > 0:
                self._ready[stream_id] = stream

    def _send_full_frames(self, stream: Stream, budget: int) -> int:
        """All but the last frame of a long piece, for a stream that nobody takes turns with; their size."""
        queue = stream.queue
        assert queue, "only streams with queued data are ready"
        step = self.max_frame
        count = min(len(queue[0]) - 1, stream.window, self._window, budget) // step
        if count < 2:
            return 0
        view, size = memoryview(queue[0]), count * step
        head = h2.frame_head(step, h2.DATA, 0, stream.id)
        for at in range(0, size, step):
            self._frames += (head, view[at : at + step])
        queue[0] = view[size:]
        self._count(stream, size)
        return size

    def _send_one(self, stream: Stream) -> int:
        """One frame of a stream's queue; its size."""
        room = min(self.max_frame, stream.window, self._window)
        queue = stream.queue
        assert queue, "only streams with queued data are ready"
        pieces: list[bytes | memoryview] = []
        size = 0
        while queue and size < room:
            piece = queue[0]
            if size + len(piece) <= room:
                queue.popleft()
            else:
                view = memoryview(piece)
                piece, queue[0] = view[: room - size], view[room - size :]
            pieces.append(piece)
            size += len(piece)
        self._count(stream, size)
        self._data_frame(stream, size, pieces)
        return size

    def _count(self, stream: Stream, size: int) -> None:
        """So much of what was queued is sent."""
        stream.window -= size
        stream.queued -= size
        self._window -= size
        self.unsent_bytes -= size

    def _data_frame(self, stream: Stream, size: int, pieces: list[bytes] | list[bytes | memoryview]) -> None:
        last = stream.ends and not stream.queue
        self._frames.append(h2.frame_head(size, h2.DATA, h2.END_STREAM if last else 0, stream.id))
        self._frames += pieces
        if last:
            self._on_sent(stream)
