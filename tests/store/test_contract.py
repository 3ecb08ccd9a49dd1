"""The store contract, against every implementation."""

from __future__ import annotations

import asyncio

import pytest

from navarch.store.contract import (
    MAX_DOCUMENT_BYTES,
    Compacted,
    Event,
    RevisionConflict,
    Store,
    ValueTooLarge,
)


def document(name: str, text: str = "") -> bytes:
    return b'{"metadata":{"name":"%s","resourceVersion":""},"data":"%s"}' % (name.encode(), text.encode())


def names(store: Store, prefix: str, start: str = "", limit: int = 0) -> list[str]:
    return [entry.key for entry in store.index.range(prefix, start, limit)]


class Journal:
    """A watcher that remembers."""

    def __init__(self, store: Store, bucket: str, after: int) -> None:
        self.events: list[Event] = []
        self.grown = asyncio.Event()
        self.end = store.index.watch(bucket, after, self.note)

    def note(self, events: list[Event]) -> None:
        assert events
        self.events += events
        self.grown.set()

    def told(self) -> list[tuple[int, str, bool]]:
        return [(event.revision, event.entry.key, event.deleted) for event in self.events]


async def test_put_stamps_the_revision_and_get_returns_it(store: Store) -> None:
    entry = await store.put("pods/a/x", document("x"), 0)
    assert entry.value == b'{"metadata":{"name":"x","resourceVersion":"%d"},"data":""}' % entry.revision
    assert entry.create_revision == entry.revision
    assert entry.attrs is None
    assert store.index.get("pods/a/x") is entry
    assert store.index.revision == entry.revision
    assert store.index.get("pods/a/y") is None


async def test_revisions_grow_over_all_buckets(store: Store) -> None:
    before = store.index.revision
    first = await store.put("pods/a/x", document("x"), 0)
    second = await store.put("nodes/n", document("n"), 0)
    third = await store.put("pods/a/x", document("x", "2"), first.revision)
    assert before < first.revision < second.revision < third.revision
    assert third.create_revision == first.revision


async def test_put_expecting_absence_conflicts_when_present(store: Store) -> None:
    entry = await store.put("pods/a/x", document("x"), 0)
    with pytest.raises(RevisionConflict) as caught:
        await store.put("pods/a/x", document("x"), 0)
    assert caught.value.current is entry
    assert caught.value.key == "pods/a/x"


@pytest.mark.parametrize("stale_by", [-1, 1])
async def test_put_with_another_revision_conflicts(store: Store, stale_by: int) -> None:
    entry = await store.put("pods/a/x", document("x"), 0)
    with pytest.raises(RevisionConflict) as caught:
        await store.put("pods/a/x", document("x", "2"), entry.revision + stale_by)
    assert caught.value.current is entry
    assert store.index.get("pods/a/x") is entry


async def test_put_expecting_a_revision_conflicts_when_absent(store: Store) -> None:
    with pytest.raises(RevisionConflict) as caught:
        await store.put("pods/a/x", document("x"), 7)
    assert caught.value.current is None


async def test_delete_returns_the_last_state_under_its_own_revision(store: Store) -> None:
    entry = await store.put("pods/a/x", document("x"), 0)
    gone = await store.delete("pods/a/x", entry.revision)
    assert gone.revision > entry.revision
    assert gone.create_revision == entry.create_revision
    assert gone.value == b'{"metadata":{"name":"x","resourceVersion":"%d"},"data":""}' % gone.revision
    assert store.index.get("pods/a/x") is None
    assert names(store, "pods/") == []
    assert store.index.count("pods/") == 0


@pytest.mark.parametrize("expected", [0, 1_000_000])
async def test_delete_with_another_revision_conflicts(store: Store, expected: int) -> None:
    await store.put("pods/a/x", document("x"), 0)
    with pytest.raises(RevisionConflict):
        await store.delete("pods/a/x", expected)
    with pytest.raises(RevisionConflict) as caught:
        await store.delete("pods/a/absent", expected)
    assert caught.value.current is None
    assert names(store, "pods/") == ["pods/a/x"]


async def test_recreation_has_a_new_create_revision(store: Store) -> None:
    first = await store.put("pods/a/x", document("x"), 0)
    await store.delete("pods/a/x", first.revision)
    second = await store.put("pods/a/x", document("x"), 0)
    assert second.create_revision == second.revision > first.revision


