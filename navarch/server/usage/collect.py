"""Asks kubelets what they measured, when somebody wants to know and not before.

A node that nobody asks about costs nothing. One that is asked about after a pause is looked at twice, a moment
apart; from then on each question finds the last look (younger than `FRESH_S`) or takes a new one, whose window
reaches back to the look before. So an autoscaler that asks every 15 seconds gets windows of 15 seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from navarch.base.errors import StatusError
from navarch.schema.types import Tree
from navarch.seams.contract import Clock, routine
from navarch.server.subresources.backends import KubeletAccess, kubelet_address
from navarch.server.usage.samples import LONGEST_WINDOW_S, Look, Scrape, parse
from navarch.wire.collect import AnswerTooLong, collected
from navarch.wire.messages import Request
from navarch.wire.relay import Upstream, relay

log = logging.getLogger(__name__)

PATH: Final = "/metrics/resource"
#: A look is good for this long: less than the period of autoscalers.
FRESH_S: Final = 10.0
#: Between the two looks at a node that nobody had asked about.
FIRST_WINDOW_S: Final = 1.0
TIMEOUT_S: Final = 10.0
_MAX_BYTES: Final = 16 << 20

#: What a kubelet answers, as text. Raises: StatusError, OSError, TimeoutError.
Fetch = Callable[[Tree], Awaitable[str]]


def fetcher(access: KubeletAccess) -> Fetch:
    """How real kubelets, and those of this process, are asked."""

    async def fetch(node: Tree) -> str:
        request = Request("GET", PATH)
        local = access.local(node["metadata"]["name"], PATH)
        async with asyncio.timeout(TIMEOUT_S):
            if local is not None:
                response = await local(request)
            else:
                response = await relay(request, Upstream(*kubelet_address(node), access.tls), PATH, {})
            body = await collected(response, _MAX_BYTES)
        if response.status != 200:
            raise StatusError(503, "ServiceUnavailable", f"{PATH} answers {response.status}")
        return body.decode()

    return fetch


class Collector:
    """Looks at nodes, and remembers two looks at each. Node names are unique as long as they live here: one that
    is gone is forgotten when it is not asked about any more."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._looks: dict[str, Look] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def look(self, nodes: Iterable[Tree]) -> dict[str, Look]:
        """By node name; nodes that do not answer are left out."""
        asked = {node["metadata"]["name"]: node for node in nodes}
        self._forget()
        looks = await asyncio.gather(*(self._of(name, node) for name, node in asked.items()))
        return {name: look for name, look in zip(asked, looks, strict=True) if look is not None}

    def _forget(self) -> None:
        oldest = self._clock.now() - LONGEST_WINDOW_S
        for name in [name for name, look in self._looks.items() if look.after.at < oldest]:
            del self._looks[name]
        for name in [n for n, lock in self._locks.items() if n not in self._looks and not lock.locked()]:
            del self._locks[name]

    async def _of(self, name: str, node: Tree) -> Look | None:
        async with self._locks.setdefault(name, asyncio.Lock()):
            known = self._looks.get(name)
            if known is not None and self._clock.now() - known.after.at < FRESH_S:
                return known
            try:
                before = known.after if known is not None else await self._first(node)
                look = self._looks[name] = Look(before, await self._scrape(node))
            except (StatusError, OSError, TimeoutError, AnswerTooLong) as error:
                log.info("node not measured node=%s error=%s", name, error)
                return None
            return look

    async def _first(self, node: Tree) -> Scrape:
        found = await self._scrape(node)
        with routine():
            await asyncio.sleep(FIRST_WINDOW_S)
        return found

    async def _scrape(self, node: Tree) -> Scrape:
        text = await self._fetch(node)
        return parse(text, self._clock.now())
