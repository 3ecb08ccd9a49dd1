"""A container's input and output joined to this process's, raw terminal and window size included."""

from __future__ import annotations

import os
import queue
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from navarch.cli.channels import RESULT, STDERR, STDIN, STDOUT, Channels, exit_code
from navarch.cli.session import Session


def join(session: Session, channels: Channels, *, stdin: bool, terminal: bool) -> int:
    """Copy both ways until the command ends; its exit code."""
    result: list[bytes] = []

    def deliver(channel: int, data: bytes) -> None:
        if channel == STDOUT:
            session.write_bytes(data)
        elif channel == STDERR:
            session.out.flush()
            session.err.write(data.decode(errors="replace"))
            session.err.flush()
        elif channel == RESULT:
            result.append(data)

    with _raw(terminal), _window(channels, terminal):
        if stdin:
            threading.Thread(target=_send_input, args=(session, channels), daemon=True).start()
        channels.read(deliver)
    return exit_code(b"".join(result))


def _send_input(session: Session, channels: Channels) -> None:
    try:
        descriptor = session.stdin.fileno()
        while data := os.read(descriptor, 32768):
            channels.send(STDIN, data)
        channels.close_input()
    except (OSError, ValueError):
        return


@contextmanager
def _raw(terminal: bool) -> Iterator[None]:
    """Keys go to the container one by one, unseen by our terminal's line editing."""
    if not terminal or not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    # Not its default, which throws away what was typed already.
    tty.setraw(sys.stdin, termios.TCSANOW)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal was closed meanwhile
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def _window(channels: Channels, terminal: bool) -> Iterator[None]:
    """Tell the container the window's size, now and whenever it changes."""
    if not terminal or not sys.stdout.isatty():
        yield
        return

    # The signal may come while this thread holds the connection's lock: another thread has to tell. Of all queues
    # only this one may be filled by a signal's handler.
    changes: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def tell() -> None:
        while changes.get():
            size = os.get_terminal_size(sys.stdout.fileno())
            with suppress(OSError):  # the command is over
                channels.resize(size.columns, size.lines)

    changes.put(True)
    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    before = signal.signal(signal.SIGWINCH, lambda *_: changes.put(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
        changes.put(False)
