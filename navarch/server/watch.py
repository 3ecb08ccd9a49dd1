"""WATCH: the store's events, told to each watcher as its selection sees them (`watch_hub.py` says whom).

Watchers never make a writer wait: one that does not take its bytes is cut off. So is one whose resource is no
longer served as it was. The answer just ends then, without an error: clients watch again from the last
revision that they heard of, and list again when that one is gone.

An idle watch costs little more than its connection: what watches have in common is shared, and what only the
beginning needs is dropped.

Source: the watch semantics of the API concepts document; apiserver `cacher`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from navarch.base.errors import StatusError
from navarch.client.contract import WatchEvent
from navarch.seams.contract import Clock, Rng
from navarch.server import tables
from navarch.server.metrics import watch_labels
from navarch.server.negotiate import Format
from navarch.server.options import ListOptions, Query, first, list_options, not_yet, parse_revision, server_error
from navarch.server.selection import Selection
from navarch.server.served import Served
from navarch.server.watch_agenda import Agenda, Second
from navarch.server.watch_converting import ConvertingHub
from navarch.server.watch_hub import Changes, Hub, Watcher
from navarch.server.watch_text import EventText, event_text
from navarch.store.contract import Compacted, Store
from navarch.wire.messages import Response, Sink

#: What a watcher within the process gives: it takes the changes of one publication, in order. Must neither
#: block nor raise.
DeliverChanges = Callable[[Sequence[WatchEvent]], None]

#: A watcher with more than this in its buffer is cut off. Some 1,000 pods, as etcd's clients get.
MAX_BUFFERED_BYTES = 8 << 20

#: So long before its end a watcher that allows bookmarks hears of the revision once more, to go on from it.
LAST_BOOKMARK_S = 2.0

#: How often a watcher that allows bookmarks hears of the revision. Source: apiserver cacher.
BOOKMARK_INTERVAL_S = 60.0

#: Bounds of the random end of a watch without timeoutSeconds.
MIN_TIMEOUT_S, MAX_TIMEOUT_S = 1800.0, 3600.0


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a watch was asked for, until it has begun: it tells `first`, and then what came `after`. That is 0 for
    a watch that goes on from when it begins."""

    watches: Watches
    hub: Hub
    selection: Selection
    options: ListOptions
    first: list[WatchEvent]
    after: int


