"""The files of a directory as the durable store needs them: whole, by name, and durable when a call returns.

`Directory` is the machine's. What stays after a crash between any two calls is for the tests' own to play through
(tests/store/crashing.py).
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Protocol

from navarch.store.contract import StoreUnusable

LOCK = "lock"


class File(Protocol):
    """One open file."""

    @property
    def size(self) -> int: ...

    def write(self, data: bytes, offset: int) -> None:
        """On the disk when this returns. Raises: OSError; what is there then is not known."""

    def sync(self) -> None:
        """What was written before, by whom ever, is on the disk when this returns. Raises: OSError."""

    def close(self) -> None: ...


class Files(Protocol):
    """A directory. What is created or removed stays so when the call has returned."""

    def names(self) -> list[str]: ...

    def create(self, name: str) -> File:
        """A new, empty file, in place of what had that name. Raises: OSError."""

    def open(self, name: str) -> File:
        """Raises: OSError."""

    def read(self, name: str) -> bytes:
        """All of it. Raises: OSError."""

    def remove(self, name: str) -> None:
        """Nothing happens if there is none. Raises: OSError."""

    def close(self) -> None: ...


class _File:
    """With O_DSYNC a write and its sync are one system call."""

    def __init__(self, path: Path, flags: int) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_DSYNC | os.O_CLOEXEC | flags, 0o600)

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def write(self, data: bytes, offset: int) -> None:
        if os.pwrite(self._descriptor, data, offset) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class Directory:
    """A directory of this machine, locked for this process as long as it is open."""

    def __init__(self, path: Path) -> None:
        """Raises: StoreUnusable."""
        self._path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _locked(path / LOCK)
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StoreUnusable(f"{path}: {error.strerror}; choose a directory that can be written") from error

    def __str__(self) -> str:
        return str(self._path)

    def names(self) -> list[str]:
        return os.listdir(self._path)

    def create(self, name: str) -> File:
        file = _File(self._path / name, os.O_CREAT | os.O_TRUNC)
        try:
            os.fsync(self._descriptor)
        except OSError:
            file.close()
            raise
        return file

    def open(self, name: str) -> File:
        return _File(self._path / name, 0)

    def read(self, name: str) -> bytes:
        return (self._path / name).read_bytes()

    def remove(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)
        os.close(self._lock)


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
