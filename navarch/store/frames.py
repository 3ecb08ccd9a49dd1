"""The format of the durable store's log: bytes to records and back. Pure; called by disk.py and cleaning.py.

A log is a row of segments. A segment is a head, then frames, then zeros. A frame is one group of writes: it is
in the log as a whole or not at all.

    head     magic, format version, checksum, number of the segment, number of its first frame
    frame    mark, checksum, length of the records, number of the frame, the store's revision after it, records
    record   lengths of key and document, revision, create_revision (0: the key was deleted), expiry (epoch seconds,
             0: never), key, document

Frames are numbered from 1 on without a gap through all segments. The mark cannot occur in a record's text, which is
UTF-8: what is found behind a frame that cannot be read tells a write that was cut off, which nothing follows, from
damage. Of the same key the last record counts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
from isal.isal_zlib import crc32

from navarch.store.contract import Entry

#: Format 1 was an LMDB database.
FORMAT_VERSION = 2

_MAGIC = b"navarch\n"
_HEAD = struct.Struct(">8sII")
_HEAD_NUMBERS = struct.Struct(">QQ")
HEAD_BYTES = _HEAD.size + _HEAD_NUMBERS.size

_MARK = b"\xff\xfeNF"
_FRAME = struct.Struct(">4sI")
_FRAME_NUMBERS = struct.Struct(">IQQ")
FRAME_BYTES = _FRAME.size + _FRAME_NUMBERS.size

_RECORD = struct.Struct(">HIQQd")


class Row(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One change to write down. `expires_at` is in epoch seconds, 0 if never; `previous` is what it replaces."""

    entry: Entry
    deleted: bool = False
    expires_at: float = 0.0
    previous: Entry | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it lies in a segment: its records are the bytes from `start` to `end`."""

    number: int
    revision: int
    start: int
    end: int


#: Key, revision, create_revision (0: deleted), expiry; the document is the bytes between the last two.
Record = tuple[str, int, int, float, int, int]


class OtherFormat(Exception):
    """A head of another version: the argument."""


def record_bytes(entry: Entry | None) -> int:
    """About how much of the log an entry takes."""
    return 0 if entry is None else _RECORD.size + len(entry.key) + len(entry.value)


def head(segment: int, first_frame: int) -> bytes:
    numbers = _HEAD_NUMBERS.pack(segment, first_frame)
    return _HEAD.pack(_MAGIC, FORMAT_VERSION, crc32(numbers)) + numbers


def read_head(data: bytes) -> tuple[int, int] | None:
    """Number of the segment, and of its first frame; None when there is no whole head. Raises: OtherFormat."""
    if len(data) < HEAD_BYTES or not data.startswith(_MAGIC):
        return None
    _, version, checksum = _HEAD.unpack_from(data)
    if version != FORMAT_VERSION:
        raise OtherFormat(version)
    if crc32(data[_HEAD.size : HEAD_BYTES]) != checksum:
        return None
    segment, first_frame = _HEAD_NUMBERS.unpack_from(data, _HEAD.size)
    return segment, first_frame


def frame(rows: Iterable[Row], number: int, revision: int) -> bytes:
    parts = [b""]
    for row in rows:
        entry, key = row.entry, row.entry.key.encode()
        if row.deleted:
            parts += (_RECORD.pack(len(key), 0, entry.revision, 0, 0.0), key)
        else:
            value = entry.value
            fixed = _RECORD.pack(len(key), len(value), entry.revision, entry.create_revision, row.expires_at)
            parts += (fixed, key, value)
    parts[0] = _FRAME_NUMBERS.pack(sum(map(len, parts)), number, revision)
    checksum = 0
    for part in parts:
        checksum = crc32(part, checksum)
    return b"".join((_FRAME.pack(_MARK, checksum), *parts))


def read_frame(data: bytes, at: int) -> Frame | None:
    """The frame that begins at byte `at`; None when there is no whole one."""
    start = at + FRAME_BYTES
    if start > len(data) or not data.startswith(_MARK, at):
        return None
    _, checksum = _FRAME.unpack_from(data, at)
    length, number, revision = _FRAME_NUMBERS.unpack_from(data, at + _FRAME.size)
    end = start + length
    if end > len(data) or crc32(memoryview(data)[at + _FRAME.size : end]) != checksum:
        return None
    return Frame(number, revision, start, end)


def next_frame(data: bytes, at: int) -> Frame | None:
    """The first whole frame that begins at byte `at` or behind."""
    while (at := data.find(_MARK, at)) >= 0:
        if (found := read_frame(data, at)) is not None:
            return found
        at += 1
    return None


def records(data: bytes, found: Frame) -> Iterator[Record]:
    at, size, unpack = found.start, _RECORD.size, _RECORD.unpack_from
    while at < found.end:
        key_length, value_length, revision, create_revision, expires_at = unpack(data, at)
        start = at + size + key_length
        key = str(data[at + size : start], "utf-8")
        at = start + value_length
        yield key, revision, create_revision, expires_at, start, at
