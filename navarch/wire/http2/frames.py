"""HTTP/2 frames: their numbers, and bytes to frames and back. Pure.

    reader = FrameReader()
    for kind, flags, stream_id, payload in reader.feed(data): ...
    frame(PING, ACK, 0, payload)

Source: RFC 9113, sections 4, 6 and 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

#: Flags. ACK and END_STREAM are the same bit of different frames.
ACK: Final = 0x1
END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
HAS_PRIORITY: Final = 0x20

NO_ERROR: Final = 0x0
PROTOCOL_ERROR: Final = 0x1
INTERNAL_ERROR: Final = 0x2
FLOW_CONTROL_ERROR: Final = 0x3
STREAM_CLOSED: Final = 0x5
FRAME_SIZE_ERROR: Final = 0x6
REFUSED_STREAM: Final = 0x7
CANCEL: Final = 0x8
COMPRESSION_ERROR: Final = 0x9
ENHANCE_YOUR_CALM: Final = 0xB

SETTINGS_ENABLE_PUSH: Final = 0x2
SETTINGS_MAX_CONCURRENT_STREAMS: Final = 0x3
SETTINGS_INITIAL_WINDOW_SIZE: Final = 0x4
SETTINGS_MAX_FRAME_SIZE: Final = 0x5
SETTINGS_MAX_HEADER_LIST_SIZE: Final = 0x6

#: What both sides start from, before any SETTINGS.
DEFAULT_WINDOW: Final = 65_535
DEFAULT_FRAME_SIZE: Final = 16_384

MAX_WINDOW: Final = (1 << 31) - 1
MAX_STREAM_ID: Final = (1 << 31) - 1

HEAD_BYTES: Final = 9

#: Length (high byte, low two), type, flags, stream.
_HEAD = Struct(">BHBBL")
_SETTING = Struct(">HL")
_NUMBER = Struct(">L")
_TWO_NUMBERS = Struct(">LL")

#: kind, flags, stream id, payload.
Frame = tuple[int, int, int, bytes]


class ConnectionFailure(Exception):
    """The peer broke the protocol: the connection ends with GOAWAY and this error code."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class FrameReader:
    """Cuts received bytes into frames. Keeps at most one unfinished frame."""

    __slots__ = ("_needed", "_rest")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._needed = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete. Raises: ConnectionFailure for one that is too long."""
        if self._rest:
            # Frames are looked for only when one is complete: bytes that trickle in are copied once.
            self._rest += data
            if len(self._rest) < self._needed:
                return
            data = bytes(self._rest)
            self._rest.clear()
        at, end = 0, len(data)
        needed = HEAD_BYTES
        while end - at >= HEAD_BYTES:
            high, low, kind, flags, stream_id = _HEAD.unpack_from(data, at)
            length = high << 16 | low
            if length > DEFAULT_FRAME_SIZE:
                raise ConnectionFailure(FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            stop = at + HEAD_BYTES + length
            if stop > end:
                needed = HEAD_BYTES + length
                break
            yield kind, flags, stream_id & MAX_STREAM_ID, data[at + HEAD_BYTES : stop]
            at = stop
        if at < end:
            self._rest += data[at:]
            self._needed = needed


def frame_head(length: int, kind: int, flags: int, stream_id: int) -> bytes:
    return _HEAD.pack(length >> 16, length & 0xFFFF, kind, flags, stream_id)


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    return frame_head(len(payload), kind, flags, stream_id) + payload


def headers_frames(stream_id: int, block: bytes, flags: int, max_frame: int) -> bytes:
    """A header block as HEADERS, followed by CONTINUATION where it does not fit into one frame."""
    if len(block) <= max_frame:
        return frame(HEADERS, flags | END_HEADERS, stream_id, block)
    pieces = [block[at : at + max_frame] for at in range(0, len(block), max_frame)]
    first, *middle, last = pieces
    frames = [frame(HEADERS, flags, stream_id, first)]
    frames += [frame(CONTINUATION, 0, stream_id, piece) for piece in middle]
    return b"".join([*frames, frame(CONTINUATION, END_HEADERS, stream_id, last)])


def settings_frame(settings: dict[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join([_SETTING.pack(*item) for item in settings.items()]))


def parse_settings(payload: bytes) -> Iterator[tuple[int, int]]:
    """(identifier, value) in their order. Raises: ConnectionFailure for a length that none has."""
    if len(payload) % _SETTING.size:
        raise ConnectionFailure(FRAME_SIZE_ERROR, "SETTINGS of a wrong length")
    return _SETTING.iter_unpack(payload)


def window_update(stream_id: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream_id, _NUMBER.pack(increment))


def reset(stream_id: int, code: int) -> bytes:
    return frame(RST_STREAM, 0, stream_id, _NUMBER.pack(code))


def goaway(last_stream_id: int, code: int, why: str = "") -> bytes:
    return frame(GOAWAY, 0, 0, _TWO_NUMBERS.pack(last_stream_id, code) + why.encode())


def number(payload: bytes, what: str) -> int:
    """The one 32-bit number that a frame consists of. Raises: ConnectionFailure for another length."""
    if len(payload) != _NUMBER.size:
        raise ConnectionFailure(FRAME_SIZE_ERROR, f"{what} of a wrong length")
    value: int = _NUMBER.unpack(payload)[0]
    return value


def unpadded(payload: bytes, flags: int) -> bytes:
    """The payload without its padding. Raises: ConnectionFailure when the padding is longer than it."""
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionFailure(PROTOCOL_ERROR, "more padding than payload")
    return payload[1 : len(payload) - payload[0]]
