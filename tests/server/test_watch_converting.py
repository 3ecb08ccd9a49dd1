"""Watches in a version that a webhook converts to: what they tell while it takes its time, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import count, islice

import orjson
import pytest

from navarch.schema.types import Tree
from navarch.seams.sim import SimSeams, sim_seams
from navarch.server.admission.webhook_call import CallError
from navarch.server.conversion import Conversion
from navarch.server.custom import served_of, storage_of
from navarch.server.negotiate import Format
from navarch.server.served import Served
from navarch.server.watch import Watches, WatchStream
from navarch.store.memory import MemoryStore
from tests.server.sinks import Collected

WATCH_LIST = {
    "sendInitialEvents": ["true"],
    "resourceVersionMatch": ["NotOlderThan"],
    "allowWatchBookmarks": ["true"],
}


def version(name: str) -> Tree:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": schema}}


NAMES = {"plural": "boats", "kind": "Boat"}
CRD: Tree = {
    "metadata": {"name": "boats.g"},
    "spec": {"group": "g", "names": NAMES, "scope": "Namespaced", "versions": [version("v1"), version("v2")]},
    "status": {"acceptedNames": NAMES},
}


class World:
    """A store with boats in v1, watched in v2. The webhook answers while `gate` is open; `before_answer` may
    do something first."""

    def __init__(self, seams: SimSeams) -> None:
        self.loop = seams.loop
        self.store = MemoryStore()
        self.watches = Watches(self.store, seams.clock, seams.rng)
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[list[str]] = []
        self.fails = False
        self.before_answer: Callable[[], Awaitable[object]] = _nothing
        uids = map(str, count())
        conversion = Conversion({"clientConfig": {}}, storage_of(CRD), self._convert, lambda: next(uids))
        served = {each.kind.version: each for each in served_of(CRD, conversion)}
        self.served: Served = served["v2"]

    async def _convert(self, config: Tree, body: bytes, timeout_s: int) -> bytes:
        review = orjson.loads(body)
        asked = review["request"]
        self.asked.append([tree["metadata"]["name"] for tree in asked["objects"]])
        await self.gate.wait()
        if self.fails:
            raise CallError("no such luck")
        await self.before_answer()
        converted = [{**tree, "apiVersion": asked["desiredAPIVersion"]} for tree in asked["objects"]]
        response = {"uid": asked["uid"], "convertedObjects": converted, "result": {"status": "Success"}}
        return orjson.dumps({**review, "response": response})

    async def put(self, name: str) -> int:
        """Write a boat; its revision."""
        key = self.served.key("default", name)
        current = self.store.index.get(key)
        metadata = {"name": name, "namespace": "default", "resourceVersion": ""}
        document = orjson.dumps({"apiVersion": "g/v1", "kind": "Boat", "metadata": metadata})
        return (await self.store.put(key, document, current.revision if current else 0)).revision

    def write(self, name: str) -> int:
        return self.loop.run_until_complete(self.put(name))

    def opened(self, **query: list[str]) -> WatchStream:
        response = self.loop.run_until_complete(self.watches.open(self.served, "", query, Format()))
        assert isinstance(response.stream, WatchStream)
        return response.stream

    def start(self, stream: WatchStream) -> Collected:
        sink = Collected()
        self.loop.call_soon(stream.start, sink)
        self.loop.run_until_idle()
        return sink

    def watch(self, **query: list[str]) -> Collected:
        """Open and start at once, as a connection does. Until nothing is ready any more."""
        sink = Collected()

        async def begin() -> None:
            response = await self.watches.open(self.served, "", query, Format())
            assert response.stream is not None
            response.stream.start(sink)

        self.loop.run_until_complete(begin())
        self.loop.run_until_idle()
        return sink


async def _nothing() -> None:
    pass


@pytest.fixture
def world() -> Iterator[World]:
    seams = sim_seams()
    asyncio.set_event_loop(seams.loop)
    world = World(seams)
    yield world
    world.watches.close()
    world.loop.run_until_idle()
    world.loop.close()


def test_no_bookmark_is_ahead_of_events_that_wait_for_the_converter(world: World) -> None:
    sink = world.watch(allowWatchBookmarks=["true"])
    world.gate.clear()
    revision = world.write("argo")
    world.loop.advance(130)
    assert sink.events() == []
    world.gate.set()
    world.loop.advance(60)
    assert [event["type"] for event in sink.events()] == ["ADDED", "BOOKMARK"]
    assert {event["object"]["metadata"]["resourceVersion"] for event in sink.events()} == {str(revision)}


@pytest.mark.parametrize("resumed", [False, True])
def test_what_is_written_while_the_beginning_is_converted_is_converted_too(world: World, resumed: bool) -> None:
    world.write("old")
    first = world.write("early")
    late = iter(["late", "later"])

    async def write_more() -> None:
        for name in islice(late, 1):
            await world.put(name)

    world.before_answer = write_more
    query = {"resourceVersion": [str(first - 1)]} if resumed else WATCH_LIST
    sink = world.watch(**query)
    names = ["early", "late", "later"]
    if resumed:
        assert sink.seen() == [("ADDED", name) for name in names]
    else:
        assert sink.seen() == [*[("ADDED", name) for name in ["early", "old", "late", "later"]], ("BOOKMARK", "")]
    assert [name for names in world.asked for name in names][-2:] == ["late", "later"]
    assert {event["object"]["apiVersion"] for event in sink.events()} == {"g/v2"}


def test_an_object_that_is_written_without_end_does_not_hold_a_watch_up_for_ever(world: World) -> None:
    world.write("busy")
    world.before_answer = lambda: world.put("busy") if len(world.asked) < 100 else _nothing()
    world.opened(**WATCH_LIST)
    assert len(world.asked) < 100


def test_a_watch_that_begins_at_what_is_no_longer_served_ends_at_once(world: World) -> None:
    world.write("argo")
    over_the_wire, within, while_asked = world.opened(), world.opened(), asyncio.Event()
    world.watches.forget(world.served)
    sink = world.start(over_the_wire)
    assert sink.closed and not sink.data
    assert within.attach(lambda _: None, while_asked.set) == []
    assert while_asked.is_set()
    assert world.watches.count == 0


def test_a_resource_that_goes_while_a_beginning_is_converted_ends_the_watch(world: World) -> None:
    world.write("argo")

    async def change_definition() -> None:
        world.watches.forget(world.served)

    world.before_answer = change_definition
    sink = world.watch(**WATCH_LIST)
    assert sink.closed and not sink.data


def test_a_converter_that_fails_ends_watches_without_an_error_and_says_why_to_who_comes_again(world: World) -> None:
    sink = world.watch()
    world.gate.clear()
    revision = world.write("argo")
    world.loop.run_until_idle()
    world.fails = True
    world.gate.set()
    world.loop.run_until_idle()
    assert sink.closed and not sink.data
    with pytest.raises(Exception, match="no such luck"):
        world.opened(resourceVersion=[str(revision - 1)])
    world.fails = False
    assert world.watch(resourceVersion=[str(revision - 1)]).seen() == [("ADDED", "argo")]
