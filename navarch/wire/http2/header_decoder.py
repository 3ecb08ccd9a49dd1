"""Header blocks of clients, decoded: one `HeaderDecoder` for each connection. Pure.

    decoder = HeaderDecoder(limit_bytes)
    decoder.decode(b"\\x82\\x84\\x87")  ->  [:method GET, :path /, :scheme https]

A client sends most of its fields once and refers to them from then on: what the table of the connection holds are
fields that have been checked. Huffman codes are jh2's, compiled; it is only ever shown whole strings, as it panics
at others.

Source: RFC 7541.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NoReturn

from jh2._hazmat import Decoder, HPACKError

from navarch.wire.http2.fields import Field, field
from navarch.wire.http2.frames import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, ConnectionFailure

#: What a client's table may hold: the size that holds as long as we announce no other.
TABLE_BYTES: Final = 4096

#: No number in a block is greater: whatever is counted, there are fewer.
_MAX_INTEGER: Final = 1 << 28

#: How fields are written: by the first bits of the first byte, the rest of which begins a number.
_INDEXED: Final = 0x80
_ADDED: Final = 0x40
_RESIZED: Final = 0x20

_HUFFMAN: Final = 0x80

#: The fields that every table begins with, numbered from 1. Source: RFC 7541, appendix A.
_STATIC_NAMES: Final = (
    ":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204"
    "|:status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate"
    "|accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control"
    "|content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type"
    "|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range"
    "|if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range"
    "|referer|refresh|retry-after|server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via"
    "|www-authenticate"
)

#: An entry of a table: the name as it came, and the field.
_Entry = tuple[bytes, Field]


def _entry(text: str) -> _Entry:
    name, _, value = text.encode().partition(b"=")
    return name, field(name, value)


_STATIC: Final[tuple[_Entry, ...]] = tuple(_entry(text) for text in _STATIC_NAMES.split("|"))
_STATIC_FIELDS: Final = tuple(found for _, found in _STATIC)
_STATIC_COUNT: Final = len(_STATIC)

#: The last bytes that stand for a field of this table, and for one by a number that needs no more bytes.
_LAST_STATIC: Final = _INDEXED + _STATIC_COUNT
_LAST_SHORT: Final = 0xFF


class HeaderDecoder:
    """The decoding side of one connection. `limit_bytes` bounds what a block may unfold to."""

    __slots__ = ("_capacity", "_entries", "_limit", "_size")

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        #: What has been added, the newest last; its size, and how much it may be.
        self._entries: list[_Entry] = []
        self._size = 0
        self._capacity = TABLE_BYTES

    def decode(self, block: bytes) -> list[Field]:
        """The fields in their order. Raises: ConnectionFailure; the decoder is of no use then."""
        fields: list[Field] = []
        added = self._entries
        try:
            at, end = 0, len(block)
            while at < end:
                first = block[at]
                if _INDEXED < first < _LAST_SHORT:
                    # Nearly all fields: one byte, and found without a call.
                    at += 1
                    fields.append(
                        _STATIC_FIELDS[first - 0x81] if first <= _LAST_STATIC else added[_LAST_STATIC - first][1]
                    )
                elif first & _INDEXED:
                    index, at = _integer(block, at, 0x7F)
                    fields.append(self._find(index)[1])
                elif first & _ADDED or not first & _RESIZED:
                    at = self._read_literal(block, at, fields)
                else:
                    at = self._resize(block, at, is_first=not fields)
        except IndexError:
            _fail("the header block is cut off, or refers to a field that is not in the table")
        # Each byte of a block stands for the largest entry at most.
        if len(block) * TABLE_BYTES > self._limit and sum([size for _, _, size in fields]) > self._limit:
            raise ConnectionFailure(ENHANCE_YOUR_CALM, "the header list is too large")
        return fields

    def _read_literal(self, block: bytes, at: int, fields: list[Field]) -> int:
        """A field whose value is written out, and its name too if it has no number."""
        is_added = block[at] & _ADDED
        index, at = _integer(block, at, 0x3F if is_added else 0x0F)
        if index:
            name = self._find(index)[0]
        else:
            end = _string_end(block, at)
            name, at = _unpacked(block[at:end]), end
        end = _string_end(block, at)
        found = _field(name, block[at:end])
        fields.append(found)
        if is_added:
            self._entries.append((name, found))
            self._size += found.size
            if self._size > self._capacity:
                self._evict()
        return end

    def _find(self, index: int) -> _Entry:
        if not 0 < index <= _STATIC_COUNT + len(self._entries):
            _fail("no such field in the table")
        return _STATIC[index - 1] if index <= _STATIC_COUNT else self._entries[_STATIC_COUNT - index]

    def _resize(self, block: bytes, at: int, *, is_first: bool) -> int:
        """The client's table changes its size, which it says before any field."""
        size, at = _integer(block, at, 0x1F)
        if size > TABLE_BYTES or not is_first:
            _fail("a table of a size that was not agreed on")
        self._capacity = size
        self._evict()
        return at

    def _evict(self) -> None:
        gone = 0
        while self._size > self._capacity:
            self._size -= self._entries[gone][1].size
            gone += 1
        if gone:
            del self._entries[:gone]


def _integer(block: bytes, at: int, prefix: int) -> tuple[int, int]:
    """A number that begins in the bits `prefix` of the byte at `at`, and where it ends. Raises: IndexError."""
    value = block[at] & prefix
    at += 1
    if value < prefix:
        return value, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        if value > _MAX_INTEGER or shift > 28:
            _fail("a number that is too large")
        if byte < 0x80:
            return value, at
        shift += 7


def _string_end(block: bytes, at: int) -> int:
    """Where the string ends that begins, with its length, at `at`. Raises: IndexError."""
    size, start = _integer(block, at, 0x7F)
    if start + size > len(block):
        raise IndexError
    return start + size


def _field(name: bytes, string: bytes) -> Field:
    """The field of this name and value, which is a whole string as it was written."""
    return _remembered(name, string) if len(string) <= _REMEMBERED_BYTES else field(name, _unpacked(string))


#: Longer values are not remembered: a client chooses them.
_REMEMBERED_BYTES: Final = 256


@lru_cache(2048)
def _remembered(name: bytes, string: bytes) -> Field:
    return field(name, _unpacked(string))


#: Reads single literals, which leave no trace in its table.
_LITERALS: Final = Decoder(1 << 24)


def _unpacked(string: bytes) -> bytes:
    """What a whole string stands for. A Huffman code is read as the value of a field of its own."""
    if not string[0] & _HUFFMAN:
        return string[_integer(string, 0, 0x7F)[1] :]
    try:
        ((_, value, _),) = _LITERALS.decode(b"\0\x01x" + string, True)
    except HPACKError as error:
        _fail(str(error))
    found: bytes = value
    return found


def _fail(why: str) -> NoReturn:
    raise ConnectionFailure(COMPRESSION_ERROR, why)
