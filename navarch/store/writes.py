"""What every store does to a write before it has a place in its log: checks and stamped entries.

Pure; called by memory.py, durable.py and etcd.py.
"""

from __future__ import annotations

from navarch.store.contract import MAX_DOCUMENT_BYTES, Entry, RevisionConflict, ValueTooLarge, restamp, stamp


def check_size(key: str, document: bytes) -> None:
    """Raises: ValueTooLarge."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise ValueTooLarge(f"{key}: {len(document)} bytes, at most {MAX_DOCUMENT_BYTES} are stored")


def check_revision(key: str, current: Entry | None, expected: int) -> None:
    """Raises: RevisionConflict."""
    if (current.revision if current else 0) != expected:
        raise RevisionConflict(key, current)


def check_deletable(key: str, current: Entry | None, expected: int) -> Entry:
    """What a deletion takes away. Raises: RevisionConflict, also when nothing stands there."""
    if current is None or current.revision != expected:
        raise RevisionConflict(key, current)
    return current


def written(key: str, document: bytes, revision: int, current: Entry | None) -> Entry:
    """The entry that a put at `revision` leaves."""
    return Entry(key, stamp(document, revision), revision, current.create_revision if current else revision)


def tombstone(last: Entry, revision: int) -> Entry:
    """The entry that tells of a deletion at `revision`: the last state under that revision."""
    return Entry(last.key, restamp(last.value, last.revision, revision), revision, last.create_revision)
