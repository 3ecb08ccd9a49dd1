"""The simulated machine: virtual time, a clock that can be wrong, chance from a seed.

`SimLoop` is an asyncio event loop without selector, sockets or threads. Time stands still while
callbacks run and jumps to the next timer when none is left, so thirty days of cron jobs take as
long as their callbacks. Everything happens in one order: callbacks first in, first out; timers
by time, then by when they were set. Who builds a simulation (`testing/`, tests of runners) uses
this; no component does.

Worked example:
    loop = SimLoop()
    loop.call_later(5, print, "five")
    loop.run_until_idle()      nothing is ready; the timer stays, time is 0.0
    loop.next_timer()          5.0
    loop.advance(10)           prints; time is 10.0
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import inspect
import random
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar, TypeVarTuple, Unpack

from navarch.seams.contract import Routine, Seams, current_routine
from navarch.seams.real import SUFFIX_ALPHABET
from navarch.seams.uuid4 import uuid4

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

#: Midnight of 1 January 2026, UTC: where simulated wall clocks begin unless told otherwise.
DEFAULT_EPOCH = 1_767_225_600.0

#: Cancelled timers are swept out of the heap when they are this many and the majority.
SWEEP_AT = 1_000


#: How long after passed-over time the looks that fell due in it come. Far below any grace period, and
#: above any delay with which a heartbeat may reach who looks.
LOOKS_LATE_S = 15.0


#: Thresholds of the garbage collector while there are simulations. A large cluster is a million objects that
#: stay; with Python's defaults (700, 10, 10) two thirds of the time goes into looking at them again.
COLLECT_AT = (100_000, 50, 100)


#: Where asyncio's own coroutines are from.
_ASYNCIO = asyncio.__file__.removesuffix("__init__.py")


class _Patience:
    """Sets the collector's thresholds with the first open loop, and resets them with the last."""

    def __init__(self) -> None:
        self._open = 0
        self._usual = gc.get_threshold()

    def enter(self) -> None:
        if not self._open:
            self._usual = gc.get_threshold()
            if self._usual[0]:
                gc.set_threshold(*COLLECT_AT)
        self._open += 1

    def leave(self) -> None:
        self._open -= 1
        if not self._open:
            gc.set_threshold(*self._usual)


_patience = _Patience()


class Stalled(RuntimeError):
    """What the simulation was to wait for can never happen: no callback and no timer is left."""


class _Timer(asyncio.TimerHandle):
    """A timer that knows in which heap it still waits, and what its waiting means."""

    __slots__ = ("heap", "kind")

    heap: _Heap | None
    kind: Routine


