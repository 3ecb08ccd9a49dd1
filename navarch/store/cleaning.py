"""How the log gets rid of what no longer counts: the oldest segment is read again, what still stands is written once
more at the log's end, and the segment is removed. No I/O; called by disk.py.

A segment is carried over in small parts, each with the next group of writes, so that nobody waits for it and a
cluster that rests writes nothing. The parts are `SHARE` times as large as the writes they go with. Cleaning begins
when less than half of the log counts; then, of what is read, at least half goes on average, and twice as
much is freed as is written anew. The oldest segment is the right one whatever it holds: a deletion in it may be
forgotten, for what it deleted lay further in front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from navarch.store.contract import Entry
from navarch.store.frames import HEAD_BYTES, Row, read_frame, records

#: Bytes read again for each byte written. One that reads less would fall behind.
SHARE = 4

#: However large the group of writes.
PART_MOST_BYTES = 1024**2


class Cleaning:
    """The way through one segment, of which `data` is the bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = HEAD_BYTES
        #: Where the next part begins once the last is on the disk; None: there is none.
        self._next: int | None = HEAD_BYTES
        #: Nothing is left that anybody needs.
        self.is_done = False

    def carry(self, beside: int, current: Callable[[str], Entry | None]) -> Sequence[Row]:
        """What goes into the next frame in front of `beside` bytes of new writes. The same again until `carried`."""
        at = self._at
        stop = at + min(SHARE * beside, PART_MOST_BYTES)
        carried: list[Row] = []
        while at < stop:
            frame = read_frame(self._data, at)
            if frame is None:
                self._next = None
                return carried
            for key, revision, _, expires_at, _, _ in records(self._data, frame):
                entry = current(key)
                if entry is not None and entry.revision == revision:
                    carried.append(Row(entry, False, expires_at, entry))
            at = frame.end
        self._next = at
        return carried

    def carried(self) -> None:
        """The last part is on the disk."""
        if self._next is None:
            self.is_done = True
        else:
            self._at = self._next
