"""Sends audit events to another server, many at a time.

Events wait in a buffer until there are as many as one request takes, or until the first has waited long enough. A
request that fails for reasons of the moment is made again, each time later, five times in all. What finds the buffer
full, or is refused for good, is dropped and said so in this server's own log: no request waits for the audit.

`AuditLog` enqueues, the control plane runs `run`; `post` is the only way out.

Source: kube-apiserver's webhook backend in batch mode (`plugin/pkg/audit/webhook`, `plugin/pkg/audit/buffered`);
defaults of its flags.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import orjson

from navarch.schema.types import Tree
from navarch.seams.contract import Rng

log = logging.getLogger(__name__)

#: Sends a body and answers with the status. Raises: OSError, TimeoutError.
Post = Callable[[bytes], Awaitable[int]]

_TRIES: Final = 5
_FACTOR: Final = 1.5
_JITTER: Final = 0.2
#: Answers after which the same request may succeed later.
_PASSING: Final = frozenset({429, 500, 502, 503, 504})
#: Requests that are on their way at the same time.
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How events are put together. `throttle_qps` is in requests a second, 0 for no bound."""

    buffer_size: int = 10_000
    max_size: int = 400
    max_wait_s: float = 30.0
    throttle_qps: float = 10.0
    throttle_burst: int = 15
    initial_backoff_s: float = 10.0


class AuditWebhook:
    """One server that is told of events."""

    def __init__(self, post: Post, rng: Rng, limits: BatchLimits | None = None) -> None:
        self._post = post
        self._rng = rng
        self._limits = limits or BatchLimits()
        self._events: deque[Tree] = deque()
        self._changed = asyncio.Event()
        self._tokens = float(self._limits.throttle_burst)
        #: When tokens were counted last, by the loop's time; before the first request there are all.
        self._filled_at = 0.0
        #: Events that nobody was told of.
        self.dropped = 0

    def enqueue(self, event: Tree) -> None:
        """Take an event; drop it when too many wait."""
        if len(self._events) >= self._limits.buffer_size:
            self._drop(1, "the buffer is full")
            return
        self._events.append(event)
        if len(self._events) in (1, self._limits.max_size):
            self._changed.set()

    async def run(self) -> None:
        """Send what comes, until cancelled; then what waits is sent once."""
        sending = asyncio.Semaphore(_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    batch = await self._collected()
                    await self._throttled()
                    await sending.acquire()
                    group.create_task(self._deliver(batch)).add_done_callback(lambda _: sending.release())
        finally:
            while batch := self._taken():
                await self._deliver_once(batch)

    async def _collected(self) -> list[Tree]:
        """The next events: as many as go together, or those that have waited long enough."""
        while not self._events:
            self._changed.clear()
            await self._changed.wait()
        deadline = asyncio.get_running_loop().time() + self._limits.max_wait_s
        try:
            async with asyncio.timeout_at(deadline):
                while len(self._events) < self._limits.max_size:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        return self._taken()

    def _taken(self) -> list[Tree]:
        return [self._events.popleft() for _ in range(min(len(self._events), self._limits.max_size))]

    async def _throttled(self) -> None:
        """Wait until another request may be made."""
        limits = self._limits
        if limits.throttle_qps <= 0:
            return
        now = asyncio.get_running_loop().time()
        self._tokens = min(limits.throttle_burst, self._tokens + (now - self._filled_at) * limits.throttle_qps)
        self._filled_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / limits.throttle_qps)

    async def _deliver(self, batch: list[Tree]) -> None:
        wait_s = self._limits.initial_backoff_s
        for tries_left in range(_TRIES - 1, -1, -1):
            if await self._deliver_once(batch, last=not tries_left):
                return
            await asyncio.sleep(wait_s * (1 + self._rng.uniform(0, _JITTER)))
            wait_s *= _FACTOR

    async def _deliver_once(self, batch: list[Tree], *, last: bool = True) -> bool:
        """Whether nothing more is to be done about these events."""
        try:
            status = await self._post(event_list(batch))
        except (OSError, TimeoutError) as error:
            why, passing = str(error) or "no answer in time", True
        else:
            if 200 <= status < 300:
                return True
            why, passing = f"the answer was {status}", status in _PASSING
        if last or not passing:
            self._drop(len(batch), why)
            return True
        return False

    def _drop(self, count: int, why: str) -> None:
        self.dropped += count
        log.error("audit events=%d not sent: %s", count, why)


def event_list(events: list[Tree]) -> bytes:
    """The body of one request. What the list says of all is not repeated in each."""
    items = [{key: value for key, value in event.items() if key not in ("kind", "apiVersion")} for event in events]
    return orjson.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items})
