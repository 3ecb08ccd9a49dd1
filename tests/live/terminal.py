"""A command on a terminal of its own, with a person at it: for whatever behaves otherwise there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

CTRL_C, CTRL_D = b"\x03", b"\x04"
PATIENCE_S = 30.0


class Terminal:
    """What is typed goes to the command; `said` is everything the terminal has shown."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], directory: Path) -> None:
        self.said = b""
        self._pid, self._screen = pty.fork()
        if self._pid == 0:
            os.chdir(directory)
            # Tests that run in the background may have been told to ignore it, which children inherit.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execvpe(command[0], list(command), environment)

    def type(self, keys: bytes) -> None:
        os.write(self._screen, keys)

    def resize(self, rows: int, columns: int) -> None:
        """The kernel tells the command by SIGWINCH."""
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def is_raw(self) -> bool:
        """Whether keys go to the command as they are, and Ctrl-C is one of them."""
        return not termios.tcgetattr(self._screen)[3] & termios.ISIG

    def until(self, text: bytes) -> bytes:
        """What was shown up to and with `text` since the last call."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.said:
            assert time.monotonic() < deadline and self._read(), f"{text!r} is not in {self.said!r}"
        shown, _, self.said = self.said.partition(text)
        return shown + text

    def ended(self) -> int:
        """The exit code, once the command has ended by itself; negative for a signal."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read():
            assert time.monotonic() < deadline, f"still running; it said {self.said!r}"
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._screen)

    def _read(self) -> bool:
        """Take in what is there, waiting a moment for it; False when the command's side is closed."""
        if select.select([self._screen], [], [], 0.1)[0]:
            try:
                self.said += os.read(self._screen, 4096)
            except OSError:  # EIO: nobody holds the other side
                return False
        return True


@contextlib.contextmanager
def terminal(command: Sequence[str], environment: dict[str, str], directory: Path) -> Iterator[Terminal]:
    opened = Terminal(command, environment, directory)
    try:
        yield opened
    finally:
        opened.close()
