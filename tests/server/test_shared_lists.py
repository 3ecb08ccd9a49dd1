"""Large lists are put together once for those who ask at the same time, and never twice told apart."""

from __future__ import annotations

import asyncio
import gc

import pytest

from navarch.server.shared_lists import SharedLists
from navarch.wire.answer import GZIP_ABOVE_BYTES, whole_answer
from navarch.wire.messages import Response
from navarch.wire.run import step
from tests.server.peer import Peer

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
LARGE = GZIP_ABOVE_BYTES + 1


class Maker:
    """Counts what is made of it. It makes while `gate` is open."""

    def __init__(self, size: int) -> None:
        self.size, self.made = size, 0
        self.fails = False
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> bytes:
        self.made += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            self.fails = False
            raise ValueError("not made")
        return bytes(self.size)


def answer(lists: SharedLists, make: Maker, key: str = "k", count: int = 100) -> Response:
    """The answer of what needs not wait."""
    return step(lists.answer(key, count, make, "application/json"))


def test_a_list_is_made_once_as_long_as_an_answer_with_it_lives() -> None:
    lists, make = SharedLists(), Maker(LARGE)
    first, second = answer(lists, make), answer(lists, make)
    assert first.body is second.body and make.made == 1
    assert answer(lists, make, "other").body is not first.body
    del first
    assert answer(lists, make).body is second.body and make.made == 2
    del second
    gc.collect()
    answer(lists, make)
    assert make.made == 3


async def test_who_asks_while_it_is_made_waits_for_it() -> None:
    lists, make = SharedLists(), Maker(LARGE)
    make.gate = asyncio.Event()
    asked = [asyncio.ensure_future(lists.answer("k", 100, make, "application/json")) for _ in range(5)]
    await asyncio.sleep(0)
    make.gate.set()
    answers = await asyncio.gather(*asked)
    assert make.made == 1
    assert len({id(each.body) for each in answers}) == 1
    assert not lists._under_way


async def test_when_the_first_fails_another_makes_it() -> None:
    lists, make = SharedLists(), Maker(LARGE)
    make.gate, make.fails = asyncio.Event(), True
    asked = [asyncio.ensure_future(lists.answer("k", 100, make, "application/json")) for _ in range(3)]
    await asyncio.sleep(0)
    make.gate.set()
    first, *others = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, ValueError)
    assert make.made == 2
    assert all(isinstance(each, Response) and len(each.body) == LARGE for each in others)


@pytest.mark.parametrize(("size", "count"), [(GZIP_ABOVE_BYTES, 100), (LARGE, 5)])
def test_small_ones_are_nobody_elses(size: int, count: int) -> None:
    lists, make = SharedLists(), Maker(size)
    first, second = (answer(lists, make, count=count) for _ in range(2))
    assert make.made == 2 and first.shared is second.shared is None


def test_the_compressed_form_is_made_once_too_and_not_taken_for_another_body() -> None:
    lists, make = SharedLists(), Maker(LARGE)
    first, second = answer(lists, make), answer(lists, make)
    assert whole_answer(first, "GET", "gzip")[1] is whole_answer(second, "GET", "gzip")[1]
    changed = bytes(2 * LARGE)
    second.body = changed
    assert whole_answer(second, "GET", "gzip") == whole_answer(Response(body=changed), "GET", "gzip")


@pytest.fixture
def filled(peer: Peer) -> Peer:
    for n in range(40):
        peer.post(CONFIG_MAPS, {"metadata": {"name": f"c{n}", "labels": {"n": str(n % 2)}}, "data": {"k": "x" * 9000}})
    return peer


def test_the_same_question_at_the_same_revision_has_one_body(filled: Peer) -> None:
    first, second = filled.send("GET", CONFIG_MAPS), filled.send("GET", CONFIG_MAPS)
    assert first.body is second.body
    for other in ("?limit=35", "?labelSelector=n", "?fieldSelector=metadata.name!=c1", "?pretty=true"):
        assert filled.send("GET", CONFIG_MAPS + other).body is not first.body
    assert filled.send("GET", "/api/v1/configmaps").body is not first.body
    protobuf = filled.send("GET", CONFIG_MAPS, accept="application/vnd.kubernetes.protobuf")
    assert protobuf.body.startswith(b"k8s\0")
    assert filled.send("GET", CONFIG_MAPS).body is first.body
    filled.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "later"}})
    later = filled.send("GET", CONFIG_MAPS)
    assert later.body is not first.body
    assert b'"resourceVersion":"%d"' % filled.store.index.revision in later.body[:200]


def test_pages_of_one_list_are_told_apart(filled: Peer) -> None:
    token = filled.get(CONFIG_MAPS + "?limit=34")["metadata"]["continue"]
    first = filled.send("GET", CONFIG_MAPS + "?limit=34")
    second = filled.send("GET", f"{CONFIG_MAPS}?limit=34&continue={token}")
    assert first.body is filled.send("GET", CONFIG_MAPS + "?limit=34").body
    assert second.body != first.body
