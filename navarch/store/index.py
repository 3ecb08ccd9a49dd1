"""The index over the log: every committed document in memory, in order, with recent history.

Every store owns one, fills it at start (`load`) and publishes each committed change to it
(`publish`). List, watch and the in-process caches read here; there is no second cache. It never
touches a disk, a clock or a task: a publication is a plain function call.

Worked example, one bucket:
    publish put pods/a/x at 5, put pods/a/y at 6, delete pods/a/x at 7
    range("pods/")        -> [y@6]
    range_at("pods/", 6)  -> [x@5, y@6]       the history is undone backwards: 7
    watch("pods", 5, f)   -> f([y@6, x@7 deleted]) before it returns
    forget(6)             -> range_at("pods/", 5) raises Compacted, range_at("pods/", 6) does not
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from navarch.store.contract import Compacted, Condition, Deliver, Entry, Event
from navarch.store.keys import SortedKeys
from navarch.store.lookups import FEW_KEYS, Lookup

#: A committed change, as a store publishes it: the entry, and whether it is a deletion.
Change = tuple[Entry, bool]

#: History is bounded by the documents it keeps alive, whatever the compaction interval is.
HISTORY_LIMIT_BYTES = 64 * 1024 * 1024

#: What an event costs beside its document: Event, Entry, their places in two queues.
EVENT_OVERHEAD_BYTES = 300

#: Events that are dropped at once, in some 5 ms, when history is compacted.
FORGET_AT_ONCE = 10_000

#: Lookups are of use when at most every so many-th entry of a range is selected, and so many in all: sorting
#: them takes some 10 ms. To look at the whole range bit by bit costs no more then.
SPARSE = 4
MAX_SELECTED = 20_000


class _Watch:
    """One watcher. `deliver` is None once it has ended."""

    __slots__ = ("deliver",)

    def __init__(self, deliver: Deliver) -> None:
        self.deliver: Deliver | None = deliver


class _Bucket:
    """The keys, the history and the watchers of one resource."""

    __slots__ = ("audience", "changed", "history", "keys", "lookups", "watches")

    def __init__(self) -> None:
        #: Revision of the last change.
        self.changed = 0
        self.keys = SortedKeys()
        self.history: deque[Event] = deque()
        #: By the names of their facets; made when asked for.
        self.lookups: dict[str, Lookup] = {}
        self.watches: dict[_Watch, None] = {}
        #: `watches` as a tuple that a delivery under way can hold on to; None when out of date.
        self.audience: tuple[_Watch, ...] | None = None


class LogIndex:
    """`store.contract.Index`, and the side on which a store feeds it."""

    def __init__(self, history_limit_bytes: int = HISTORY_LIMIT_BYTES) -> None:
        self._entries: dict[str, Entry] = {}
        self._buckets: dict[str, _Bucket] = {}
        self._log: deque[Event] = deque()
        self._log_bytes = 0
        self._history_limit_bytes = history_limit_bytes
        self._revision = 0
        self._compacted = 0
        self._outbox: deque[tuple[tuple[_Watch, ...], list[Event]]] = deque()
        self._delivering = False

    @property
    def revision(self) -> int:
        return self._revision

    @property
    def compacted(self) -> int:
        return self._compacted

    def get(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def range(self, prefix: str, start: str = "", limit: int = 0) -> list[Entry]:
        bucket = self._buckets.get(bucket_of(prefix))
        if bucket is None:
            return []
        keys = bucket.keys.between(max(prefix, start), _end(prefix), limit)
        return list(map(self._entries.__getitem__, keys))

    def range_at(self, prefix: str, revision: int, start: str = "", limit: int = 0) -> list[Entry]:
        undone = self._undo(prefix, revision, start)
        now = self.range(prefix, start, limit + len(undone) if limit else 0)
        then = _as_it_was(now, undone)
        return then[:limit] if limit else then

    def changed(self, bucket: str) -> int:
        home = self._buckets.get(bucket)
        return home.changed if home is not None else 0

    def count(self, prefix: str, start: str = "", revision: int | None = None) -> int:
        undone = {} if revision is None else self._undo(prefix, revision, start)
        name = bucket_of(prefix)
        bucket = self._buckets.get(name)
        if bucket is None:
            return 0
        if not start and len(prefix) == len(name) + 1:
            now = len(bucket.keys)
        else:
            now = bucket.keys.count(max(prefix, start), _end(prefix))
        return now + sum((entry is not None) - (key in self._entries) for key, entry in undone.items())

    def catch_up(self, prefix: str, conditions: Sequence[Condition], limit: int) -> bool:
        lookups = [lookup for lookup, _ in self._lookups(prefix, conditions, "")]
        return all(lookup.catch_up(self._entries, limit) for lookup in lookups)

    def select(
        self, prefix: str, conditions: Sequence[Condition], start: str = "", revision: int | None = None
    ) -> list[Entry] | None:
        undone = {} if revision is None else self._undo(prefix, revision, start)
        best: list[Collection[str]] | None = None
        most = self.count(prefix, start)
        fewest = min(most // SPARSE, MAX_SELECTED)
        for lookup, values in self._lookups(prefix, conditions, start):
            found = lookup.found(self._entries, values)
            if (size := sum(map(len, found))) <= fewest:
                fewest, best = size, found
        if best is None:
            return None
        low = max(prefix, start)
        keys = [key for part in best for key in part if key >= low and key.startswith(prefix)]
        return _as_it_was(list(map(self._entries.__getitem__, sorted(keys))), undone)

    def _lookups(
        self, prefix: str, conditions: Sequence[Condition], start: str
    ) -> list[tuple[Lookup, Sequence[str] | None]]:
        """What conditions on a range are looked up in, and for which values: nothing for ranges of a few keys."""
        bucket = self._buckets.get(bucket_of(prefix))
        if bucket is None or len(bucket.keys) < FEW_KEYS or self.count(prefix, start) < FEW_KEYS:
            return []
        found = []
        for facet, values in conditions:
            lookup = bucket.lookups.get(facet.name)
            if lookup is None:
                lookup = bucket.lookups[facet.name] = Lookup(facet, bucket.keys)
            found.append((lookup, values))
        return found

    def past(self, bucket: str, after: int) -> list[Event]:
        self._check_kept(after)
        home = self._buckets.get(bucket)
        past = list(_newer(home.history, after)) if home is not None else []
        past.reverse()
        return past

    def watch(self, bucket: str, after: int, deliver: Deliver) -> Callable[[], None]:
        past = self.past(bucket, after)
        home = self._bucket(bucket)
        watch = _Watch(deliver)
        home.watches[watch] = None
        home.audience = None
        if past:
            self._replay(watch, past)

        def end() -> None:
            watch.deliver = None
            if watch in home.watches:
                del home.watches[watch]
                home.audience = None

        return end

    def load(self, entries: Iterable[Entry], revision: int) -> None:
        """Fill the empty index with what a store recovered. History begins at `revision`."""
        assert not self._entries
        for entry in entries:
            self._entries[entry.key] = entry
            home = self._bucket(bucket_of(entry.key))
            home.keys.add(entry.key)
            home.changed = revision
        self._revision = self._compacted = revision

    def publish(self, changes: Iterable[Change]) -> None:
        """Take in committed changes, in revision order, and deliver them to the watchers.

        A watcher may cause another publication while it is called: that one shows in the index at
        once and is delivered after this one, so every watcher sees one global order.
        """
        run: list[Event] = []
        home: _Bucket | None = None
        for entry, deleted in changes:
            bucket = self._bucket(bucket_of(entry.key))
            if bucket is not home:
                self._address(home, run)
                home, run = bucket, []
            run.append(self._apply(bucket, entry, deleted))
        self._address(home, run)
        self._trim(FORGET_AT_ONCE // 10)
        self._deliver()

    def advance(self, revision: int) -> None:
        """Nothing of ours changed up to `revision`. For stores whose log has other writers."""
        self._revision = max(self._revision, revision)

    def forget(self, revision: int) -> None:
        """Drop the history up to and including `revision`. Of a long one the most goes with later changes."""
        self._compacted = max(self._compacted, min(revision, self._revision))
        self._trim(FORGET_AT_ONCE)

    def entries(self) -> Iterable[Entry]:
        """All there is, in no order."""
        return self._entries.values()

    def fork(self) -> LogIndex:
        """An index with the same contents and history and no watchers. It shares every Entry."""
        twin = LogIndex(self._history_limit_bytes)
        twin._entries = self._entries.copy()
        for name, bucket in self._buckets.items():
            copy = twin._bucket(name)
            copy.changed = bucket.changed
            copy.keys = bucket.keys.copy()
            copy.history = bucket.history.copy()
        twin._log = self._log.copy()
        twin._log_bytes = self._log_bytes
        twin._revision = self._revision
        twin._compacted = self._compacted
        return twin

    def _bucket(self, name: str) -> _Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket()
        return bucket

    def _check_kept(self, revision: int) -> None:
        if revision < self._compacted:
            raise Compacted(revision, self._compacted)

    def _undo(self, prefix: str, revision: int, start: str) -> dict[str, Entry | None]:
        """What stood at each key under `prefix` that changed since `revision`. Raises: Compacted."""
        undone: dict[str, Entry | None] = {}
        if revision >= self._revision:
            return undone
        self._check_kept(revision)
        bucket = self._buckets.get(bucket_of(prefix))
        if bucket is not None:
            for event in _newer(bucket.history, revision):
                key = event.entry.key
                if key >= start and key.startswith(prefix):
                    undone[key] = event.previous
        return undone

    def _apply(self, bucket: _Bucket, entry: Entry, deleted: bool) -> Event:
        key = entry.key
        previous = self._entries.get(key)
        event = Event(entry, previous, deleted)
        if deleted:
            assert previous is not None, key
            del self._entries[key]
            bucket.keys.remove(key)
        else:
            self._entries[key] = entry
            if previous is None:
                bucket.keys.add(key)
        assert entry.revision >= self._revision, "changes are published in revision order"
        self._revision = bucket.changed = entry.revision
        for name, lookup in tuple(bucket.lookups.items()):
            lookup.mark(key)
            if lookup.is_stale(len(bucket.keys)):
                del bucket.lookups[name]
        bucket.history.append(event)
        self._log.append(event)
        self._log_bytes += _cost(event)
        return event

    def _trim(self, forgotten: int) -> None:
        """Drop what is too much, and of what is compacted up to so many events."""
        log = self._log
        while log and self._log_bytes > self._history_limit_bytes:
            self._compacted = max(self._compacted, log[0].entry.revision)
            self._drop_oldest()
        while log and forgotten and log[0].entry.revision <= self._compacted:
            self._drop_oldest()
            forgotten -= 1

    def _drop_oldest(self) -> None:
        event = self._log.popleft()
        self._log_bytes -= _cost(event)
        self._buckets[bucket_of(event.entry.key)].history.popleft()

    def _address(self, bucket: _Bucket | None, run: list[Event]) -> None:
        """Queue a run of events of one bucket for those who watch it now."""
        if bucket is None or not bucket.watches:
            return
        if bucket.audience is None:
            bucket.audience = tuple(bucket.watches)
        self._outbox.append((bucket.audience, run))

    def _replay(self, watch: _Watch, past: list[Event]) -> None:
        """Give a new watcher the past; what it publishes meanwhile reaches nobody before it returns."""
        outer, self._delivering = self._delivering, True
        try:
            if watch.deliver is not None:
                watch.deliver(past)
        finally:
            self._delivering = outer
        self._deliver()

    def _deliver(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._outbox:
                audience, events = self._outbox.popleft()
                for watch in audience:
                    if watch.deliver is not None:
                        watch.deliver(events)
        finally:
            self._delivering = False


def bucket_of(key: str) -> str:
    """`pods` of `pods/default/web` and of `pods/`."""
    name, slash, _ = key.partition("/")
    assert slash, f"{key!r} is neither a key nor a prefix"
    return name


def _end(prefix: str) -> str:
    """The first key after every key that begins with `prefix`, which ends in a slash."""
    assert prefix.endswith("/"), prefix
    return prefix[:-1] + "0"


def _newer(history: deque[Event], revision: int) -> Iterator[Event]:
    """The events above `revision`, newest first: costs what it yields."""
    for event in reversed(history):
        if event.entry.revision <= revision:
            return
        yield event


def _as_it_was(now: list[Entry], undone: dict[str, Entry | None]) -> list[Entry]:
    """The entries of a range with what changed since put back, in key order."""
    if not undone:
        return now
    then = [entry for entry in now if entry.key not in undone]
    then += [entry for entry in undone.values() if entry is not None]
    then.sort(key=lambda entry: entry.key)
    return then


def _cost(event: Event) -> int:
    return len(event.entry.value) + EVENT_OVERHEAD_BYTES
