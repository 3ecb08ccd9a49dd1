"""The memory store on the simulated loop: exact times to live, and forks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from navarch.seams.sim import SimLoop
from navarch.store.memory import MemoryStore

DOCUMENT = b'{"metadata":{"resourceVersion":""}}'


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    loop = SimLoop()
    yield loop
    loop.close()


def started(loop: SimLoop) -> MemoryStore:
    store = MemoryStore()
    loop.run_until_complete(store.start())
    return store


def test_a_ttl_ends_exactly_when_it_is_over(loop: SimLoop) -> None:
    store = started(loop)
    loop.run_until_complete(store.put("events/a/x", DOCUMENT, 0, ttl_s=3600))
    loop.advance(3599)
    assert store.index.count("events/") == 1
    loop.advance(1)
    assert store.index.count("events/") == 0
    assert store.index.revision == 2


def test_the_last_write_decides_on_the_ttl(loop: SimLoop) -> None:
    store = started(loop)
    first = loop.run_until_complete(store.put("events/a/x", DOCUMENT, 0, ttl_s=10))
    second = loop.run_until_complete(store.put("events/a/x", DOCUMENT, first.revision, ttl_s=30))
    loop.advance(20)
    assert store.index.count("events/") == 1
    loop.run_until_complete(store.put("events/a/x", DOCUMENT, second.revision))
    loop.advance(1000)
    assert store.index.count("events/") == 1


def test_a_ttl_does_not_outlive_its_key(loop: SimLoop) -> None:
    store = started(loop)
    first = loop.run_until_complete(store.put("events/a/x", DOCUMENT, 0, ttl_s=10))
    loop.run_until_complete(store.delete("events/a/x", first.revision))
    loop.run_until_complete(store.put("events/a/x", DOCUMENT, 0))
    loop.advance(1000)
    assert store.index.count("events/") == 1


def test_a_fork_keeps_what_is_left_of_a_ttl_on_a_loop_of_its_own(loop: SimLoop) -> None:
    store = started(loop)
    loop.run_until_complete(store.put("events/a/x", DOCUMENT, 0, ttl_s=10))
    loop.advance(4)
    twin, grandchild = store.fork(), store.fork().fork()
    for fork in (twin, grandchild):
        other = SimLoop(start=1_000_000.0)
        other.run_until_complete(fork.start())
        other.advance(5)
        assert fork.index.count("events/") == 1
        other.advance(1)
        assert fork.index.count("events/") == 0
        other.close()
    assert store.index.count("events/") == 1


def test_a_fork_goes_its_own_way(loop: SimLoop) -> None:
    store = started(loop)
    entry = loop.run_until_complete(store.put("pods/a/x", DOCUMENT, 0))
    twin = store.fork()
    loop.run_until_complete(twin.start())
    assert twin.index.get("pods/a/x") is entry
    changed = loop.run_until_complete(twin.put("pods/a/x", DOCUMENT, entry.revision))
    assert changed.revision == 2
    assert store.index.get("pods/a/x") is entry
    assert store.index.revision == 1


def test_a_closed_store_expires_nothing(loop: SimLoop) -> None:
    store = started(loop)
    loop.run_until_complete(store.put("events/a/x", DOCUMENT, 0, ttl_s=10))
    loop.run_until_complete(store.close())
    assert loop.next_timer() is None
