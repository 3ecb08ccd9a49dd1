"""What a directory's log says, read once at the start. Called by disk.py; frames.py has the format.

What was written last and is not whole was never acknowledged: the log ends before it, and the next frame is written
in its place. A frame that is not whole and is followed by others is damage, and the store does not open.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from navarch.store.contract import Entry, StoreUnusable
from navarch.store.files import Files
from navarch.store.frames import (
    FORMAT_VERSION,
    HEAD_BYTES,
    Frame,
    OtherFormat,
    next_frame,
    read_frame,
    read_head,
    records,
)

SUFFIX = ".log"


@dataclass(slots=True)
class Segment:
    """`used` bytes of it are head and frames."""

    number: int
    first_frame: int
    used: int = HEAD_BYTES

    @property
    def name(self) -> str:
        return f"{self.number:08}{SUFFIX}"


@dataclass(slots=True)
class Recovered:
    """What the log says. `expires_at` is in epoch seconds, `next_frame` the number of the next to be written."""

    entries: dict[str, Entry] = field(default_factory=dict)
    expires_at: dict[str, float] = field(default_factory=dict)
    revision: int = 0
    next_frame: int = 1
    segments: list[Segment] = field(default_factory=list)


def segment_names(files: Files) -> list[str]:
    """In their order."""
    names = [name for name in files.names() if name.endswith(SUFFIX) and name[: -len(SUFFIX)].isdecimal()]
    return sorted(names, key=lambda name: int(name[: -len(SUFFIX)]))


def recover(files: Files) -> Recovered:
    """Read all segments; one whose making was cut off is removed. Raises: StoreUnusable, OSError."""
    found = Recovered()
    names = segment_names(files)
    data = b""
    for name in names:
        before, data = data, files.read(name)
        segment = _segment(files, name, data, is_last=name == names[-1])
        if segment is None:
            files.remove(name)
            data = before
            break
        if not found.segments:
            found.next_frame = segment.first_frame
        else:
            _read_up_to(files, found, before, segment)
        found.segments.append(segment)
    if found.segments:
        _read_last(files, found, data)
    return found


def _segment(files: Files, name: str, data: bytes, is_last: bool) -> Segment | None:
    """What the head says; None if the making of the segment was cut off. Raises: StoreUnusable."""
    try:
        numbers = read_head(data)
    except OtherFormat as other:
        raise StoreUnusable(
            f"{files}: format {other}, this version reads format {FORMAT_VERSION}; use the version that wrote it"
        ) from None
    if numbers is None and is_last and next_frame(data, 0) is None:
        return None
    if numbers is None or (segment := Segment(*numbers)).name != name:
        raise StoreUnusable(f"{files}: {name} is damaged at its head; put back a copy of the directory")
    return segment


def _read_up_to(files: Files, found: Recovered, data: bytes, after: Segment) -> None:
    """Read the last segment found, which `after` follows. Raises: StoreUnusable."""
    segment = found.segments[-1]
    if after.number != segment.number + 1:
        missing = Segment(segment.number + 1, 0)
        raise StoreUnusable(f"{files}: {missing.name} is missing; put back a copy of the directory")
    _replay(found, data, segment)
    if found.next_frame != after.first_frame:
        raise StoreUnusable(
            f"{files}: {segment.name} is damaged at byte {segment.used}; put back a copy of the directory"
        )


def _read_last(files: Files, found: Recovered, data: bytes) -> None:
    """Read the last segment, whose end may have been cut off. Raises: StoreUnusable."""
    segment = found.segments[-1]
    _replay(found, data, segment)
    if next_frame(data, segment.used) is not None:
        raise StoreUnusable(
            f"{files}: {segment.name} is damaged at byte {segment.used}; put back a copy of the directory, "
            f"or do without what follows: truncate -s {segment.used} {files}/{segment.name}"
        )


def _replay(found: Recovered, data: bytes, segment: Segment) -> None:
    """Take in the frames of a segment as far as they are whole."""
    while (frame := read_frame(data, segment.used)) is not None and frame.number == found.next_frame:
        _take_in(found, data, frame)
        segment.used = frame.end


def _take_in(found: Recovered, data: bytes, frame: Frame) -> None:
    entries, expires_at = found.entries, found.expires_at
    for key, revision, create_revision, expires, start, end in records(data, frame):
        if create_revision:
            entries[key] = Entry(key, data[start:end], revision, create_revision)
        else:
            entries.pop(key, None)
        if expires:
            expires_at[key] = expires
        elif expires_at:
            expires_at.pop(key, None)
    found.revision = frame.revision
    found.next_frame += 1
