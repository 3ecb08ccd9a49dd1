"""Random histories against a model so simple that it is right: a list of all changes."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from navarch.seams.real import RealClock
from navarch.store.contract import Compacted, Event, RevisionConflict, Store
from navarch.store.durable import DurableStore
from navarch.store.memory import MemoryStore

KEYS = [f"{bucket}/{namespace}/{name}" for bucket in ("a", "b") for namespace in ("m", "m-n") for name in "wxyz"]
PREFIXES = ["a/", "a/m/", "a/m-n/", "b/", "c/"]
DOCUMENT = b'{"metadata":{"resourceVersion":""}}'


class Mirror:
    """A client that lists once and then applies the events it watches."""

    def __init__(self, store: Store, bucket: str) -> None:
        self.bucket = bucket
        self.held = {entry.key: entry.value for entry in store.index.range(f"{bucket}/")}
        self.seen = store.index.revision
        self.end = store.index.watch(bucket, self.seen, self.apply)

    def apply(self, events: list[Event]) -> None:
        for event in events:
            assert event.revision > self.seen
            self.seen = event.revision
            key = event.entry.key
            before = self.held.pop(key, None)
            assert before == (event.previous.value if event.previous else None)
            if not event.deleted:
                self.held[key] = event.entry.value


class StoreMachine(RuleBasedStateMachine):
    mirrors = Bundle("mirrors")
    store: Store

    def make(self) -> Store:
        return MemoryStore()

    def successor(self) -> Store:
        """A store that takes over what there is."""
        assert isinstance(self.store, MemoryStore)
        return self.store.fork()

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.store = self.make()
        self.runner.run(self.store.start())
        self.log: list[tuple[int, str, bytes | None]] = []
        self.compacted = 0
        self.open_mirrors: list[Mirror] = []

    def state(self, revision: int | None = None) -> dict[str, bytes]:
        state: dict[str, bytes] = {}
        for at, key, value in self.log:
            if revision is not None and at > revision:
                break
            if value is None:
                del state[key]
            else:
                state[key] = value
        return state

    def revision_of(self, key: str) -> int:
        changes = [(at, value) for at, changed, value in self.log if changed == key]
        return changes[-1][0] if changes and changes[-1][1] is not None else 0

    @rule(key=st.sampled_from(KEYS), stale=st.booleans())
    def put(self, key: str, stale: bool) -> None:
        expected = self.revision_of(key) + (1 if stale else 0)
        try:
            entry = self.runner.run(self.store.put(key, DOCUMENT, expected))
        except RevisionConflict:
            assert stale
        else:
            assert not stale
            self.log.append((len(self.log) + 1, key, b'{"metadata":{"resourceVersion":"%d"}}' % entry.revision))
            assert entry.revision == len(self.log)

    @rule(key=st.sampled_from(KEYS))
    def delete(self, key: str) -> None:
        expected = self.revision_of(key)
        try:
            self.runner.run(self.store.delete(key, expected))
        except RevisionConflict:
            assert expected == 0
        else:
            self.log.append((len(self.log) + 1, key, None))

    @rule(share=st.floats(0, 1))
    def compact(self, share: float) -> None:
        revision = int(len(self.log) * share)
        self.runner.run(self.store.compact(revision))
        self.compacted = max(self.compacted, revision)

    @rule()
    def go_on_in_a_successor(self) -> None:
        for mirror in self.open_mirrors:
            mirror.end()
        self.open_mirrors.clear()
        successor = self.successor()
        self.runner.run(self.store.close())
        self.store = successor
        self.runner.run(self.store.start())
        if isinstance(self.store, DurableStore):
            self.compacted = len(self.log)

    @rule(target=mirrors, bucket=st.sampled_from("ab"))
    def mirror(self, bucket: str) -> Mirror:
        mirror = Mirror(self.store, bucket)
        self.open_mirrors.append(mirror)
        return mirror

    @rule(mirror=mirrors)
    def end(self, mirror: Mirror) -> None:
        mirror.end()
        if mirror in self.open_mirrors:
            self.open_mirrors.remove(mirror)

    @rule(
        prefix=st.sampled_from(PREFIXES),
        share=st.floats(0, 1),
        start=st.sampled_from(["", *KEYS]),
        limit=st.integers(0, 5),
    )
    def read_the_past(self, prefix: str, share: float, start: str, limit: int) -> None:
        revision = int(len(self.log) * share)
        try:
            entries = self.store.index.range_at(prefix, revision, start, limit)
        except Compacted:
            assert revision < self.compacted
            return
        assert revision >= self.compacted
        wanted = [pair for pair in sorted(self.state(revision).items()) if pair[0].startswith(prefix)]
        wanted = [pair for pair in wanted if pair[0] >= start]
        assert [(entry.key, entry.value) for entry in entries] == (wanted[:limit] if limit else wanted)

    @rule(bucket=st.sampled_from("ab"), share=st.floats(0, 1))
    def replay(self, bucket: str, share: float) -> None:
        after = int(len(self.log) * share)
        told: list[tuple[int, str, bool]] = []

        def note(events: list[Event]) -> None:
            told.extend((event.revision, event.entry.key, event.deleted) for event in events)

        try:
            self.store.index.watch(bucket, after, note)()
        except Compacted:
            assert after < self.compacted
            return
        assert after >= self.compacted
        assert told == [(at, key, value is None) for at, key, value in self.log if at > after and key[0] == bucket]

    @invariant()
    def the_index_is_the_fold_of_the_log(self) -> None:
        index = self.store.index
        assert index.revision == len(self.log)
        assert index.compacted == self.compacted
        for prefix in PREFIXES:
            wanted = sorted(pair for pair in self.state().items() if pair[0].startswith(prefix))
            assert [(entry.key, entry.value) for entry in index.range(prefix)] == wanted
            assert index.count(prefix) == len(wanted)

    @invariant()
    def a_watcher_that_applies_its_events_holds_the_range(self) -> None:
        for mirror in self.open_mirrors:
            assert mirror.held == {entry.key: entry.value for entry in self.store.index.range(f"{mirror.bucket}/")}

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()


class DurableMachine(StoreMachine):
    """The same with a directory: the successor finds it after the other has closed."""

    def make(self) -> Store:
        self.directory = tempfile.TemporaryDirectory()
        return self.successor()

    def successor(self) -> Store:
        return DurableStore(Path(self.directory.name), RealClock())

    def teardown(self) -> None:
        super().teardown()
        self.directory.cleanup()


StoreMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
DurableMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
TestMemory = StoreMachine.TestCase
TestDurable = DurableMachine.TestCase
