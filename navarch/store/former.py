"""Stores of format 1, an LMDB database: read once, by the first version that keeps a log. Called by durable.py.

The database maps 8-byte numbers to records: 0 to the head (magic, format, revision of the last write), an object's
create_revision to revision, expiry (epoch seconds, 0: never), length of the key, key, document.
"""

from __future__ import annotations

import struct
from pathlib import Path

from navarch.store.contract import Entry, StoreUnusable
from navarch.store.recovery import Recovered

DATABASE = "data.mdb"

_HEAD_ROW = bytes(8)
_HEAD = struct.Struct(">8sIQ")
_MAGIC = b"navarch\0"
_FORMAT_VERSION = 1
_RECORD = struct.Struct(">QdH")


def read(directory: Path) -> Recovered:
    """Everything in the database. Raises: StoreUnusable."""
    try:
        import lmdb
    except ImportError:
        raise StoreUnusable(
            f"{directory}: written by an earlier version, and the library that reads it is not installed; "
            "pip install lmdb, then start again, once"
        ) from None
    found = Recovered()
    try:
        with (
            lmdb.open(str(directory), readonly=True, lock=False) as environment,
            environment.begin() as transaction,
        ):
            head = transaction.get(_HEAD_ROW)
            if head is None or len(head) != _HEAD.size or _HEAD.unpack(head)[:2] != (_MAGIC, _FORMAT_VERSION):
                raise StoreUnusable(f"{directory}: not a Navarch store; choose another directory")
            found.revision = _HEAD.unpack(head)[2]
            for row, record in transaction.cursor():
                if row != _HEAD_ROW:
                    _take_in(found, int.from_bytes(row, "big"), record)
    except lmdb.Error as error:
        raise StoreUnusable(f"{directory}: not a usable database ({error}); restore or remove it") from error
    return found


def _take_in(found: Recovered, create_revision: int, record: bytes) -> None:
    revision, expires_at, key_length = _RECORD.unpack_from(record)
    start = _RECORD.size + key_length
    key = str(record[_RECORD.size : start], "utf-8")
    found.entries[key] = Entry(key, record[start:], revision, create_revision)
    if expires_at:
        found.expires_at[key] = expires_at
