"""Frames: cut anywhere, they come out the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.wire.http2.frames import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    FRAME_SIZE_ERROR,
    HEADERS,
    ConnectionFailure,
    Frame,
    FrameReader,
    frame,
    headers_frames,
    unpadded,
)

FRAMES = st.lists(
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, (1 << 31) - 1), st.binary(max_size=100)),
    max_size=20,
)


@given(FRAMES, st.data())
def test_pieces_of_any_size_give_the_same_frames(frames: list[Frame], data: st.DataObject) -> None:
    sent = b"".join(frame(*each) for each in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=30)))
    reader, got = FrameReader(), []
    for start, stop in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        got += reader.feed(sent[start:stop])
    assert got == frames


def test_a_byte_at_a_time() -> None:
    reader = FrameReader()
    sent = frame(0, 1, 7, b"x" * 500) + frame(6, 0, 0, b"12345678")
    got = [each for at in range(len(sent)) for each in reader.feed(sent[at : at + 1])]
    assert got == [(0, 1, 7, b"x" * 500), (6, 0, 0, b"12345678")]


def test_a_frame_that_is_too_long_is_refused_at_its_head() -> None:
    with pytest.raises(ConnectionFailure) as raised:
        list(FrameReader().feed(b"\x00\x40\x01\x00\x00\x00\x00\x00\x01"))
    assert raised.value.code == FRAME_SIZE_ERROR


@pytest.mark.parametrize("size", [0, 10, 11, 25])
def test_header_blocks_go_on_in_continuations(size: int) -> None:
    block = bytes(range(size))
    frames = list(FrameReader().feed(headers_frames(3, block, END_STREAM, 10)))
    assert b"".join(payload for *_, payload in frames) == block
    assert [kind for kind, *_ in frames] == [HEADERS] + [CONTINUATION] * (len(frames) - 1)
    assert frames[0][1] & END_STREAM
    assert [bool(flags & END_HEADERS) for _, flags, _, _ in frames] == [False] * (len(frames) - 1) + [True]


def test_padding_is_taken_off_and_may_not_be_all_there_is() -> None:
    assert unpadded(b"\x03abc\0\0\0", 0x8) == b"abc"
    assert unpadded(b"\x00", 0x8) == b""
    for wrong in (b"", b"\x01", b"\x04abc"):
        with pytest.raises(ConnectionFailure):
            unpadded(wrong, 0x8)