async def test_concurrent_puts_to_one_key_have_one_winner(store: Store) -> None:
    entry = await store.put("pods/a/x", document("x"), 0)
    writes = [store.put("pods/a/x", document("x", str(n)), entry.revision) for n in range(20)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    winners = [result for result in results if not isinstance(result, BaseException)]
    assert len(winners) == 1
    assert sum(isinstance(result, RevisionConflict) for result in results) == 19
    assert store.index.get("pods/a/x") is winners[0]


async def test_concurrent_puts_to_many_keys_all_win(store: Store) -> None:
    journal = Journal(store, "pods", store.index.revision)
    entries = await asyncio.gather(*(store.put(f"pods/a/{n}", document(str(n)), 0) for n in range(100)))
    assert len({entry.revision for entry in entries}) == 100
    revisions = [revision for revision, _, _ in journal.told()]
    assert revisions == sorted(entry.revision for entry in entries)


async def test_too_large_a_document_is_refused(store: Store) -> None:
    with pytest.raises(ValueTooLarge):
        await store.put("pods/a/x", b" " * (MAX_DOCUMENT_BYTES + 1), 0)
    assert store.index.get("pods/a/x") is None
    await store.put("pods/a/x", document("x"), 0)


async def test_ranges_are_in_key_order_and_stay_under_their_prefix(store: Store) -> None:
    for key in ("pods/b/1", "pods/a/2", "pods/a-b/1", "pods/a/1", "podsx/a/1", "pod/a/1", "pods.x/a/9"):
        await store.put(key, document("x"), 0)
    assert names(store, "pods/") == ["pods/a-b/1", "pods/a/1", "pods/a/2", "pods/b/1"]
    assert names(store, "pods/a/") == ["pods/a/1", "pods/a/2"]
    assert names(store, "pods/", "pods/a/2") == ["pods/a/2", "pods/b/1"]
    assert names(store, "pods/", "pods/a/", 2) == ["pods/a/1", "pods/a/2"]
    assert names(store, "pods/", limit=1) == ["pods/a-b/1"]
    assert names(store, "nodes/") == []
    assert store.index.count("pods/") == 4
    assert store.index.count("pods/a/") == 2
    assert store.index.count("pods/zzz/") == 0
    assert store.index.count("nodes/") == 0


async def test_range_at_shows_the_past(store: Store) -> None:
    first = await store.put("pods/a/x", document("x", "1"), 0)
    second = await store.put("pods/a/y", document("y", "1"), 0)
    third = await store.put("pods/a/x", document("x", "2"), first.revision)
    fourth = await store.delete("pods/a/y", second.revision)
    at = store.index.range_at
    assert at("pods/", first.revision) == [first]
    assert at("pods/", second.revision) == [first, second]
    assert at("pods/", second.revision, "pods/a/y") == [second]
    assert at("pods/", second.revision, limit=1) == [first]
    assert at("pods/", third.revision) == [third, second]
    assert at("pods/", fourth.revision) == [third]


async def test_watch_delivers_the_past_and_then_the_present(store: Store) -> None:
    first = await store.put("pods/a/x", document("x"), 0)
    second = await store.put("pods/a/x", document("x", "2"), first.revision)
    await store.put("nodes/n", document("n"), 0)
    journal = Journal(store, "pods", first.revision)
    assert journal.told() == [(second.revision, "pods/a/x", False)]
    assert journal.events[0].previous is first
    gone = await store.delete("pods/a/x", second.revision)
    assert journal.told()[1:] == [(gone.revision, "pods/a/x", True)]
    assert journal.events[1].previous is second
    assert journal.events[1].entry.value == gone.value


async def test_watch_tells_creation_by_the_missing_previous(store: Store) -> None:
    journal = Journal(store, "pods", store.index.revision)
    await store.put("pods/a/x", document("x"), 0)
    assert journal.events[0].previous is None


async def test_an_ended_watch_is_silent(store: Store) -> None:
    journal = Journal(store, "pods", store.index.revision)
    journal.end()
    journal.end()
    await store.put("pods/a/x", document("x"), 0)
    assert journal.events == []


async def test_all_watchers_see_one_order_even_when_one_of_them_writes(store: Store) -> None:
    tasks: list[asyncio.Task[object]] = []
    follower: list[str] = []

    def echo(events: list[Event]) -> None:
        for event in events:
            if event.entry.key.startswith("pods/a/"):
                name = event.entry.key.rpartition("/")[2]
                tasks.append(asyncio.ensure_future(store.put(f"pods/b/{name}", document(name), 0)))

    store.index.watch("pods", store.index.revision, echo)
    store.index.watch("pods", store.index.revision, lambda events: follower.extend(e.entry.key for e in events))
    await asyncio.gather(*(store.put(f"pods/a/{n}", document("x"), 0) for n in range(5)))
    await asyncio.gather(*tasks)
    in_order = sorted(store.index.range("pods/"), key=lambda entry: entry.revision)
    assert len(in_order) == 10
    assert follower == [entry.key for entry in in_order]


async def test_compaction_ends_what_is_older_and_nothing_else(store: Store) -> None:
    first = await store.put("pods/a/x", document("x", "1"), 0)
    second = await store.put("pods/a/x", document("x", "2"), first.revision)
    third = await store.put("pods/a/x", document("x", "3"), second.revision)
    await store.compact(second.revision)
    assert store.index.compacted == second.revision
    with pytest.raises(Compacted) as caught:
        store.index.watch("pods", first.revision, lambda events: None)
    assert caught.value.oldest == second.revision
    with pytest.raises(Compacted):
        store.index.range_at("pods/", first.revision)
    assert store.index.range_at("pods/", second.revision) == [second]
    assert Journal(store, "pods", second.revision).told() == [(third.revision, "pods/a/x", False)]
    assert store.index.get("pods/a/x") is third


async def test_sync_returns_the_revision_of_the_last_write(store: Store) -> None:
    entry = await store.put("pods/a/x", document("x"), 0)
    assert await store.sync() >= entry.revision
    assert await store.sync() == store.index.revision


async def test_a_key_with_a_ttl_goes_away(store: Store) -> None:
    entry = await store.put("events/a/x", document("x"), 0, ttl_s=0.05)
    journal = Journal(store, "events", entry.revision)
    async with asyncio.timeout(20):
        await journal.grown.wait()
    assert [(key, deleted) for _, key, deleted in journal.told()] == [("events/a/x", True)]
    assert store.index.get("events/a/x") is None


async def test_close_can_be_called_twice(store: Store) -> None:
    await store.put("pods/a/x", document("x"), 0)
    await store.close()
    await store.close()
