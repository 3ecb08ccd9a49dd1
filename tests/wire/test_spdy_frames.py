"""SPDY/3.1 framing: what one end writes the other reads, however the bytes arrive."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.wire.spdy_frames import (
    DICTIONARY,
    Data,
    FrameReader,
    FrameWriter,
    GoAway,
    Ping,
    Reset,
    SpdyError,
    SynReply,
    SynStream,
)


def test_the_dictionary_is_the_protocols() -> None:
    # zlib names a dictionary by its Adler-32; SPDY/3's is known from every capture of the protocol.
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


HEADERS = st.dictionaries(st.text("abc-", min_size=1, max_size=8), st.text(max_size=12), max_size=4)
FRAMES = st.one_of(
    st.builds(SynStream, st.integers(1, 99), HEADERS, st.booleans()),
    st.builds(SynReply, st.integers(1, 99), HEADERS, st.booleans()),
    st.builds(Data, st.integers(1, 99), st.binary(max_size=50), st.booleans()),
    st.builds(Reset, st.integers(1, 99), st.integers(1, 11)),
    st.builds(Ping, st.integers(0, 2**32 - 1)),
    st.builds(GoAway, st.integers(0, 99)),
)


def written(writer: FrameWriter, frame: object) -> bytes:
    match frame:
        case SynStream(stream_id, headers, fin):
            return writer.syn_stream(stream_id, headers, fin)
        case SynReply(stream_id, headers, fin):
            return writer.syn_reply(stream_id, headers, fin)
        case Data(stream_id, data, fin):
            return writer.data(stream_id, data, fin)
        case Reset(stream_id, status):
            return writer.reset(stream_id, status)
        case Ping(ping_id):
            return writer.ping(ping_id)
        case GoAway(last):
            return writer.go_away(last)
    raise AssertionError(frame)


@given(st.lists(FRAMES, max_size=8), st.integers(1, 40))
def test_frames_survive_any_splitting(frames: list[object], piece: int) -> None:
    writer, reader = FrameWriter(), FrameReader()
    stream = b"".join(written(writer, frame) for frame in frames)
    read = [frame for at in range(0, len(stream), piece) for frame in reader.feed(stream[at : at + piece])]
    assert read == frames


def test_settings_are_passed_over() -> None:
    settings = struct.pack(">HHI", 0x8003, 4, 4) + struct.pack(">I", 0)
    assert FrameReader().feed(settings + FrameWriter().ping(7)) == [Ping(7)]


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack(">HHI", 0x8002, 6, 4) + bytes(4),  # SPDY/2
        struct.pack(">HHI", 0x8003, 6, 2) + bytes(2),  # a short PING
        struct.pack(">HHI", 0x8003, 1, 14) + bytes(14),  # headers that are no zlib stream
    ],
)
def test_nonsense_is_an_error(frame: bytes) -> None:
    with pytest.raises(SpdyError):
        FrameReader().feed(frame)
