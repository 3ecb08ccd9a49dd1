"""The store on an etcd of three members: what a member's death costs, and what an etcd without quorum means."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from navarch.store.contract import StoreUnavailable
from navarch.store.etcd import EtcdStore
from tests.store.etcd_server import BINARY, EtcdCluster

DOCUMENT = b'{"metadata":{"resourceVersion":"","name":"%d"}}'


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EtcdCluster]:
    if BINARY is None:
        pytest.skip("NOT TESTED: there is no etcd on the PATH (Debian: etcd-server)")
    made = EtcdCluster(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


async def _write(store: EtcdStore, first: int, count: int) -> None:
    for number in range(first, first + count):
        await store.put(f"pods/a/{number}", DOCUMENT % number, 0)


async def _well(store: EtcdStore, well: bool = True) -> None:
    async with asyncio.timeout(20):
        while (not store.fault) is not well:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)


async def test_members_die_one_after_the_other_and_no_writer_is_told(cluster: EtcdCluster) -> None:
    store = EtcdStore(cluster.targets)
    await store.start()
    told: list[int] = []
    store.index.watch("pods", store.index.revision, lambda events: told.extend(e.revision for e in events))
    try:
        for turn, member in enumerate(cluster.members):
            writing = asyncio.create_task(_write(store, turn * 200, 200))
            await asyncio.sleep(0)
            member.stop()
            await writing
            member.launch()
            await asyncio.to_thread(member.await_health)
        await store.sync()
        assert len(store.index.range("pods/")) == 600
        assert told == sorted({entry.revision for entry in store.index.range("pods/")})
    finally:
        await store.close()


async def test_a_frozen_member_is_left_for_another(cluster: EtcdCluster) -> None:
    store = EtcdStore(cluster.targets)
    await store.start()
    try:
        await _write(store, 0, 1)
        cluster.members[0].send(signal.SIGSTOP)
        # The calls hang on that member, and so does the watch.
        await store.put("pods/a/late", DOCUMENT % 1, 0)
        assert store.index.get("pods/a/late") is not None
    finally:
        cluster.members[0].send(signal.SIGCONT)
        await store.close()


async def test_without_quorum_reads_go_on_and_all_else_is_refused(cluster: EtcdCluster) -> None:
    store = EtcdStore(cluster.targets)
    await store.start()
    try:
        await _write(store, 0, 5)
        await _well(store)
        for member in cluster.members[1:]:
            member.stop()
        with pytest.raises(StoreUnavailable, match="leader"):
            await store.put("pods/a/x", DOCUMENT % 9, 0)
        with pytest.raises(StoreUnavailable):
            await store.sync()
        assert len(store.index.range("pods/")) >= 5
        await _well(store, False)
        cluster.members[1].launch()
        await _well(store)
        await store.sync()
        written = {entry.key for entry in store.index.range("pods/")}
        assert {f"pods/a/{n}" for n in range(5)} <= written
    finally:
        await store.close()
