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

from collections.abc import Iterable, Iterator, Sequence

from navarch.client.contract import WatchEvent
from navarch.server import slices
from navarch.server.negotiate import Format
from navarch.server.options import ListOptions
from navarch.server.rows import Row
from navarch.server.selection import Selection
from navarch.server.served import Served
from navarch.server.watch_agenda import Agenda
from navarch.server.watch_text import EventText
from navarch.store.contract import Compacted, Entry, Event, Facet, Store, restamp

#: How often a new watch's beginning is looked at anew because something was written meanwhile: only what was
#: written, which gets less and less. What is left is told when it begins.
PREPARE_ATTEMPTS = 10


class Changes(list[WatchEvent]):
    """What one publication is to a selection, in order, and its bytes in each form that watchers asked for."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[type[EventText], bytes] = {}

    def text(self, form: EventText) -> bytes:
        kind = type(form)
        text = None if form.is_transformed else self._texts.get(kind)
        if text is None:
            text = b"".join([form.line(change) for change in self])
            if not form.is_transformed:
                self._texts[kind] = text
        return text


class Watchers(Row["Watcher"]):
    """Who is told the same."""

    __slots__ = ()

    def is_here(self, member: Watcher) -> bool:
        return member.group is not None


class Group:
    """The watchers of one selection, in the order in which they came."""

    __slots__ = ("home", "hub", "selection", "watchers")

    def __init__(self, hub: Hub, selection: Selection, home: dict[tuple[str, ...], Group]) -> None:
        self.hub = hub
        self.selection = selection
        #: Where the hub keeps this group.
        self.home = home
        self.watchers = Watchers()


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
        #: No longer fed. Whoever comes now is ended at once: who else would tell him that nothing comes?
        self.closed = False
        self._cancel = store.index.watch(served.bucket, store.index.revision, self._publish)

    def close(self) -> None:
        """Tell nobody of anything any more, and end all watches."""
        self.closed = True
        self._cancel()
        for group in list(self.groups()):
            for watcher in group.watchers.present():
                watcher.end()

    @property
    def revision(self) -> int:
        return self._store.index.revision

    @property
    def is_behind(self) -> bool:
        """Whether watchers are still to be told of something up to `revision`: a bookmark would claim too much."""
        return False

    async def prepare(self, selection: Selection, options: ListOptions, after: int) -> tuple[list[WatchEvent], int]:
        """What a new watch tells first, and the revision from which it goes on then (0: from when it begins).

        That is what there is, or what was since `after`, with what is written while it is found out.
        Raises: StatusError 500 where a webhook does not convert it."""
        index, told = self._store.index, list[WatchEvent]()
        if options.wants_state(after):
            entries, after = await selection.read(index)
            async for some in slices.of(entries):
                await self.served.ready([entry.value for entry in some])
                told += map(self._added, some)
        if not after:
            return told, 0
        for _ in range(PREPARE_ATTEMPTS):
            try:
                events = index.past(self.served.bucket, after)
            except Compacted:
                # The watch begins with the error that says so.
                break
            if not events:
                break
            async for part in slices.of(events):
                await self.served.ready(documents(part))
                told += self._changes(selection, part)
            after = events[-1].revision
        return told, after

    def _added(self, entry: Entry) -> WatchEvent:
        return WatchEvent("ADDED", self.served.show(entry.value), entry.revision, self.served.views(entry))

    def _changes(self, selection: Selection, events: Iterable[Event]) -> Iterator[WatchEvent]:
        return (change for event in events if (change := self._change(selection, event)) is not None)

    def past(self, selection: Selection, after: int) -> list[WatchEvent]:
        """The changes since `after` that are already published. Raises: Compacted."""
        return list(self._changes(selection, self._store.index.past(self.served.bucket, after)))

    def add(self, watcher: Watcher, selection: Selection) -> None:
        home = self._home(selection)
        group = home.get(selection.key)
        if group is None:
            group = home[selection.key] = Group(self, selection, home)
        group.watchers.append(watcher)
        watcher.group = group

    def remove(self, watcher: Watcher) -> None:
        group, watcher.group = watcher.group, None
        if group is not None:
            group.watchers.left()
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
            for watcher in group.watchers.present():
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


def documents(events: Iterable[Event]) -> list[bytes]:
    """All that telling of the events shows."""
    found = []
    for event in events:
        found.append(event.entry.value)
        if event.previous is not None:
            found.append(event.previous.value)
    return found
