"""The files of the durable store: their format, their lock, recovery, one transaction at a time.

Called by lmdb.py alone; synchronous. A directory holds `data.mdb` and `lock`, which the process
that uses the directory keeps locked. The database maps 8-byte big-endian numbers to records:

    0                    magic, format version, revision of the last write
    create_revision      revision, expiry (epoch seconds, 0: none), length of key, key, document

An object's create_revision is its row for life: unique, never longer than LMDB allows a key to
be, and new objects are appended. Only live documents are kept, so the files grow with the
cluster and not with its history.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import lmdb

from navarch.store.contract import Entry, StoreReadOnly, StoreUnusable

#: Address space only: the file is as large as what has been written to it.
DEFAULT_MAP_BYTES = 64 * 1024**3

FORMAT_VERSION = 1

#: LMDB reports a write that only partly fitted as an I/O error. Below this much free space we say "full".
FULL_BELOW_BYTES = 8 * 1024**2

_HEAD_ROW = bytes(8)
_HEAD = struct.Struct(">8sIQ")
_MAGIC = b"navarch\0"
_ROW = struct.Struct(">Q")
_RECORD = struct.Struct(">QdH")


@dataclass(frozen=True, slots=True)
class Row:
    """One committed change to write down. `expires_at` is in epoch seconds, 0 if never."""

    entry: Entry
    deleted: bool
    expires_at: float


@dataclass(frozen=True, slots=True)
class Recovered:
    """What lay on disk."""

    entries: list[Entry]
    expires_at: dict[str, float]
    revision: int


class Disk:
    """A directory with one database, open and locked from construction to `close`."""

    def __init__(self, directory: Path, map_bytes: int = DEFAULT_MAP_BYTES) -> None:
        """Raises: StoreUnusable."""
        self._directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _locked(directory / "lock")
        except OSError as error:
            raise StoreUnusable(f"{directory}: {error.strerror}; choose a directory that can be written") from error
        try:
            self._env = lmdb.open(str(directory), map_size=map_bytes, lock=False, max_dbs=0, mode=0o600)
            _sync_directory(directory)
        except lmdb.Error as error:
            os.close(self._lock)
            raise StoreUnusable(f"{directory}: not a usable database ({error}); restore or remove it") from error

    def recover(self) -> Recovered:
        """Everything on disk. Raises: StoreUnusable, StoreReadOnly (a new directory on a full disk)."""
        found = Recovered([], {}, self._read_head())
        with self._env.begin(buffers=True) as transaction:
            for row, record in transaction.cursor():
                if row == _HEAD_ROW:
                    continue
                revision, expires_at, key_length = _RECORD.unpack_from(record)
                start = _RECORD.size + key_length
                key = str(record[_RECORD.size : start], "utf-8")
                found.entries.append(Entry(key, bytes(record[start:]), revision, _ROW.unpack(row)[0]))
                if expires_at:
                    found.expires_at[key] = expires_at
        return found

    def begin(self, rows: Iterable[Row], revision: int) -> Callable[[], None]:
        """Prepare one transaction; the function returned makes it durable, from any one thread.

        The environment has no LMDB lock and there is one transaction at a time, which is why the
        slow half may run elsewhere. Raises: StoreReadOnly, as does the function returned.
        """
        transaction = None
        try:
            transaction = self._env.begin(write=True)
            for row in rows:
                key = _ROW.pack(row.entry.create_revision)
                if row.deleted:
                    transaction.delete(key)
                else:
                    transaction.put(key, _record(row))
            transaction.put(_HEAD_ROW, _HEAD.pack(_MAGIC, FORMAT_VERSION, revision))
        except lmdb.Error as error:
            if transaction is not None:
                transaction.abort()
            raise self._read_only(error) from error

        def commit() -> None:
            try:
                transaction.commit()
            except lmdb.Error as error:
                raise self._read_only(error) from error

        return commit

    def close(self) -> None:
        self._env.close()
        os.close(self._lock)

    def _read_head(self) -> int:
        with self._env.begin() as transaction:
            head = transaction.get(_HEAD_ROW)
            empty = transaction.stat()["entries"] == 0
        if empty:
            self.begin((), 0)()
            return 0
        if head is None or len(head) != _HEAD.size or not head.startswith(_MAGIC):
            raise StoreUnusable(f"{self._directory}: not a Navarch store; choose another directory")
        _, version, revision = _HEAD.unpack(head)
        if version != FORMAT_VERSION:
            raise StoreUnusable(
                f"{self._directory}: format {version}, this version reads format {FORMAT_VERSION}; "
                "use the version that wrote it"
            )
        return int(revision)

    def _read_only(self, error: lmdb.Error) -> StoreReadOnly:
        """What a failed write means to the person who runs this."""
        if isinstance(error, lmdb.MapFullError):
            advice = "the store has reached its size limit; delete objects, or raise the limit and restart"
        elif os.strerror(errno.ENOSPC) in str(error) or _free_bytes(self._directory) < FULL_BELOW_BYTES:
            advice = "the disk is full; free some space, writes go on by themselves"
        else:
            advice = f"the disk refuses writes ({error}); check the disk, then restart"
        return StoreReadOnly(f"{self._directory}: {advice}")


def _record(row: Row) -> bytes:
    key = row.entry.key.encode()
    return _RECORD.pack(row.entry.revision, row.expires_at, len(key)) + key + row.entry.value


def _locked(path: Path) -> int:
    """The descriptor of the lock file, locked as long as it is open. Raises: StoreUnusable."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 20).decode(errors="replace") or "unknown"
        os.close(descriptor)
        raise StoreUnusable(
            f"{path.parent}: in use by process {owner}; stop that process, or choose another directory"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d" % os.getpid(), 0)
    return descriptor


def _free_bytes(directory: Path) -> int:
    space = os.statvfs(directory)
    return space.f_bavail * space.f_frsize


def _sync_directory(directory: Path) -> None:
    """Make the names of new files durable too."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
