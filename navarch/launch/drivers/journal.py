"""What a driver has made outside its own directory, written down before it is made.

A launcher can die at any point. Whoever comes next reads the journal and undoes entries that may or
may not have come true, so undoing is always "remove if there".

    {"kind": "link", "name": "navarch49"}
    {"kind": "sysctl", "name": "net/ipv4/conf/eth0/forwarding", "value": "0"}
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from navarch.base.files import replace_file


@dataclass(frozen=True, slots=True)
class Made:
    """One thing. `kind`: link, table, sysctl, cgroup, route, or ports: those of the host that lead to the node at
    address `name`. `value` is what a sysctl held before."""

    kind: str
    name: str
    value: str = ""


class Journal:
    """The entries of one directory, oldest first."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "made.json"

    def entries(self) -> tuple[Made, ...]:
        try:
            lines = self._path.read_text().splitlines()
        except FileNotFoundError:
            return ()
        return tuple(Made(**json.loads(line)) for line in lines)

    def add(self, made: Made) -> None:
        """Keeps the older entry of the same thing: its `value` is the one from before us."""
        known = self.entries()
        if not any((entry.kind, entry.name) == (made.kind, made.name) for entry in known):
            self._write((*known, made))

    def clear(self) -> None:
        """All of it is undone. Needs no space, for a disk may be full by now."""
        self._path.unlink(missing_ok=True)

    def _write(self, entries: tuple[Made, ...]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, "".join(json.dumps(asdict(entry)) + "\n" for entry in entries).encode())
