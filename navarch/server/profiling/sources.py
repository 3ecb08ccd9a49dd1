"""What a profile is made of: the tasks and threads of this process, its objects, its use of the processor.

Called by `pages.py` when somebody asks, and costs nothing until then. No thread looks on: the processor's time is
sampled by a signal that the kernel sends for each hundredth of a second that was used.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

from navarch.server.profiling.profile import Frame, Profile, Stack

#: Of the processor's time, seconds.
_PERIOD_S: Final = 0.01
#: Of so many objects the sizes are looked at; with more of them, of every second, third, ...
_MOST_OBJECTS: Final = 50_000


class Unavailable(Exception):
    """A profile that cannot be taken now; the text says why."""


def tasks_and_threads() -> Profile:
    """Every task with the line that it waits at, and every thread."""
    samples: Counter[Stack] = Counter()
    for task in asyncio.all_tasks():
        samples[tuple(_waiting(task.get_coro()))[::-1]] += 1
    for frame in sys._current_frames().values():
        samples[tuple(_frames(frame))] += 1
    return _counted("goroutine", samples)


def threads() -> Profile:
    """Where each thread is now."""
    return _counted("threadcreate", Counter(tuple(_frames(frame)) for frame in sys._current_frames().values()))


def nothing(name: str) -> Profile:
    """A profile that is not kept, as Go's runtime keeps it only on demand."""
    return Profile(name, (("contentions", "count"), ("delay", "nanoseconds")))


def objects(name: str, collect: bool) -> Profile:
    """The live objects that the garbage collector looks at, by type; frozen ones it does not look at."""
    if collect:
        gc.collect()
    tracked = gc.get_objects()
    step = len(tracked) // _MOST_OBJECTS + 1
    counts: Counter[type] = Counter()
    sizes: Counter[type] = Counter()
    for each in tracked[::step]:
        kind = type(each)
        counts[kind] += step
        sizes[kind] += sys.getsizeof(each, 64) * step
    samples: dict[Stack, tuple[int, ...]] = {
        (Frame(f"{kind.__module__}.{kind.__qualname__}", "", 0),): (counts[kind], sizes[kind]) for kind in counts
    }
    return Profile(name, (("inuse_objects", "count"), ("inuse_space", "bytes")), samples)


async def processor(seconds: float) -> Profile:
    """Where the processor's time goes in the next `seconds`. Raises: Unavailable."""
    if threading.current_thread() is not threading.main_thread():
        raise Unavailable("signals reach the main thread only")
    if signal.getsignal(signal.SIGPROF) is not signal.SIG_DFL:
        raise Unavailable("cpu profiling already in use")
    samples: Counter[Stack] = Counter()

    def sample(_number: int, frame: FrameType | None) -> None:
        samples[tuple(_frames(frame))] += 1

    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, _PERIOD_S, _PERIOD_S)
    try:
        await asyncio.sleep(seconds)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
    period = int(_PERIOD_S * 1e9)
    values = {stack: (count, count * period) for stack, count in samples.items()}
    return Profile("profile", (("samples", "count"), ("cpu", "nanoseconds")), values, period, seconds)


def _counted(name: str, samples: Counter[Stack]) -> Profile:
    return Profile(name, ((name, "count"),), {stack: (count,) for stack, count in samples.items()})


def _frames(frame: FrameType | None) -> Iterator[Frame]:
    """From the innermost outwards."""
    while frame is not None:
        yield Frame(frame.f_code.co_qualname, frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back


def _waiting(awaited: Any) -> Iterator[Frame]:
    """What a suspended coroutine waits in, from the outermost inwards."""
    while awaited is not None:
        for prefix in ("cr", "gi", "ag"):
            frame = getattr(awaited, f"{prefix}_frame", None)
            if frame is not None:
                yield Frame(frame.f_code.co_qualname, frame.f_code.co_filename, frame.f_lineno)
                awaited = getattr(awaited, f"{prefix}_await", None) or getattr(awaited, f"{prefix}_yieldfrom", None)
                break
        else:
            return
