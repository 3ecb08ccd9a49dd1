"""What only the store on etcd must do: share with others, survive an outage, even a long one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from navarch.store.contract import Compacted, Entry, Event, Store, StoreUnavailable
from navarch.store.etcd import EtcdStore, difference
from navarch.store.etcd_client import EtcdClient
from navarch.store.index import LogIndex
from tests.store.etcd_server import EtcdServer
from tests.store.relay import Relay

DOCUMENT = b'{"metadata":{"resourceVersion":""}}'


async def opened(stack: AsyncExitStack, server: EtcdServer, prefix: str) -> EtcdStore:
    store = EtcdStore([server.target], prefix=prefix)
    await store.start()
    stack.push_async_callback(store.close)
    return store


class Told:
    """What a watcher of pods was told: revision, key, deleted."""

    def __init__(self, store: Store) -> None:
        self.events: list[tuple[int, str, bool]] = []
        store.index.watch("pods", store.index.revision, self.note)

    def note(self, events: Sequence[Event]) -> None:
        self.events += [(event.revision, event.entry.key, event.deleted) for event in events]


async def test_two_control_planes_see_each_other_after_sync(etcd: EtcdServer, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one = await opened(stack, etcd, f"/{tmp_path.name}/")
        two = await opened(stack, etcd, f"/{tmp_path.name}/")
        told = Told(two)
        entry = await one.put("pods/a/x", DOCUMENT, 0)
        assert await two.sync() >= entry.revision
        seen = two.index.get("pods/a/x")
        assert seen is not None
        assert (seen.value, seen.revision, seen.create_revision) == (entry.value, entry.revision, entry.revision)
        gone = await two.delete("pods/a/x", entry.revision)
        await one.sync()
        assert one.index.get("pods/a/x") is None
        assert told.events == [(entry.revision, "pods/a/x", False), (gone.revision, "pods/a/x", True)]


async def test_a_new_control_plane_reads_what_is_there(etcd: EtcdServer, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one = await opened(stack, etcd, f"/{tmp_path.name}/")
        await asyncio.gather(*(one.put(f"pods/a/{n}", DOCUMENT, 0) for n in range(1_234)))
        two = await opened(stack, etcd, f"/{tmp_path.name}/")
        assert {entry.value for entry in two.index.range("pods/")} == {e.value for e in one.index.range("pods/")}
        assert two.index.count("pods/") == 1_234


async def test_other_prefixes_move_the_revision_only(etcd: EtcdServer, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        ours = await opened(stack, etcd, f"/{tmp_path.name}/ours/")
        theirs = await opened(stack, etcd, f"/{tmp_path.name}/theirs/")
        entry = await theirs.put("pods/a/x", DOCUMENT, 0)
        assert await ours.sync() >= entry.revision
        assert ours.index.count("pods/") == 0


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    store = EtcdStore(["127.0.0.1:1"])
    with pytest.raises(StoreUnavailable, match="is it running"):
        await store.start()


async def test_when_etcd_was_killed_the_watch_goes_on_where_it_was(etcd: EtcdServer, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        store = await opened(stack, etcd, f"/{tmp_path.name}/")
        told = Told(store)
        first = await store.put("pods/a/x", DOCUMENT, 0)
        etcd.stop()
        assert store.index.get("pods/a/x") is first
        with pytest.raises(StoreUnavailable):
            await store.put("pods/a/y", DOCUMENT, 0)
        etcd.start()
        await _caught_up(store, first.revision)
        second = await store.put("pods/a/x", DOCUMENT, first.revision)
        assert [told for told in told.events if told[1] == "pods/a/x"] == [
            (first.revision, "pods/a/x", False),
            (second.revision, "pods/a/x", False),
        ]


async def test_what_happened_while_the_link_was_cut_is_told_in_full(etcd: EtcdServer, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        store, relay = await opened_through_relay(stack, etcd, f"/{tmp_path.name}/")
        other = await opened(stack, etcd, f"/{tmp_path.name}/")
        told = Told(store)
        await relay.cut()
        first = await other.put("pods/a/x", DOCUMENT, 0)
        second = await other.delete("pods/a/x", first.revision)
        third = await other.put("pods/a/x", DOCUMENT, 0)
        await relay.mend()
        await _caught_up(store, third.revision)
        assert told.events == [
            (first.revision, "pods/a/x", False),
            (second.revision, "pods/a/x", True),
            (third.revision, "pods/a/x", False),
        ]


async def test_an_outage_longer_than_etcds_memory_is_made_up_for(etcd: EtcdServer, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        store, relay = await opened_through_relay(stack, etcd, f"/{tmp_path.name}/")
        kept = await store.put("pods/a/kept", DOCUMENT, 0)
        changed = await store.put("pods/a/changed", DOCUMENT, 0)
        removed = await store.put("pods/a/removed", DOCUMENT, 0)
        told = Told(store)
        await relay.cut()
        other = await opened(stack, etcd, f"/{tmp_path.name}/")
        changed = await other.put("pods/a/changed", DOCUMENT, changed.revision)
        await other.delete("pods/a/removed", removed.revision)
        last = await other.put("pods/a/new", DOCUMENT, 0)
        await other.compact(last.revision)
        await relay.mend()
        await _caught_up(store, last.revision)
        assert {e.key: e.value for e in store.index.range("pods/")} == {
            "pods/a/kept": kept.value,
            "pods/a/changed": changed.value,
            "pods/a/new": last.value,
        }
        assert {(key, deleted) for _, key, deleted in told.events} == {
            ("pods/a/changed", False),
            ("pods/a/removed", True),
            ("pods/a/new", False),
        }
        with pytest.raises(Compacted):
            store.index.watch("pods", kept.revision, lambda events: None)


async def opened_through_relay(stack: AsyncExitStack, server: EtcdServer, prefix: str) -> tuple[EtcdStore, Relay]:
    relay = Relay(server.target)
    await relay.mend()
    stack.push_async_callback(relay.cut)
    store = EtcdStore([relay.target], prefix=prefix)
    await store.start()
    stack.push_async_callback(store.close)
    return store, relay


async def _caught_up(store: EtcdStore, revision: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                if await store.sync() >= revision:
                    return
            except StoreUnavailable:
                continue


async def test_the_cluster_can_be_asked_for_its_revision(etcd: EtcdServer) -> None:
    client = EtcdClient([etcd.target])
    done, revision = await client.put(b"/elsewhere", b"", 0, 0)
    assert done
    assert await client.revision() == revision
    await client.compact(revision)
    await client.compact(revision)
    await client.close()


def entry(key: str, revision: int, create_revision: int) -> Entry:
    return Entry(key, b'{"metadata":{"resourceVersion":"%d"}}' % revision, revision, create_revision)


def test_the_difference_of_two_states_is_told_in_order() -> None:
    index = LogIndex()
    index.load([entry(f"pods/a/{name}", n, n) for n, name in enumerate("abcd", 1)], 10)
    found = [entry("pods/a/a", 1, 1), entry("pods/a/b", 14, 2), entry("pods/a/c", 17, 13), entry("pods/a/e", 12, 12)]
    changes = difference(index, found, 20)
    assert [(change.key, change.revision, deleted) for change, deleted in changes] == [
        ("pods/a/e", 12, False),
        ("pods/a/c", 12, True),
        ("pods/a/b", 14, False),
        ("pods/a/c", 17, False),
        ("pods/a/d", 20, True),
    ]
    index.publish(changes)
    assert [e.revision for e in index.range("pods/")] == [1, 14, 17, 12]
