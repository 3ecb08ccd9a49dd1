"""A thread for calls that wait for the disk, which a busy event loop cannot starve. Called by durable.py.

To hand a call to another thread and to hear of its end costs as much as a quick disk itself. So a light call, one small
write that nobody else waits behind, is made on the loop's own thread as long as the disk is quick: as long as light
calls took less than `QUICK_S` lately. One that takes 50 ms ends that for some 50 calls, and is the only one of them
that the loop has waited for.

A thread that comes back from the disk needs the interpreter lock. An event loop that is never idle
gives it up only for instants, in its poll, too short for the other thread to wake: it was measured
to wait for seconds. So the loop's thread hands over on purpose, twice for each call: when the
call is given, until the thread has begun; and, while the call takes long, now and then for a moment.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue

#: Shorter than most of what a loop does at a stretch.
QUICK_S = 0.00025

#: Of how many light calls it is the average, roughly, and what it is taken for at first.
LATELY = 16
AT_FIRST_S = 0.001

#: First and longest pause between two moments in which the loop's thread stands aside.
PAUSE_FIRST_S = 0.001
PAUSE_LAST_S = 0.016

#: How long such a moment is at most; it ends as soon as the call has.
MOMENT_S = 0.0003

#: Told, on the event loop, how a call ended: None, or what it raised.
Done = Callable[[BaseException | None], None]


class _Call:
    """One call under way. Both locks are held until what they tell of has come."""

    def __init__(self, work: Callable[[], None], done: Done) -> None:
        self.work = work
        self.done: Done | None = done
        self.error: BaseException | None = None
        self.loop = asyncio.get_running_loop()
        self.begun = threading.Lock()
        self.begun.acquire()
        self.ended = threading.Lock()
        self.ended.acquire()

    def run(self) -> None:
        self.begun.release()
        try:
            self.work()
        except BaseException as error:
            self.error = error
        self.ended.release()

    def report(self) -> None:
        """Tell how it ended, once."""
        if self.done is not None:
            done, self.done = self.done, None
            done(self.error)

    def stand_aside(self, pause_s: float) -> None:
        if self.done is None:
            return
        if self.ended.acquire(timeout=MOMENT_S):
            self.report()
        else:
            self.loop.call_later(pause_s, self.stand_aside, min(2 * pause_s, PAUSE_LAST_S))


class Committer:
    """Runs calls one after the other, nearly always in a thread of its own."""

    def __init__(self, time_s: Callable[[], float] = time.perf_counter) -> None:
        self._time_s = time_s
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        #: What light calls took lately.
        self._usual_s = AT_FIRST_S
        self._thread = threading.Thread(target=self._run, name="store-commit", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], None], done: Done, *, light: bool) -> None:
        """Make the call; `done` is called on this event loop, for a light one perhaps before this returns. One at a
        time."""
        if light and self._usual_s < QUICK_S:
            self._on_the_spot(work, done)
            return
        call = _Call(partial(self._timed, work) if light else work, done)
        self._calls.put(call)
        call.begun.acquire()
        call.loop.call_later(PAUSE_FIRST_S, call.stand_aside, PAUSE_FIRST_S)

    def close(self) -> None:
        """End the thread, after the call that is under way."""
        self._calls.put(None)
        self._thread.join()

    def _on_the_spot(self, work: Callable[[], None], done: Done) -> None:
        error = None
        try:
            self._timed(work)
        except Exception as raised:
            error = raised
        done(error)

    def _timed(self, work: Callable[[], None]) -> None:
        began = self._time_s()
        try:
            work()
        finally:
            self._usual_s += (self._time_s() - began - self._usual_s) / LATELY

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
            with suppress(RuntimeError):  # a loop that was closed without us has nobody left to tell
                call.loop.call_soon_threadsafe(call.report)
