"""The state of one HTTP/2 stream: what has come of the request, and what is still to be sent of the answer."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from navarch.wire.shared_body import SharedBody

if TYPE_CHECKING:
    from navarch.wire.http2.request_head import Head


class Stream:
    """Belongs to a `Session`, which is the only one that changes it.

    `window` and `receive_window` are bytes that may still be sent and received. `queued` counts the bytes
    of `queue`, which wait for the windows or the transport. `since` is when the peer last did its part.
    """

    __slots__ = (
        "body",
        "body_bytes",
        "closed",
        "ends",
        "head",
        "held",
        "id",
        "is_answered",
        "is_complete",
        "is_handled",
        "queue",
        "queued",
        "receive_window",
        "since",
        "window",
    )

    def __init__(self, stream_id: int, head: Head, window: int, receive_window: int, now: float) -> None:
        self.id = stream_id
        #: None once the request is being handled, or refused.
        self.head: Head | None = head
        self.window = window
        self.receive_window = receive_window
        self.since = now
        #: The whole request has come.
        self.is_complete = False
        #: Nothing more is sent or taken.
        self.closed = False
        #: Somebody works on the answer; its head has been given; it has been given to its end.
        self.is_handled = False
        self.is_answered = False
        self.ends = False
        #: None as long as there is none of it: watches are idle streams by the thousand.
        self.body: list[bytes] | None = None
        self.body_bytes = 0
        self.queue: deque[bytes | memoryview] | None = None
        self.queued = 0
        #: The body that is queued, where others may be given it too.
        self.held: SharedBody | None = None
