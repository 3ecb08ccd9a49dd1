"""One line of a container's log file, in the CRI's format.

    2026-11-20T10:15:46.593850841Z stdout F the text

`F` ends a line; `P` means that the line goes on in the next entry of the same stream. Pure.

Source: CRI's logging design (kuberuntime/logs).
"""

from __future__ import annotations

from dataclasses import dataclass

from navarch.base.times import parse

STDOUT, STDERR = "stdout", "stderr"


@dataclass(frozen=True, slots=True)
class LogLine:
    """`text` ends in a newline unless the entry is partial."""

    stamp: str
    stream: str
    text: bytes

    @property
    def time(self) -> float:
        return parse(self.stamp)


def parse_line(raw: bytes) -> LogLine | None:
    """The entry in `raw` (without its newline), None if it is not one."""
    parts = raw.split(b" ", 3)
    if len(parts) < 3 or parts[1] not in (b"stdout", b"stderr"):
        return None
    text = parts[3] if len(parts) == 4 else b""
    partial = b"P" in parts[2].split(b":")
    return LogLine(parts[0].decode("ascii", "replace"), parts[1].decode(), text if partial else text + b"\n")
