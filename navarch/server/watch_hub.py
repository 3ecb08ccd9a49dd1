"""Who is told of which event: one `Hub` per resource stands between the index and all watchers.

    hub = Hub(store, served, agenda)
    hub.add(watcher, selection)             # from now on watcher.deliver(changes)

Watchers with the same selection form a group: what an event means to them is found out once, and so is its
text. An event is told only to the groups that it may concern: of those that pin something (a namespace, a name, a
label; a kubelet its spec.nodeName) the ones whose value the object has or had. So neither many watchers of
other objects nor many equal ones cost an event anything but its deliveries.

Source: the watch semantics of the API concepts document; apiserver `cacher`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

from navarch.base.errors import StatusError
from navarch.client.contract import WatchEvent
from navarch.server.negotiate import Format
from navarch.server.options import ListOptions
from navarch.server.selection import Selection
from navarch.server.served import Served
from navarch.server.watch_agenda import Agenda
from navarch.server.watch_text import EventText
from navarch.store.contract import Compacted, Entry, Event, Facet, Store, restamp

log = logging.getLogger(__name__)


class Changes(list[WatchEvent]):
    """What one publication is to a selection, in order, and its bytes in each form that watchers asked for."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[type[EventText], bytes] = {}

    def text(self, form: EventText) -> bytes:
        if form.is_transformed:
            return b"".join([form.line(change) for change in self])
        kind = type(form)
        text = self._texts.get(kind)
        if text is None:
            text = self._texts[kind] = b"".join([form.line(change) for change in self])
        return text


class Group:
    """The watchers of one selection, in the order in which they came."""

    __slots__ = ("home", "hub", "selection", "watchers")

    def __init__(self, hub: Hub, selection: Selection, home: dict[tuple[str, ...], Group]) -> None:
        self.hub = hub
        self.selection = selection
        #: Where the hub keeps this group.
        self.home = home
        self.watchers: dict[Watcher, None] = {}


class Watcher:
    """One watch, as the hub sees it. `group` is None unless it is registered."""

    __slots__ = ("group",)

    def __init__(self) -> None:
        self.group: Group | None = None

    def deliver(self, changes: Changes) -> None:
        """Take the changes of one publication, in order. Must neither block nor raise."""
        raise NotImplementedError

    def end(self) -> None:
        """End the watch from the server's side."""
        raise NotImplementedError


class Hub:
    """All watchers of one resource in one version."""

    def __init__(self, store: Store, served: Served, agenda: Agenda) -> None:
        self.served = served
        self.agenda = agenda
        #: Changes handed to watchers so far.
        self.told = 0
        #: The texts of forms that are the same for all watchers.
        self.texts: dict[Format, EventText] = {}
        self._store = store
        #: Groups that any event may concern, and the others by what they pin (`Selection.pin`).
        self._broad: dict[tuple[str, ...], Group] = {}
        self._pinned: dict[Facet, dict[str, dict[tuple[str, ...], Group]]] = {}
        self._cancel = store.index.watch(served.bucket, store.index.revision, self._publish)

    def close(self) -> None:
        self._cancel()

    @property
    def revision(self) -> int:
        return self._store.index.revision

    @property
    def is_behind(self) -> bool:
        """Whether watchers are still to be told of something up to `revision`: a bookmark would claim too much."""
        return False

    def entries(self, selection: Selection) -> list[Entry]:
        """What is there now of a selection."""
        return selection.read(self._store.index)

    def past(self, selection: Selection, after: int) -> list[WatchEvent]:
        """The changes since `after` that are already published. Raises: Compacted."""
        events: list[Event] = []
        self._store.index.watch(self.served.bucket, after, events.extend)()
        return [change for event in events if (change := self._change(selection, event)) is not None]

    def add(self, watcher: Watcher, selection: Selection) -> None:
        home = self._home(selection)
        group = home.get(selection.key)
        if group is None:
            group = home[selection.key] = Group(self, selection, home)
        group.watchers[watcher] = None
        watcher.group = group

    def remove(self, watcher: Watcher) -> None:
        group, watcher.group = watcher.group, None
        if group is not None:
            del group.watchers[watcher]
            if not group.watchers:
                del group.home[group.selection.key]
                self._sweep(group)

    def groups(self) -> Iterator[Group]:
        yield from self._broad.values()
        for by_value in self._pinned.values():
            for home in by_value.values():
                yield from home.values()

    def _home(self, selection: Selection) -> dict[tuple[str, ...], Group]:
        pin = selection.pin
        if pin is None:
            return self._broad
        facet, value = pin
        return self._pinned.setdefault(facet, {}).setdefault(value, {})

    def _sweep(self, group: Group) -> None:
        """Forget the place of a group that was the last one there."""
        pin = group.selection.pin
        if pin is not None and not group.home:
            facet, value = pin
            del self._pinned[facet][value]
            if not self._pinned[facet]:
                del self._pinned[facet]

    def _publish(self, events: Sequence[Event]) -> None:
        batches: dict[Group, Changes] = {}
        for event in events:
            for group in self._concerned(event):
                change = self._change(group.selection, event)
                if change is not None:
                    changes = batches.get(group)
                    if changes is None:
                        changes = batches[group] = Changes()
                    changes.append(change)
        for group, changes in batches.items():
            for watcher in list(group.watchers):
                if watcher.group is not None:
                    self.told += len(changes)
                    self._tell(watcher, changes)

    def _tell(self, watcher: Watcher, changes: Changes) -> None:
        watcher.deliver(changes)

    def _concerned(self, event: Event) -> Iterator[Group]:
        """The groups that may want an event, each once."""
        yield from self._broad.values()
        entry, previous = event.entry, event.previous
        for facet, by_value in self._pinned.items():
            now = facet.value_of(entry)
            if now is not None and (home := by_value.get(now)):
                yield from home.values()
            before = facet.value_of(previous) if previous is not None else now
            if before is not None and before != now and (home := by_value.get(before)):
                yield from home.values()

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
        value = restamp(self.served.show(previous.value), previous.revision, event.revision)
        return WatchEvent("DELETED", value, event.revision)

    def _shared(self, event: Event, type_: str) -> WatchEvent:
        """The one WatchEvent of this type that all watchers share, with all that is derived from it."""
        forms: dict[Served, dict[str, WatchEvent]] | None = event.views
        if forms is None:
            forms = event.views = {}
        # A bucket may be served in several versions, whose hubs see the same event.
        shared = forms.setdefault(self.served, {})
        change = shared.get(type_)
        if change is None:
            shown = self.served.show(event.entry.value)
            change = shared[type_] = WatchEvent(type_, shown, event.revision, self.served.views(event.entry))
        return change


class ConvertingHub(Hub):
    """A hub for versions that a webhook converts to: events wait, in order, until they are converted.

    `fail` is called when the webhook fails. All watches must end then: their clients list again.
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

    async def prepare(self, selection: Selection, options: ListOptions, after: int) -> None:
        """Convert what a new watcher will see first. Raises: StatusError 500."""
        if options.wants_state(after):
            await self.served.ready([entry.value for entry in self._store.index.range(selection.prefix)])
        elif after:
            events: list[Event] = []
            try:
                self._store.index.watch(self.served.bucket, after, events.extend)()
            except Compacted:
                return
            await self.served.ready(_values(events))

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
                await self.served.ready(_values(events))
                super()._publish(events)
        except StatusError as error:
            log.warning("resource=%s watches=ended error=%s", self.served.resource, error.message)
            self._fail(self.served)
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
