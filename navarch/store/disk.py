"""The log of the durable store, one group of writes at a time. Called by durable.py alone; synchronous. frames.py has
the format, recovery.py the way back.

The log grows by chunks of zeros in front of its frames: a frame then lies on blocks that the file system has given and
written before, and making it durable touches no metadata. All that a commit need not wait for is upkeep: the next
chunk, the next segment, the removal of the oldest.

After a write that failed it is not known what lies there; the next frame has its number and its place, and is as good
as any once it is written and synced itself.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from navarch.store.cleaning import Cleaning
from navarch.store.contract import Entry, StoreReadOnly, StoreUnusable
from navarch.store.files import File, Files
from navarch.store.frames import Row, frame, head, record_bytes
from navarch.store.recovery import Recovered, Segment, recover, segment_names


@dataclass(frozen=True, slots=True)
class Sizes:
    """A segment that has reached its length is the last no more; it grows by chunks. A large frame is not written into
    a chunk but at the end of the file: it holds the writes of many, and zeros first would be as much again. The log is
    cleaned when it is longer than twice what counts, and the slack."""

    segment_bytes: int = 4 * 1024**2
    chunk_bytes: int = 1024**2
    large_bytes: int = 64 * 1024
    slack_bytes: int = 16 * 1024**2


class _Tail:
    """The segment that is written to."""

    def __init__(self, file: File, segment: Segment, sizes: Sizes, last_bytes: int = 0) -> None:
        self.file = file
        self.segment = segment
        #: Length of the frame last written, here or in the segment before.
        self.last_bytes = last_bytes
        self._sizes = sizes
        self._filled = file.size

    def append(self, data: bytes) -> None:
        """Raises: OSError."""
        self.file.write(data, self.segment.used)
        self.last_bytes = len(data)
        self.segment.used += self.last_bytes
        self._filled = max(self._filled, self.segment.used)

    def is_full(self) -> bool:
        return self.segment.used >= self._sizes.segment_bytes

    def is_short(self) -> bool:
        """Whether a chunk is to be made, for more frames like the last."""
        return self.last_bytes < self._sizes.large_bytes and self._filled - self.segment.used < self._sizes.large_bytes

    def lengthen(self) -> None:
        """Raises: OSError."""
        self.file.write(bytes(self._sizes.chunk_bytes), self._filled)
        self._filled += self._sizes.chunk_bytes


class Disk:
    """A directory with one log."""

    def __init__(self, files: Files, sizes: Sizes = Sizes()) -> None:
        self._files = files
        self._sizes = sizes
        #: In order; the tail's is the last.
        self._segments: deque[Segment] = deque()
        #: None: the next write begins a segment.
        self._tail: _Tail | None = None
        self._next_frame = 1
        self._log_bytes = 0
        self._live_bytes = 0
        self._cleaning: Cleaning | None = None

    def recover(self) -> Recovered:
        """Everything on disk. Raises: StoreUnusable."""
        try:
            found = recover(self._files)
            if found.segments:
                self._open_tail(found.segments[-1])
        except OSError as error:
            raise StoreUnusable(f"{self._files}: {error.strerror}; check the disk") from error
        self._segments.extend(found.segments)
        self._next_frame = found.next_frame
        self._log_bytes = sum(segment.used for segment in found.segments)
        self._live_bytes = sum(map(record_bytes, found.entries.values()))
        return found

    def begin(
        self, changes: Sequence[Row], revision: int, current: Callable[[str], Entry | None]
    ) -> Callable[[], None]:
        """Prepare one group of writes; `revision` is the last of theirs, and `current` tells what stands before them.
        The function returned makes it durable, from any one thread, and raises StoreReadOnly. One at a time."""
        written = sum(record_bytes(row.entry) for row in changes)
        carried = self._cleaning.carry(written, current) if self._cleaning is not None else ()
        data = frame((*carried, *changes), self._next_frame, revision)
        gone = sum(record_bytes(row.previous) + row.deleted * record_bytes(row.entry) for row in changes)

        def commit() -> None:
            try:
                self._append(data)
            except OSError as error:
                raise self._read_only(error) from error
            self._live_bytes += written - gone

        return commit

    def upkeep_is_due(self) -> bool:
        tail, cleaning = self._tail, self._cleaning
        if tail is None or tail.is_full() or tail.is_short():
            return True
        return cleaning.is_done if cleaning is not None else self._cleaning_is_due()

    def upkeep(self) -> None:
        """What is not due at once, from any one thread, between commits. Does what can be done."""
        with suppress(OSError):
            tail = self._tail
            if tail is None or tail.is_full():
                tail = self._next_tail()
            if tail.is_short():
                tail.lengthen()
            if self._cleaning is not None and self._cleaning.is_done:
                self._remove_oldest()
            if self._cleaning is None and self._cleaning_is_due():
                self._cleaning = Cleaning(self._files.read(self._segments[0].name))

    def clear(self) -> None:
        """Remove what there is of a log. Raises: StoreReadOnly."""
        try:
            for name in reversed(segment_names(self._files)):
                self._files.remove(name)
        except OSError as error:
            raise self._read_only(error) from error

    def close(self) -> None:
        if self._tail is not None:
            self._tail.file.close()
        self._files.close()

    def _append(self, data: bytes) -> None:
        tail = self._tail or self._next_tail()
        tail.append(data)
        self._next_frame += 1
        self._log_bytes += len(data)
        if self._cleaning is not None:
            self._cleaning.carried()

    def _next_tail(self) -> _Tail:
        number = self._segments[-1].number + 1 if self._segments else 1
        segment = Segment(number, self._next_frame)
        file = self._files.create(segment.name)
        try:
            file.write(head(segment.number, segment.first_frame), 0)
        except OSError:
            file.close()
            raise
        last_bytes = 0
        if self._tail is not None:
            self._tail.file.close()
            last_bytes = self._tail.last_bytes
        self._tail = _Tail(file, segment, self._sizes, last_bytes)
        self._segments.append(segment)
        self._log_bytes += segment.used
        return self._tail

    def _open_tail(self, segment: Segment) -> None:
        """What was read may lie in memory only, written by a process that was killed: none may see it before it is
        on the disk."""
        self._tail = _Tail(self._files.open(segment.name), segment, self._sizes)
        self._tail.file.sync()

    def _cleaning_is_due(self) -> bool:
        is_long = self._log_bytes > 2 * self._live_bytes + self._sizes.slack_bytes
        return is_long and len(self._segments) > 1

    def _remove_oldest(self) -> None:
        self._files.remove(self._segments[0].name)
        self._log_bytes -= self._segments.popleft().used
        self._cleaning = None

    def _read_only(self, error: OSError) -> StoreReadOnly:
        """What a failed write means to the person who runs this."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "the disk is full; free some space, writes go on by themselves"
        else:
            advice = f"the disk refuses writes ({error.strerror}); check the disk"
        return StoreReadOnly(f"{self._files}: {advice}")
