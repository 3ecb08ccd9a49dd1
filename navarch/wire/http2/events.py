"""What a `Session` tells the server of: requests, and streams that came to nothing."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from navarch.wire.http2.stream import Stream


class Refusal(Enum):
    """Why a request is answered without being handled."""

    HEAD_TOO_LARGE = "head"
    BODY_TOO_LARGE = "body"


class Asked(NamedTuple):
    """A whole request. Whoever handles it says so with `Session.take_up`."""

    stream: Stream
    body: bytes


class Refused(NamedTuple):
    """A request that is too large. It wants a whole answer; the rest of it is not read."""

    stream: Stream
    why: Refusal


class Cancelled(NamedTuple):
    """The peer gave the stream up, broke its rules, or took too long."""

    stream: Stream


Event = Asked | Refused | Cancelled
