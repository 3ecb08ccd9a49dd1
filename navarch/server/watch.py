"""WATCH: the store's events, told to each watcher as its selection sees them.

One `Hub` per bucket stands between the index and all watchers of the bucket. It builds each event's
text once, and passes an event only to the watchers that may want it: those of its namespace, and
among those that pin a field (a kubelet its spec.nodeName) only the ones whose value the object has
or had. Watchers never make a writer wait: one that does not take its bytes is cut off, and lists again.

Source: the watch semantics of the API concepts document; apiserver `cacher`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from navarch.base.errors import StatusError
from navarch.client.contract import WatchEvent
from navarch.seams.contract import Clock, Rng
from navarch.server import tables
from navarch.server.metrics import watch_labels
from navarch.server.negotiate import Format
from navarch.server.options import ListOptions, Query, first, list_options, parse_revision, server_error
from navarch.server.selection import Selection
from navarch.server.served import Served
from navarch.server.watch_text import EventText, event_text
from navarch.store.contract import Compacted, Entry, Event, Facet, Store, restamp
from navarch.wire.messages import Response, Sink

log = logging.getLogger(__name__)

#: What a watcher gets: the changes of one publication, in order. Must neither block nor raise.
DeliverChanges = Callable[[Sequence[WatchEvent]], None]

#: A watcher with more than this in its buffer is cut off. Some 1,000 pods, as etcd's clients get.
MAX_BUFFERED_BYTES = 8 << 20

#: How often a watcher that allows bookmarks hears of the revision. Source: apiserver cacher.
BOOKMARK_INTERVAL_S = 60.0

#: Bounds of the random end of a watch without timeoutSeconds.
MIN_TIMEOUT_S, MAX_TIMEOUT_S = 1800.0, 3600.0


class Watcher:
    """One registered watch."""

    __slots__ = ("closed", "deliver", "selection")

    def __init__(self, selection: Selection, deliver: DeliverChanges) -> None:
        self.selection = selection
        self.deliver = deliver
        self.closed = False


class Hub:
    """All watchers of one bucket."""

    def __init__(self, store: Store, served: Served) -> None:
        self._store = store
        self._served = served
        #: Watchers that any event may concern, and the others by what they pin (`Selection.pin`): an event
        #: is told to those alone that it may concern.
        self._broad: dict[Watcher, None] = {}
        self._pinned: dict[Facet, dict[str, dict[Watcher, None]]] = {}
        #: Changes handed to watchers so far.
        self.told = 0
        self._cancel = store.index.watch(served.bucket, store.index.revision, self._publish)

    def close(self) -> None:
        self._cancel()

    def past(self, selection: Selection, after: int) -> list[WatchEvent]:
        """The changes since `after` that are already published. Raises: Compacted."""
        events: list[Event] = []
        self._store.index.watch(self._served.bucket, after, events.extend)()
        return [change for event in events if (change := self._change(selection, event)) is not None]

    def add(self, selection: Selection, deliver: DeliverChanges) -> Watcher:
        watcher = Watcher(selection, deliver)
        self._group(selection)[watcher] = None
        return watcher

    def remove(self, watcher: Watcher) -> None:
        watcher.closed = True
        pin = watcher.selection.pin
        if pin is None:
            self._broad.pop(watcher, None)
            return
        facet, value = pin
        by_value = self._pinned.get(facet, {})
        if group := by_value.get(value):
            group.pop(watcher, None)
            if not group:
                del by_value[value]
                if not by_value:
                    del self._pinned[facet]

    def _group(self, selection: Selection) -> dict[Watcher, None]:
        pin = selection.pin
        if pin is None:
            return self._broad
        facet, value = pin
        return self._pinned.setdefault(facet, {}).setdefault(value, {})

    def _publish(self, events: Sequence[Event]) -> None:
        for watcher in list(self._broad):
            changes = [c for e in events if (c := self._change(watcher.selection, e)) is not None]
            if changes and not watcher.closed:
                self.told += len(changes)
                watcher.deliver(changes)
        if self._pinned:
            for event in events:
                self._publish_pinned(event)

    def _publish_pinned(self, event: Event) -> None:
        entry, previous = event.entry, event.previous
        for facet, by_value in list(self._pinned.items()):
            now = facet.value_of(entry)
            before = facet.value_of(previous) if previous is not None else now
            concerned = list(by_value.get(now, ())) if now is not None else []
            if before is not None and before != now:
                concerned += by_value.get(before, ())
            for watcher in concerned:
                change = self._change(watcher.selection, event)
                if change is not None and not watcher.closed:
                    self.told += 1
                    watcher.deliver([change])

    def _change(self, selection: Selection, event: Event) -> WatchEvent | None:
        """What an event is to a selection: ADDED, MODIFIED, DELETED or nothing."""
        entry, previous = event.entry, event.previous
        if not selection.in_range(entry.key):
            return None
        before = previous is not None and selection.matches(previous)
        after = not event.deleted and selection.matches(entry)
        if after:
            return self._shared(event, "MODIFIED" if before else "ADDED")
        if not before:
            return None
        if event.deleted:
            return self._shared(event, "DELETED")
        assert previous is not None
        value = restamp(self._served.show(previous.value), previous.revision, event.revision)
        return WatchEvent("DELETED", value, event.revision)

    def _shared(self, event: Event, type_: str) -> WatchEvent:
        """The one WatchEvent of this type that all watchers share, with all that is derived from it."""
        forms: dict[Served, dict[str, WatchEvent]] | None = event.views
        if forms is None:
            forms = event.views = {}
        # A bucket may be served in several versions, whose hubs see the same event.
        shared = forms.setdefault(self._served, {})
        change = shared.get(type_)
        if change is None:
            shown = self._served.show(event.entry.value)
            change = shared[type_] = WatchEvent(type_, shown, event.revision, self._served.views(event.entry))
        return change


class ConvertingHub(Hub):
    """A hub for versions that a webhook converts to: events wait, in order, until they are converted.

    `fail` is called when the webhook fails. All watches must end then: their clients list again.
    """

    def __init__(self, store: Store, served: Served, fail: Callable[[Served], None]) -> None:
        self._waiting: list[Event] = []
        self._converting: asyncio.Task[None] | None = None
        self._fail = fail
        super().__init__(store, served)

    def close(self) -> None:
        super().close()
        if self._converting is not None:
            self._converting.cancel()

    def add(self, selection: Selection, deliver: DeliverChanges) -> Watcher:
        # What is published and not yet converted was part of the watcher's initial state.
        known = self._store.index.revision

        def deliver_new(changes: Sequence[WatchEvent]) -> None:
            if new := [change for change in changes if change.revision > known]:
                deliver(new)

        return super().add(selection, deliver_new)

    async def prepare(self, selection: Selection, options: ListOptions, after: int) -> None:
        """Convert what a new watcher will see first. Raises: StatusError 500."""
        if options.wants_state(after):
            await self._served.ready([entry.value for entry in self._store.index.range(selection.prefix)])
        elif after:
            events: list[Event] = []
            try:
                self._store.index.watch(self._served.bucket, after, events.extend)()
            except Compacted:
                return
            await self._served.ready(_values(events))

    def _publish(self, events: Sequence[Event]) -> None:
        self._waiting += events
        if self._converting is None:
            self._converting = asyncio.get_running_loop().create_task(self._convert())

    async def _convert(self) -> None:
        try:
            while self._waiting:
                events, self._waiting = self._waiting, []
                await self._served.ready(_values(events))
                super()._publish(events)
        except StatusError as error:
            log.warning("resource=%s watches=ended error=%s", self._served.resource, error.message)
            self._fail(self._served)
        finally:
            self._converting = None


def _values(events: Iterable[Event]) -> list[bytes]:
    """All documents that telling of the events takes."""
    found = []
    for event in events:
        found.append(event.entry.value)
        if event.previous is not None:
            found.append(event.previous.value)
    return found


class Watches:
    """Opens watches; keeps one hub per bucket and served form."""

    def __init__(self, store: Store, clock: Clock, rng: Rng) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng
        self._hubs: dict[Served, Hub] = {}
        self._open: set[WatchStream] = set()

    async def open(self, served: Served, namespace: str, query: Query, form: Format) -> Response:
        """The answer of a watch request. Raises: StatusError 400, 422, 500 for wrong options."""
        options = list_options(query, watch=True)
        try:
            after = parse_revision(options.resource_version)
        except ValueError as error:
            raise server_error(str(error)) from None
        selection = Selection(served, namespace, options)
        include = tables.check_include(first(query, "includeObject"))
        if not options.resource_version:
            await self._store.sync()
        text = event_text(served, form, include, self._clock)
        hub = self._hub(served)
        if isinstance(hub, ConvertingHub):
            await hub.prepare(selection, options, after)
        stream = WatchStream(self, hub, selection, options, after, text)
        return Response(content_type=text.content_type, stream=stream)

    def _hub(self, served: Served) -> Hub:
        hub = self._hubs.get(served)
        if hub is None:
            if served.conversion is None:
                hub = Hub(self._store, served)
            else:
                hub = ConvertingHub(self._store, served, self.forget)
            self._hubs[served] = hub
        return hub

    def forget(self, served: Served) -> None:
        """End all watches of a resource that is no longer served."""
        hub = self._hubs.pop(served, None)
        if hub is None:
            return
        for stream in [s for s in self._open if s.hub is hub]:
            stream.end()
        hub.close()

    def close(self) -> None:
        """End all watches cleanly."""
        for stream in list(self._open):
            stream.end()
        for hub in self._hubs.values():
            hub.close()
        self._hubs.clear()

    @property
    def count(self) -> int:
        return len(self._open)

    def open_samples(self) -> Iterator[tuple[str, float]]:
        """How many watches are open, by resource and scope. For the metrics."""
        yield from sorted(Counter(stream.labels for stream in self._open).items())

    def told_samples(self) -> Iterator[tuple[str, float]]:
        """How many changes were sent to watches, by resource. For the metrics."""
        for served, hub in self._hubs.items():
            kind = served.kind
            yield f'group="{kind.group}",resource="{kind.plural}",version="{kind.version}"', hub.told

    # --- for the streams

    def opened(self, stream: WatchStream) -> None:
        self._open.add(stream)

    def ended(self, stream: WatchStream) -> None:
        self._open.discard(stream)

    @property
    def revision(self) -> int:
        return self._store.index.revision

    def random_timeout_s(self) -> float:
        return self._rng.uniform(MIN_TIMEOUT_S, MAX_TIMEOUT_S)

    def entries(self, selection: Selection) -> list[Entry]:
        return selection.read(self._store.index)


class WatchStream:
    """One watch: the body of its answer (`start`), or a direct client's feed (`attach`)."""

    def __init__(
        self, watches: Watches, hub: Hub, selection: Selection, options: ListOptions, after: int, text: EventText
    ) -> None:
        self.hub = hub
        self._watches = watches
        self._selection = selection
        self._options = options
        self._after = after
        self._text = text
        self._sink: Sink | None = None
        self._watcher: Watcher | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._on_end: Callable[[], None] = lambda: None

    @property
    def labels(self) -> str:
        """What the metrics call this watch."""
        kind = self._text.served.kind
        scope = "namespace" if self._selection.namespace else "cluster"
        return watch_labels(kind.group, kind.version, kind.plural, scope)

    # --- over a connection

    def start(self, sink: Sink) -> None:
        self._sink = sink
        loop = asyncio.get_running_loop()
        try:
            initial = self._register(self._write, sink.close)
        except StatusError as error:
            sink.write(self._text.error(error))
            sink.close()
            return
        self._write(initial)
        options = self._options
        timeout_s = float(options.timeout_s) if options.timeout_s else self._watches.random_timeout_s()
        self._timers.append(loop.call_later(timeout_s, self.end))
        if options.bookmarks:
            if options.send_initial_events:
                sink.write(self._text.bookmark(self._watches.revision, initial_end=True))
            self._timers.append(loop.call_later(BOOKMARK_INTERVAL_S, self._bookmark))

    def stop(self) -> None:
        self._detach()

    def _write(self, changes: Sequence[WatchEvent]) -> None:
        sink = self._sink
        if sink is None or not changes:
            return
        sink.write(b"".join([self._text.line(change) for change in changes]))
        if sink.buffered() > MAX_BUFFERED_BYTES:
            self.end()

    def _bookmark(self) -> None:
        if self._sink is not None and self._watcher is not None:
            self._sink.write(self._text.bookmark(self._watches.revision))
            self._timers[-1] = asyncio.get_running_loop().call_later(BOOKMARK_INTERVAL_S, self._bookmark)

    # --- within the process

    def attach(self, deliver: DeliverChanges, on_end: Callable[[], None]) -> list[WatchEvent]:
        """Register, and return what comes before the first delivery. Raises: StatusError 410."""
        initial = self._register(deliver, on_end)
        if self._options.send_initial_events:
            initial.append(WatchEvent("BOOKMARK", b"", self._watches.revision))
        return initial

    def _register(self, deliver: DeliverChanges, on_end: Callable[[], None]) -> list[WatchEvent]:
        initial = self._initial()
        self._watcher = self.hub.add(self._selection, deliver)
        self._on_end = on_end
        self._watches.opened(self)
        return initial

    def end(self) -> None:
        """End the watch from the server's side."""
        if self._watcher is not None:
            self._detach()
            self._on_end()

    def _initial(self) -> list[WatchEvent]:
        options = self._options
        if options.wants_state(self._after):
            served = self._text.served
            entries = self._watches.entries(self._selection)
            return [
                WatchEvent("ADDED", served.show(entry.value), entry.revision, served.views(entry)) for entry in entries
            ]
        if self._after == 0:
            return []
        try:
            return self.hub.past(self._selection, self._after)
        except Compacted as error:
            text = f"too old resource version: {self._after} ({error.oldest})"
            raise StatusError(410, "Expired", text) from None

    def _detach(self) -> None:
        if self._watcher is not None:
            self.hub.remove(self._watcher)
            self._watcher = None
            self._watches.ended(self)
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
