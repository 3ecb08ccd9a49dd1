"""Processes of this machine, told apart by pid *and* start time, for a pid alone may be another's by now."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.base.files import replace_file

POLL_S = 0.005
START_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Process:
    """`started` is in clock ticks since boot, as the kernel counts it."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """False for zombies as well."""
        return _started(self.pid) == self.started

    def kill(self, number: signal.Signals, group: bool = False) -> None:
        """Send a signal, unless the process is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self.pid, number)


def process(pid: int) -> Process | None:
    started = _started(pid)
    return None if started is None else Process(pid, started)


def _stat(pid: int) -> tuple[str, list[str]] | None:
    """(command name, the fields after it) of /proc/PID/stat."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may hold any character.
    head, _, tail = text.rpartition(")")
    return head.partition("(")[2], tail.split()


def _name(pid: int) -> str:
    """The program's name, of which the kernel keeps 15 characters; "" when the process is gone."""
    found = _stat(pid)
    return found[0] if found else ""


def _started(pid: int) -> int | None:
    found = _stat(pid)
    if found is None or found[1][0] in "ZX":
        return None
    return int(found[1][19])


def save(path: Path, found: Process) -> None:
    replace_file(path, json.dumps([found.pid, found.started]).encode())


def load(path: Path) -> Process | None:
    """The process that `save` recorded, if it still lives."""
    try:
        pid, started = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    found = Process(pid, started)
    return found if found.alive else None


def start_daemon(command: Sequence[str], environment: Mapping[str, str], log: Path, mark: str) -> Process:
    """Start `command` in a session of its own, child of nobody here, so that it outlives this process.

    It is recognised by its program's name and by `mark`, one of its arguments. Raises: LaunchError.
    """
    with log.open("ab") as output:
        started = subprocess.run(
            ["setsid", "--fork", *command],
            env=dict(environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def found() -> list[Process]:
        return [p for p in with_argument([mark]) if _name(p.pid) == command[0]]

    if started.returncode or not wait_for(lambda: bool(found()), START_TIMEOUT_S):
        raise LaunchError("PROCESS_START", f"{command[0]} ended at once", f"see {log}; are you root?", 80)
    return found()[0]


def with_argument(arguments: Iterable[str]) -> list[Process]:
    """Every process that has one of `arguments` among its own."""
    wanted = {argument.encode() for argument in arguments}
    found = []
    for pid in _pids():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if wanted.intersection(words) and (known := process(pid)):
            found.append(known)
    return found


def children(parents: Iterable[int], parent_name: str = "") -> list[Process]:
    """The children of `parents`; with `parent_name`, of those parents only that run a program of this name."""
    wanted = {pid for pid in parents if not parent_name or _name(pid) == parent_name}
    found = []
    for pid in _pids():
        if (stat := _stat(pid)) and int(stat[1][1]) in wanted and (known := process(pid)):
            found.append(known)
    return found


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def wait_for(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Poll until `condition` holds; False when it did not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
