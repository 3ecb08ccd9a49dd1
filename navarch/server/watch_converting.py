"""Watches in a version that a webhook converts to: nothing is told before it is converted.

Called by `watch.py`. What converts is in `conversion.py`.

Source: the watch semantics of the API concepts document; apiextensions-apiserver `conversion`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from navarch.base.errors import StatusError
from navarch.server.selection import Selection
from navarch.server.served import Served
from navarch.server.watch_agenda import Agenda
from navarch.server.watch_hub import Changes, Hub, Watcher, documents
from navarch.store.contract import Event, Store

log = logging.getLogger(__name__)


class ConvertingHub(Hub):
    """A hub for versions that a webhook converts to: events wait, in order, until they are converted.

    `fail` is called when the webhook fails. All watches must end then, without an error: their clients watch
    again from where they stood, and those are told why that does not go.
    """

    def __init__(self, store: Store, served: Served, agenda: Agenda, fail: Callable[[Served], None]) -> None:
        self._waiting: list[Event] = []
        self._converting: asyncio.Task[None] | None = None
        self._fail = fail
        #: The revision that was published when a watcher came. What was not yet converted then was part of
        #: its initial state.
        self._known: dict[Watcher, int] = {}
        super().__init__(store, served, agenda)

    def close(self) -> None:
        super().close()
        if self._converting is not None:
            self._converting.cancel()

    def add(self, watcher: Watcher, selection: Selection) -> None:
        self._known[watcher] = self._store.index.revision
        super().add(watcher, selection)

    def remove(self, watcher: Watcher) -> None:
        self._known.pop(watcher, None)
        super().remove(watcher)

    def _tell(self, watcher: Watcher, changes: Changes) -> None:
        known = self._known[watcher]
        if changes[0].revision <= known:
            new = Changes()
            new.extend(change for change in changes if change.revision > known)
            changes = new
        if changes:
            watcher.deliver(changes)

    @property
    def is_behind(self) -> bool:
        return self._converting is not None

    def _publish(self, events: Sequence[Event]) -> None:
        self._waiting += events
        if self._converting is None:
            self._converting = asyncio.get_running_loop().create_task(self._convert())

    async def _convert(self) -> None:
        try:
            while self._waiting:
                events, self._waiting = self._waiting, []
                await self.served.ready(documents(events))
                super()._publish(events)
        except StatusError as error:
            log.warning("resource=%s watches=ended error=%s", self.served.resource, error.message)
            self._fail(self.served)
        finally:
            self._converting = None