class Watches:
    """Opens watches; keeps one hub per bucket and served form."""

    def __init__(self, store: Store, clock: Clock, rng: Rng) -> None:
        self._agenda = Agenda()
        self._store = store
        self._clock = clock
        self._rng = rng
        self._hubs: dict[Served, Hub] = {}

    async def open(self, served: Served, namespace: str, query: Query, form: Format) -> Response:
        """The answer of a watch request. Raises: StatusError 400, 422, 500 for wrong options."""
        options = list_options(query, watch=True)
        try:
            after = parse_revision(options.resource_version)
        except ValueError as error:
            raise server_error(str(error)) from None
        selection = Selection(served, namespace, options)
        include = tables.check_include(first(query, "includeObject"))
        # Before anything is waited for: a resource that goes meanwhile closes the hub.
        hub = self._hub(served)
        if not options.resource_version or after > self._store.index.revision:
            # Another server of the same store may have told of `after` before its events came here.
            current = await self._store.sync()
            if options.send_initial_events and after > current:
                raise not_yet(after, current)
        text = self._text(hub, form, include)
        first_told, after = await hub.prepare(selection, options, after)
        await text.prepare(first_told)
        stream = WatchStream(text, Beginning(self, hub, selection, options, first_told, after))
        return Response(content_type=text.content_type, stream=stream)

    def _hub(self, served: Served) -> Hub:
        hub = self._hubs.get(served)
        if hub is None:
            if served.conversion is None:
                hub = Hub(self._store, served, self._agenda)
            else:
                hub = ConvertingHub(self._store, served, self._agenda, self.forget)
            self._hubs[served] = hub
        return hub

    def _text(self, hub: Hub, form: Format, include: str) -> EventText:
        """The writer of events. Watches that see objects as they are share one."""
        if form.as_:
            return event_text(hub.served, form, include, self._clock)
        text = hub.texts.get(form)
        if text is None:
            text = hub.texts[form] = event_text(hub.served, form, "", self._clock)
        return text

    def forget(self, served: Served) -> None:
        """End all watches of a resource that is no longer served."""
        hub = self._hubs.pop(served, None)
        if hub is not None:
            hub.close()

    def close(self) -> None:
        """End all watches cleanly."""
        for hub in self._hubs.values():
            hub.close()
        self._hubs.clear()

    @property
    def count(self) -> int:
        """How many watches are open."""
        return sum(len(group.watchers) for hub in self._hubs.values() for group in hub.groups())

    def open_samples(self) -> Iterator[tuple[str, float]]:
        """How many watches are open, by resource and scope. For the metrics."""
        counts: Counter[str] = Counter()
        for served, hub in self._hubs.items():
            kind = served.kind
            for group in hub.groups():
                scope = "namespace" if group.selection.namespace else "cluster"
                counts[watch_labels(kind.group, kind.version, kind.plural, scope)] += len(group.watchers)
        yield from sorted(counts.items())

    def told_samples(self) -> Iterator[tuple[str, float]]:
        """How many changes were sent to watches, by resource. For the metrics."""
        for served, hub in self._hubs.items():
            kind = served.kind
            yield f'group="{kind.group}",resource="{kind.plural}",version="{kind.version}"', hub.told

    def random_timeout_s(self) -> float:
        """When a watch ends that was not told when."""
        return self._rng.uniform(MIN_TIMEOUT_S, MAX_TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed with a client, in whole seconds of the loop's clock: those who came together share it."""

    ends_s: int
    bookmarks: bool


#: More than this come to ends of their own within the longest watch.
terms = lru_cache(maxsize=2 * int(MAX_TIMEOUT_S))(Terms)


class WatchStream(Watcher):
    """One watch: the body of its answer (`start`), or a direct client's feed (`attach`)."""

    __slots__ = ("_beginning", "_initial_bytes", "_out", "_terms", "_text", "appointment")

    def __init__(self, text: EventText, beginning: Beginning) -> None:
        super().__init__()
        self._text = text
        self._beginning: Beginning | None = beginning
        #: Where changes go: over a connection, or to (deliver, on_end) within the process.
        self._out: Sink | tuple[DeliverChanges, Callable[[], None]] | None = None
        self._terms: Terms | None = None
        #: What it began with may lie in the peer's buffer without being held against it.
        self._initial_bytes = 0
        self.appointment: Second | None = None

    # --- over a connection

    def start(self, sink: Sink) -> None:
        beginning = self._begin()
        if beginning.hub.closed:
            sink.close()
            return
        try:
            initial = self._register(beginning)
        except StatusError as error:
            sink.write(self._text.error(error))
            sink.close()
            return
        self._out = sink
        options = beginning.options
        timeout_s = float(options.timeout_s) if options.timeout_s else beginning.watches.random_timeout_s()
        self._terms = terms(ceil(asyncio.get_running_loop().time() + timeout_s), options.bookmarks)
        self._appoint(beginning.hub.agenda, self._terms)
        lines = [self._text.line(change) for change in initial]
        if options.bookmarks and options.send_initial_events:
            lines.append(self._text.bookmark(beginning.hub.revision, initial_end=True))
        text = b"".join(lines)
        self._initial_bytes = len(text)
        sink.write(text)

    def stop(self) -> None:
        self._detach()

    def due(self) -> None:
        """The agenda's call: time for a bookmark, or for the end."""
        assert self.group is not None and self._terms is not None, "who ends has no appointment"
        if asyncio.get_running_loop().time() >= self._terms.ends_s:
            self.end()
        elif self._out is not None and not isinstance(self._out, tuple):
            if not self.group.hub.is_behind:
                self._out.write(self._text.bookmark(self.group.hub.revision))
            self._appoint(self.group.hub.agenda, self._terms)

    def _appoint(self, agenda: Agenda, agreed: Terms) -> None:
        left_s = agreed.ends_s - asyncio.get_running_loop().time()
        if agreed.bookmarks and left_s > LAST_BOOKMARK_S:
            left_s = min(left_s - LAST_BOOKMARK_S, BOOKMARK_INTERVAL_S)
        agenda.set(self, left_s)

    # --- within the process

    def attach(self, deliver: DeliverChanges, on_end: Callable[[], None]) -> list[WatchEvent]:
        """Register, and return what comes before the first delivery. Raises: StatusError 410."""
        beginning = self._begin()
        if beginning.hub.closed:
            on_end()
            return []
        initial = self._register(beginning)
        self._out = (deliver, on_end)
        if beginning.options.send_initial_events:
            initial.append(WatchEvent("BOOKMARK", b"", beginning.hub.revision))
        return initial

    # --- both

    def deliver(self, changes: Changes) -> None:
        out = self._out
        if isinstance(out, tuple):
            out[0](changes)
        elif out is not None:
            out.write(changes.text(self._text))
            if out.buffered() > MAX_BUFFERED_BYTES + self._initial_bytes:
                self.end()

    def end(self) -> None:
        """End the watch from the server's side."""
        out = self._out
        self._detach()
        if isinstance(out, tuple):
            out[1]()
        elif out is not None:
            out.close()

    def _begin(self) -> Beginning:
        beginning, self._beginning = self._beginning, None
        assert beginning is not None, "a watch begins once"
        return beginning

    def _register(self, beginning: Beginning) -> list[WatchEvent]:
        initial, after = beginning.first, beginning.after
        if after:
            try:
                initial += beginning.hub.past(beginning.selection, after)
            except Compacted as error:
                text = f"too old resource version: {after} ({error.oldest})"
                raise StatusError(410, "Expired", text) from None
        beginning.hub.add(self, beginning.selection)
        return initial

    def _detach(self) -> None:
        self._out = None
        if self.group is not None:
            hub = self.group.hub
            hub.agenda.drop(self)
            hub.remove(self)
