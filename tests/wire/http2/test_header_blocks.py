"""Header blocks against another implementation of HPACK."""

from __future__ import annotations

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.wire.http2.answer_head import encode_head
from navarch.wire.http2.fields import field
from navarch.wire.http2.frames import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, ConnectionFailure
from navarch.wire.http2.header_decoder import HeaderDecoder

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
        assert decoder.decode(block) == [field(name, value) for name, value in fields]


def test_the_table_begins_as_all_do() -> None:
    for index, (name, value) in enumerate(hpack.table.HeaderTable.STATIC_TABLE, 1):
        assert HeaderDecoder(1 << 16).decode(bytes([0x80 | index])) == [field(name, value)]


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_or_refused(block: bytes) -> None:
    try:
        HeaderDecoder(1 << 16).decode(block)
    except ConnectionFailure as failure:
        assert failure.code in (COMPRESSION_ERROR, ENHANCE_YOUR_CALM)


@given(st.lists(st.binary(max_size=12), min_size=1, max_size=4))
def test_what_others_read_is_read_the_same(blocks: list[bytes]) -> None:
    other, decoder = hpack.Decoder(), HeaderDecoder(1 << 20)
    for block in blocks:
        try:
            expected = other.decode(block, raw=True)
        except hpack.HPACKError:
            with pytest.raises(ConnectionFailure):
                decoder.decode(block)
            return
        assert decoder.decode(block) == [field(name, value) for name, value in expected]


@pytest.mark.parametrize("huffman", [False, True])
def test_a_block_that_is_cut_off_is_refused_in_silence(huffman: bool, capfd: pytest.CaptureFixture[str]) -> None:
    """The compiled decoder panics at some of them, and says so to everybody."""
    fields = [(b"x" * size, b"y" * (150 * size)) for size in range(4)]
    whole, ends = b"\x3f\xe1\x1f", {0, 3}
    for name, value in fields:
        whole += hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(name, value)], huffman=huffman)
        ends.add(len(whole))
    for block in (b"\xff", b"\x10", b"\x3f\xe5\xbe\xff", b"\x7f\xbe", b"\x1f\xbe\x80"):
        with pytest.raises(ConnectionFailure):
            HeaderDecoder(1 << 16).decode(block)
    for end in range(len(whole) + 1):
        decoder = HeaderDecoder(1 << 16)
        if end in ends:
            decoder.decode(whole[:end])
        else:
            with pytest.raises(ConnectionFailure) as raised:
                decoder.decode(whole[:end])
            assert raised.value.code == COMPRESSION_ERROR
    assert capfd.readouterr().err == ""


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