class _Heap:
    """Timers by time, then by when they were set. Cancelled ones are swept out once they are many."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, _Timer]] = []
        self._cancelled = 0

    def push(self, when: float, order: int, timer: _Timer) -> None:
        timer.heap = self
        heapq.heappush(self._entries, (when, order, timer))

    def next(self) -> tuple[float, int] | None:
        """When the first timer is due, and its order among all; None if there is none."""
        entries = self._entries
        while entries and entries[0][2].cancelled():
            heapq.heappop(entries)
            self._cancelled -= 1
        return entries[0][:2] if entries else None

    def pop(self) -> _Timer:
        """The first timer, which `next` has just told of."""
        timer = heapq.heappop(self._entries)[2]
        timer.heap = None
        return timer

    def cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled >= SWEEP_AT and self._cancelled * 2 > len(self._entries):
            self._entries = [entry for entry in self._entries if not entry[2].cancelled()]
            heapq.heapify(self._entries)
            self._cancelled = 0

    def clear(self) -> None:
        self._entries.clear()

    def __iter__(self) -> Iterator[_Timer]:
        """Those that are not cancelled, the next first."""
        return (timer for _, _, timer in sorted(self._entries, key=lambda e: e[:2]) if not timer.cancelled())


class SimLoop(asyncio.BaseEventLoop):
    """An event loop in virtual time. An exception that nobody handles is raised to whoever runs it."""

    def __init__(self, start: float = 0.0) -> None:
        self._active = False
        super().__init__()
        self._now = start
        self._callbacks: deque[asyncio.Handle] = deque()
        self._timers = _Heap()
        self._routine = _Heap()
        self._timers_set = 0
        self._failures: list[BaseException] = []
        self._suspects: list[asyncio.Task[Any]] = []
        self._halted = False
        _patience.enter()

    def __del__(self) -> None:
        """Unlike other loops, this one may be dropped unclosed: nothing of the machine is held."""
        if not self.is_closed():
            _patience.leave()

    # What the owner of a simulation calls.

    def run_until_idle(self) -> None:
        """Run until no callback is ready. Time does not move and timers stay pending.

        Raises: what a callback or a task raised and nobody handled.
        """
        with self._running():
            self._run_ready()
            self._surface()

    def advance(self, seconds: float) -> None:
        """Move time on by `seconds`, and run in order all that falls due on the way."""
        until = self._now + seconds
        with self._running():
            self._run_ready()
            while (when := self.next_timer()) is not None and when <= until:
                self._jump(when)
                self._run_ready()
            self._now = until
            self._surface()

    def next_timer(self) -> float | None:
        """When the next timer is due, in the loop's time; None if there is none."""
        first, routine = self._timers.next(), self._routine.next()
        if first is None or routine is None:
            found = first or routine
            return found[0] if found is not None else None
        return min(first, routine)[0]

    def next_event(self) -> float | None:
        """When the next timer is due that is not routine (see `seams.contract.routine`)."""
        first = self._timers.next()
        return first[0] if first is not None else None

    def skip(self, until: float) -> None:
        """Move time to `until`, where nothing but routine is due before. Each heartbeat that fell due comes
        once, late, in its order, and all that follows from it before the next. Looks that fell due come
        `LOOKS_LATE_S` later, so that they find the heartbeats there, as they would have in time."""
        looks: list[_Timer] = []
        with self._running():
            self._run_ready()
            self._now = max(self._now, until)
            while (first := self._routine.next()) is not None and first[0] <= self._now:
                timer = self._routine.pop()
                if timer.kind is Routine.LOOK:
                    looks.append(timer)
                    continue
                self._callbacks.append(timer)
                self._run_ready()
            for timer in looks:
                self._timers_set += 1
                self._routine.push(self._now + LOOKS_LATE_S, self._timers_set, timer)
            self._surface()

    def waiting(self) -> list[str]:
        """What the pending timers that are not routine belong to: names of tasks, or of callbacks."""
        return [_owner(timer) for timer in self._timers]

    # What asyncio calls.

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._callbacks.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = _Timer(when, callback, args, self, context)
        self._timers_set += 1
        timer.kind = current_routine()
        heap = self._timers if timer.kind is Routine.NONE else self._routine
        heap.push(when, self._timers_set, timer)
        return timer

    def create_task(
        self, coro: Generator[Any, None, T] | Coroutine[Any, Any, T], *, name: object = None, context: Any = None
    ) -> asyncio.Task[T]:
        task = asyncio.Task(coro, loop=self, name=None if name is None else str(name), context=context)
        task.add_done_callback(self._note_failure)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._failures.append(error if error is not None else RuntimeError(context.get("message", "unknown failure")))

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        """Run, moving time on as needed, until `future` is done. Raises: Stalled."""
        waited: asyncio.Future[T] = asyncio.ensure_future(future, loop=self)  # type: ignore[arg-type]
        if isinstance(waited, asyncio.Task):
            waited.remove_done_callback(self._note_failure)
        with self._running():
            self._run_while(lambda: not waited.done(), lambda: str(waited))
            if not waited.done():
                raise RuntimeError("the loop was stopped before the future was done")
            return waited.result()

    def run_forever(self) -> None:
        """Run, moving time on as needed, until `stop` is called. Raises: Stalled."""
        with self._running():
            self._run_while(lambda: True, lambda: "stop()")

    def stop(self) -> None:
        self._halted = True

    def is_running(self) -> bool:
        return self._active

    def close(self) -> None:
        self._callbacks.clear()
        self._timers.clear()
        self._routine.clear()
        if not self.is_closed():
            _patience.leave()
        super().close()

    def run_in_executor(self, executor: object, func: Callable[..., object], *args: object) -> NoReturn:
        raise NotImplementedError("there are no threads on the simulated loop")

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is none."""

    def _timer_handle_cancelled(self, handle: _Timer) -> None:
        if handle.heap is not None:
            handle.heap.cancelled()

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Be the running loop. One may be run from inside another loop: it only computes."""
        if self.is_closed():
            raise RuntimeError("this loop is closed")
        if self._active:
            raise RuntimeError("this loop is running already")
        outer = asyncio._get_running_loop()
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(
            self._asyncgen_firstiter_hook,  # type: ignore[attr-defined]
            self._asyncgen_finalizer_hook,  # type: ignore[attr-defined]
        )
        asyncio._set_running_loop(self)
        self._active = True
        self._halted = False
        try:
            yield
        finally:
            self._active = False
            asyncio._set_running_loop(outer)
            sys.set_asyncgen_hooks(*hooks)

    def _run_ready(self) -> None:
        callbacks = self._callbacks
        while callbacks:
            handle = callbacks.popleft()
            if not handle.cancelled():
                handle._run()
                if self._failures:
                    self._surface()

    def _run_while(self, wanted: Callable[[], bool], what: Callable[[], str]) -> None:
        callbacks = self._callbacks
        while wanted() and not self._halted:
            if not callbacks:
                self._surface()
                when = self.next_timer()
                if when is None:
                    raise Stalled(f"nothing is left to run, waiting for {what()}")
                self._jump(when)
            handle = callbacks.popleft()
            if not handle.cancelled():
                handle._run()
                if self._failures:
                    self._surface()

    def _jump(self, when: float) -> None:
        """Move time to `when`, where a timer waits, and make ready all that is due then."""
        self._now = max(self._now, when)
        while True:
            first, routine = self._timers.next(), self._routine.next()
            heap = self._routine if first is None or (routine is not None and routine < first) else self._timers
            due = routine if heap is self._routine else first
            if due is None or due[0] > self._now:
                return
            self._callbacks.append(heap.pop())

    def _note_failure(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and task._log_traceback:
            self._suspects.append(task)

    def _surface(self) -> None:
        """Raise what went wrong and nobody has looked at."""
        for task in self._suspects:
            if task._log_traceback:
                error = task.exception()
                assert error is not None
                self._failures.append(error)
        self._suspects.clear()
        if not self._failures:
            return
        failures, self._failures = self._failures, []
        if len(failures) == 1:
            raise failures[0]
        raise BaseExceptionGroup("unhandled in the simulation", failures)


def _owner(timer: _Timer) -> str:
    """Who set a timer, as far as it tells: `asyncio.sleep` sets one for a future that a task awaits."""
    for argument in timer._args or ():
        if isinstance(argument, asyncio.Future):
            for callback, _ in argument._callbacks or ():
                task = getattr(callback, "__self__", None)
                if isinstance(task, asyncio.Task):
                    return f"{task.get_name()} ({_innermost(task)})"
    callback = timer._callback  # type: ignore[attr-defined]
    task = getattr(getattr(callback, "__self__", None), "_task", None)
    if isinstance(task, asyncio.Task):
        # A deadline: of `asyncio.timeout`.
        return f"{task.get_name()} ({_innermost(task)})"
    return str(getattr(callback, "__qualname__", callback))


def _of_asyncio(coroutine: Any) -> bool:
    return str(coroutine.cr_code.co_filename).startswith(_ASYNCIO)


def _innermost(task: asyncio.Task[Any]) -> str:
    """The function of ours in which a task waits."""
    inner: Any = task.get_coro()
    while inspect.iscoroutine(awaited := inner.cr_await) and not _of_asyncio(awaited):
        inner = awaited
    return str(inner.cr_code.co_qualname)


class SimClock:
    """Wall-clock time that moves with a loop, and can be set wrong."""

    def __init__(self, loop: asyncio.AbstractEventLoop, epoch: float = DEFAULT_EPOCH) -> None:
        self._loop = loop
        self._zero = epoch - loop.time()

    def now(self) -> float:
        return self._zero + self._loop.time()

    def jump(self, seconds: float) -> None:
        """Put the clock forward, or back, as an operator or a time server does. Timers do not notice."""
        self._zero += seconds


class SimRng:
    """Chance that repeats: one seed, one sequence. Never a source of real secrets."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def copy(self) -> SimRng:
        """Chance that goes on from here as this one would."""
        twin = SimRng(0)
        twin._random.setstate(self._random.getstate())
        return twin

    def uuid(self) -> str:
        return uuid4(self._random.getrandbits(128))

    def suffix(self, length: int) -> str:
        return "".join(self._random.choices(SUFFIX_ALPHABET, k=length))

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)

    def token(self, n_bytes: int) -> bytes:
        return self._random.randbytes(n_bytes)


@dataclass(frozen=True, slots=True)
class SimSeams(Seams):
    """The seams of a simulation, and the loop that it must run on."""

    clock: SimClock
    rng: SimRng
    loop: SimLoop


def sim_seams(seed: int = 0, epoch: float = DEFAULT_EPOCH) -> SimSeams:
    """A machine that does not exist, with its own loop."""
    loop = SimLoop()
    return SimSeams(SimClock(loop, epoch), SimRng(seed), loop)
