"""`store.files.Files` in memory, which crash at a chosen call and lose what a machine would lose.

A file has two states: what the processes see, and what is on the disk. A killed process leaves the first, a
power cut the second. A call that is cut off, or fails, may have done any part of its work.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from random import Random

SECTOR = 64


class Crash(Exception):
    """The process is no more."""


class Memory:
    """The bytes of one file."""

    def __init__(self) -> None:
        self.seen = bytearray()
        self.on_disk = bytearray()


class CrashingFiles:
    """The next changing call but `calls_left` is cut off; None: none is."""

    def __init__(self, seed: int, room_bytes: int = 1 << 30) -> None:
        self.memory: dict[str, Memory] = {}
        self.room_bytes = room_bytes
        self.calls_left: int | None = None
        self.broken = False
        self.open_files = 0
        self._random = Random(seed)

    def __str__(self) -> str:
        return "memory"

    def names(self) -> list[str]:
        return list(self.memory)

    def create(self, name: str) -> CrashingFile:
        def create() -> None:
            self.memory[name] = Memory()

        self.change(create)
        return self.open(name)

    def open(self, name: str) -> CrashingFile:
        self.open_files += 1
        return CrashingFile(self, self.memory[name])

    def read(self, name: str) -> bytes:
        return bytes(self.memory[name].seen)

    def remove(self, name: str) -> None:
        self.change(lambda: self.memory.pop(name, None))

    def close(self) -> None:
        pass

    def cut_power(self) -> None:
        for memory in self.memory.values():
            memory.seen[:] = memory.on_disk
        self.open_files = 0

    def kill(self) -> None:
        self.open_files = 0

    def change(self, work: Callable[[], object]) -> None:
        """A call that is done as a whole or not."""
        if self.is_cut_off():
            if self._random.random() < 0.5:
                work()
            raise Crash
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        work()

    def is_cut_off(self) -> bool:
        if self.calls_left is None:
            return False
        self.calls_left -= 1
        return self.calls_left < 0

    def write_some(self, memory: Memory, data: bytes, offset: int) -> None:
        """Some sectors of it, on the disk or only seen."""
        share, lasting = self._random.choices((0.0, 0.5, 0.9, 1.0), (1, 1, 1, 2), k=2)
        for at in range(0, len(data), SECTOR):
            part = data[at : at + SECTOR]
            if self._random.random() <= share:
                _place(memory.seen, part, offset + at)
                if self._random.random() <= lasting:
                    _place(memory.on_disk, part, offset + at)


class CrashingFile:
    def __init__(self, files: CrashingFiles, memory: Memory) -> None:
        self._files = files
        self._memory = memory

    @property
    def size(self) -> int:
        return len(self._memory.seen)

    def write(self, data: bytes, offset: int) -> None:
        files, memory = self._files, self._memory
        if files.is_cut_off():
            files.write_some(memory, data, offset)
            raise Crash
        if files.broken:
            files.write_some(memory, data, offset)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if sum(len(other.seen) for other in files.memory.values()) + len(data) > files.room_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _place(memory.seen, data, offset)
        _place(memory.on_disk, data, offset)

    def sync(self) -> None:
        def sync() -> None:
            self._memory.on_disk[:] = self._memory.seen

        self._files.change(sync)

    def close(self) -> None:
        self._files.open_files -= 1


def _place(into: bytearray, data: bytes, offset: int) -> None:
    into.extend(bytes(max(0, offset + len(data) - len(into))))
    into[offset : offset + len(data)] = data
