"""Header blocks against another implementation of HPACK."""

from __future__ import annotations

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.wire.http2.frames import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, ConnectionFailure
from navarch.wire.http2.hpack import HeaderDecoder, encode_head

NAMES = st.sampled_from(["Content-Type", "date", "audit-id", "X-Long-" + "n" * 200, "etag", "warning"])
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=400)


@given(st.integers(100, 599), st.lists(st.tuples(NAMES, VALUES)))
def test_answers_are_read_by_others_as_they_were_written(status: int, fields: list[tuple[str, str]]) -> None:
    read = hpack.Decoder().decode(encode_head(status, fields), raw=True)
    assert read[0] == (b":status", b"%d" % status)
    assert read[1:] == [(name.lower().encode(), value.encode("latin-1")) for name, value in fields]


@given(
    st.lists(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.binary(max_size=300)), max_size=8)), st.data()
)
def test_blocks_of_others_are_read_with_their_table(
    blocks: list[list[tuple[bytes, bytes]]], data: st.DataObject
) -> None:
    encoder, decoder = hpack.Encoder(), HeaderDecoder(1 << 20)
    for fields in blocks:
        if data.draw(st.booleans()):
            encoder.header_table_size = data.draw(st.sampled_from([0, 100, 4096]))
        block = encoder.encode(fields, huffman=data.draw(st.booleans()))
        assert [(name, value) for name, value, _ in decoder.decode(block)] == fields


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_or_refused(block: bytes) -> None:
    try:
        HeaderDecoder(1 << 16).decode(block)
    except ConnectionFailure as failure:
        assert failure.code in (COMPRESSION_ERROR, ENHANCE_YOUR_CALM)


@pytest.mark.parametrize(
    "block",
    [b"\x80", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x40", b"\x40\x05ab", b"\x3f\xff\xff\x7f", b"\xc6"],
    ids=["index 0", "endless integer", "no name", "short name", "table too large", "no such entry"],
)
def test_broken_blocks_end_the_connection(block: bytes) -> None:
    with pytest.raises(ConnectionFailure) as raised:
        HeaderDecoder(1 << 16).decode(block)
    assert raised.value.code == COMPRESSION_ERROR


def test_a_small_block_cannot_unfold_without_bound() -> None:
    entry = hpack.Encoder().encode([(b"x", b"y" * 4000)])
    with pytest.raises(ConnectionFailure) as raised:
        HeaderDecoder(1 << 20).decode(entry + b"\xbe" * 16_000)
    assert raised.value.code == ENHANCE_YOUR_CALM
