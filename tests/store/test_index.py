"""What the contract suite cannot reach from outside: bounded history, watchers that act while called."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from navarch.store import index as index_module
from navarch.store.contract import Compacted, Entry, Event
from navarch.store.index import EVENT_OVERHEAD_BYTES, LogIndex


def put(index: LogIndex, key: str, revision: int, size: int = 10) -> Entry:
    entry = Entry(key, b"x" * size, revision, revision)
    index.publish([(entry, False)])
    return entry


def test_history_is_bounded_by_what_it_keeps_alive() -> None:
    index = LogIndex(history_limit_bytes=5 * (1_000 + EVENT_OVERHEAD_BYTES))
    for revision in range(1, 21):
        put(index, f"{'ab'[revision % 2]}/{revision}", revision, size=1_000)
    assert index.compacted == 15
    with pytest.raises(Compacted):
        index.watch("a", 14, lambda events: None)
    told: list[int] = []
    index.watch("a", 15, lambda events: told.extend(event.revision for event in events))
    assert told == [16, 18, 20]
    assert (index.count("a/"), index.count("b/")) == (10, 10)


def test_a_group_of_changes_is_delivered_in_runs_of_one_bucket() -> None:
    index = LogIndex()
    told: list[list[str]] = []
    for bucket in ("a", "b"):
        index.watch(bucket, 0, lambda events: told.append([event.entry.key for event in events]))
    keys = ["a/1", "a/2", "b/3", "a/4", "c/5"]
    index.publish([(Entry(key, b"", n, n), False) for n, key in enumerate(keys, 1)])
    assert told == [["a/1", "a/2"], ["b/3"], ["a/4"]]


def test_what_a_watcher_publishes_is_seen_at_once_and_told_afterwards() -> None:
    index = LogIndex()
    order: list[tuple[str, str]] = []

    def first(events: Sequence[Event]) -> None:
        for event in events:
            order.append(("first", event.entry.key))
            if event.entry.key == "a/1":
                put(index, "a/2", 2)
                assert index.get("a/2") is not None

    index.watch("a", 0, first)
    index.watch("a", 0, lambda events: order.extend(("second", event.entry.key) for event in events))
    put(index, "a/1", 1)
    assert order == [("first", "a/1"), ("second", "a/1"), ("first", "a/2"), ("second", "a/2")]


def test_a_watcher_that_joins_during_a_delivery_is_told_everything_once() -> None:
    index = LogIndex()
    late: list[int] = []

    def first(events: Sequence[Event]) -> None:
        if events[0].revision == 1:
            put(index, "a/2", 2)
            index.watch("a", 0, lambda events: late.extend(event.revision for event in events))
            put(index, "a/3", 3)

    index.watch("a", 0, first)
    put(index, "a/1", 1)
    assert late == [1, 2, 3]


def test_a_watcher_that_publishes_while_it_hears_the_past_hears_that_next() -> None:
    index = LogIndex()
    put(index, "a/1", 1)
    told: list[int] = []
    depth = 0

    def echo(events: Sequence[Event]) -> None:
        nonlocal depth
        depth += 1
        assert depth == 1
        told.extend(event.revision for event in events)
        if events[0].revision == 1:
            put(index, "a/2", 2)
        depth -= 1

    index.watch("a", 0, echo)
    assert told == [1, 2]


def test_a_watcher_ended_during_a_delivery_hears_no_more() -> None:
    index = LogIndex()
    told: list[int] = []
    index.watch("a", 0, lambda events: end())
    end = index.watch("a", 0, lambda events: told.extend(event.revision for event in events))
    put(index, "a/1", 1)
    assert told == []


def test_a_fork_shares_entries_and_history_and_no_watchers() -> None:
    index = LogIndex()
    entry = put(index, "a/1", 1)
    told: list[int] = []
    index.watch("a", 1, lambda events: told.extend(event.revision for event in events))
    twin = index.fork()
    put(twin, "a/2", 2)
    assert told == []
    assert twin.get("a/1") is entry
    assert [found.key for found in index.range("a/")] == ["a/1"]
    put(index, "a/0", 2)
    assert [found.key for found in index.range("a/")] == ["a/0", "a/1"]
    assert [found.key for found in twin.range_at("a/", 1)] == ["a/1"]
    assert [found.key for found in twin.range("a/")] == ["a/1", "a/2"]


def test_revisions_that_go_back_are_a_programming_error() -> None:
    index = LogIndex()
    put(index, "a/1", 2)
    with pytest.raises(AssertionError):
        put(index, "a/2", 1)


def test_a_long_history_is_forgotten_at_once_and_dropped_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "FORGET_AT_ONCE", 10)
    index = LogIndex()
    for revision in range(1, 41):
        index.publish([(Entry("pods/a/x", b"v%d" % revision, revision, 1), False)])
    index.forget(30)
    assert index.compacted == 30
    with pytest.raises(Compacted):
        index.range_at("pods/", 29)
    assert [event.revision for event in index.past("pods", 30)] == list(range(31, 41))
    for revision in range(41, 71):
        index.publish([(Entry("pods/a/x", b"v%d" % revision, revision, 1), False)])
    assert index._log[0].revision == 31 and len(index._buckets["pods"].history) == 40
