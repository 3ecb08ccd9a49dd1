"""Reading container logs: the last lines, since when, how much, and what is still to come.

The log files are the runtime's (`logline.py` has their form); `kubectl logs` ends here. `LogReader` is given
bytes of a file piece by piece and gives back what the client wants to see; `follow` feeds it.

Source: the kubelet's `kuberuntime/logs` (ReadLogs) and PodLogOptions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from navarch.node.host.contract import Host
from navarch.node.logline import LogLine, parse_line
from navarch.node.logrotation import older_logs

CHUNK_BYTES = 64 * 1024
#: How often a followed file is looked at.
POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class LogOptions:
    """PodLogOptions. `tail` None: everything. `since` in seconds since the epoch. `stream`: All, Stdout
    or Stderr."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: float | None = None
    limit_bytes: int | None = None
    stream: str = "All"


class LogReader:
    """Turns pieces of a log file into what the client sees. `done` once `limit_bytes` is used up."""

    def __init__(self, options: LogOptions) -> None:
        self.done = False
        self._options = options
        self._left = options.limit_bytes
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """What the client sees of these bytes; an incomplete entry waits for more."""
        *entries, self._rest = (self._rest + data).split(b"\n")
        out = bytearray()
        for raw in entries:
            line = parse_line(raw)
            if line is not None and self._wanted(line):
                out += self._show(line)
        return self._limit(bytes(out))

    def _wanted(self, line: LogLine) -> bool:
        if self._options.stream != "All" and line.stream != self._options.stream.lower():
            return False
        return self._options.since is None or line.time >= self._options.since

    def _show(self, line: LogLine) -> bytes:
        return line.stamp.encode() + b" " + line.text if self._options.timestamps else line.text

    def _limit(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        taken = data[: self._left]
        self._left -= len(taken)
        self.done = self._left <= 0
        return taken


def tail_offset(host: Host, path: str, lines: int) -> int:
    """Where the last `lines` entries of the file begin."""
    end = host.file_size(path)
    if lines <= 0:
        return end
    # The newline that ends the last entry does not count.
    missing = lines + 1
    position = end
    while position > 0:
        start = max(position - CHUNK_BYTES, 0)
        piece = host.read_file(path, start, position - start)
        found = piece.count(b"\n")
        if found >= missing:
            at = len(piece)
            for _ in range(missing):
                at = piece.rindex(b"\n", 0, at)
            return start + at + 1
        missing -= found
        position = start
    return 0


async def read_log(host: Host, path: str, options: LogOptions, running: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The log as the client sees it, in pieces. Following ends when the container no longer runs.

    Raises: FileNotFoundError if there is no such log.
    """
    reader = LogReader(options)
    position = 0 if options.tail is None else tail_offset(host, path, options.tail)
    host.file_size(path)  # one that was never there is an error
    while True:
        still = options.follow and running()
        while piece := _read(host, path, position):
            position += len(piece)
            if shown := reader.feed(piece):
                yield shown
            if reader.done:
                return
        if not still:
            return
        await asyncio.sleep(POLL_S)
        if _size(host, path) < position:
            # The log was rotated: its last lines are in a file of another name, and a new one has begun.
            for older in older_logs(host, path)[-1:]:
                while piece := host.read_file(older, position, CHUNK_BYTES):
                    position += len(piece)
                    yield reader.feed(piece)
            position = 0


def _read(host: Host, path: str, position: int) -> bytes:
    """What follows `position`; nothing in the moment between two logs."""
    try:
        return host.read_file(path, position, CHUNK_BYTES)
    except FileNotFoundError:
        return b""


def _size(host: Host, path: str) -> int:
    try:
        return host.file_size(path)
    except FileNotFoundError:
        return 0
