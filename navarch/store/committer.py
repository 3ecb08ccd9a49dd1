"""A thread for calls that wait for the disk, which a busy event loop cannot starve. Called by durable.py.

To learn of the end of a call from another thread through the event loop costs a wake-up of the loop, as much as half
the call. So who has nothing better to do waits for the end on the spot, as long as calls are short: `PATIENCE_S` at
most, and not at all after a call that took longer.

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
from queue import SimpleQueue

#: How long the loop's thread waits for the end of a call on the spot.
PATIENCE_S = 0.0005

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
        self.took_s = 0.0
        #: Whether the loop is to be woken: nobody waits for the end any more.
        self.wakes: asyncio.AbstractEventLoop | None = None
        self.begun = threading.Lock()
        self.begun.acquire()
        self.ended = threading.Lock()
        self.ended.acquire()

    def run(self) -> None:
        began = time.perf_counter()
        self.begun.release()
        try:
            self.work()
        except BaseException as error:
            self.error = error
        self.took_s = time.perf_counter() - began
        self.ended.release()
        if self.wakes is not None:
            with suppress(RuntimeError):  # a loop that was closed without us has nobody left to tell
                self.wakes.call_soon_threadsafe(self.report)

    def report(self) -> None:
        """Tell how it ended, once."""
        if self.done is not None:
            done, self.done = self.done, None
            done(self.error)

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on with other work until the call has ended."""
        self.wakes = loop
        if self.ended.acquire(blocking=False):  # it has, and may not have seen that it should wake the loop
            loop.call_soon(self.report)
            return
        self.begun.acquire()
        loop.call_later(PAUSE_FIRST_S, self.stand_aside, PAUSE_FIRST_S)

    def stand_aside(self, pause_s: float) -> None:
        if self.done is None or self.wakes is None:
            return
        if self.ended.acquire(timeout=MOMENT_S):
            self.report()
        else:
            self.wakes.call_later(pause_s, self.stand_aside, min(2 * pause_s, PAUSE_LAST_S))


class Committer:
    """Runs calls one after the other in a thread of its own."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._last: _Call | None = None
        self._thread = threading.Thread(target=self._run, name="store-commit", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], None], done: Done, *, alone: bool) -> None:
        """Begin `work` in the thread; `done` is called on this event loop, before this returns perhaps. One at a time.
        `alone`: whoever waits for it is likely the only one for whom there is something to do."""
        patient = alone and (self._last is None or self._last.took_s < PATIENCE_S)
        call = self._last = _Call(work, done)
        self._calls.put(call)
        if patient and call.ended.acquire(timeout=PATIENCE_S):
            call.report()
        else:
            call.leave(asyncio.get_running_loop())

    def close(self) -> None:
        """End the thread. No call may be under way."""
        self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
