from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from navarch.api.views.core import ConfigMap
from navarch.base.resource import ObjectKey, Resource
from navarch.client.contract import PatchType, WatchEvent
from navarch.client.informer import Informer
from tests.fakes.api import FakeApi
from tests.fakes.seeded import seeded
from tests.fakes.virtual import run

CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", True)


@pytest.fixture(autouse=True, params=["lists", "streams"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An informer lists and then watches, or begins with one watch that has both: nobody sees a difference."""
    monkeypatch.setattr(FakeApi, "streams_lists", request.param == "streams")


def config_map(name: str, **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def by_color(view: ConfigMap) -> tuple[str, ...]:
    return (view.data["color"],) if "color" in view.data else ()


class Watched:
    """An informer running against a fake server, with what its handler heard."""

    def __init__(self, max_delay_s: float = 0.0) -> None:
        self.seams = seeded(1)
        self.api = FakeApi(self.seams, max_delay_s)
        self.informer = Informer(self.api, CONFIGMAPS, ConfigMap, indexes={"color": by_color}, rng=self.seams.rng)
        self.heard: list[tuple[str, str]] = []
        self.informer.on_change(self._note)

    def _note(self, key: ObjectKey, old: ConfigMap | None, new: ConfigMap | None) -> None:
        what = "added" if old is None else "deleted" if new is None else "changed"
        self.heard.append((what, key.name))

    async def create(self, name: str, **data: str) -> None:
        await self.api.create(CONFIGMAPS, config_map(name, **data), "default")


def names(informer: Informer[ConfigMap]) -> list[str]:
    return sorted(v.metadata.name for v in informer.cache.values())


async def _with_informer(watched: Watched, body: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(watched.informer.run())
    try:
        await watched.informer.synced.wait()
        await body
    finally:
        task.cancel()


def test_lists_then_follows_changes_and_keeps_indexes() -> None:
    async def main() -> None:
        w = Watched()
        await w.create("a", color="red")

        async def body() -> None:
            await w.create("b", color="red")
            await w.api.patch(CONFIGMAPS, "a", {"data": {"color": "blue"}}, PatchType.MERGE, "default")
            await asyncio.sleep(1)
            assert [v.metadata.name for v in w.informer.cache.by_index("color", "red")] == ["b"]
            assert [v.metadata.name for v in w.informer.cache.by_index("color", "blue")] == ["a"]
            await w.api.delete(CONFIGMAPS, "b", "default")
            await asyncio.sleep(1)
            assert names(w.informer) == ["a"]
            assert list(w.informer.cache.by_index("color", "red")) == []
            assert w.informer.cache.revision == w.api.revision
            assert w.heard == [("added", "a"), ("added", "b"), ("changed", "a"), ("deleted", "b")]

        await _with_informer(w, body())

    run(main())


def test_relists_after_the_server_was_away_and_reports_the_differences() -> None:
    async def main() -> None:
        w = Watched()
        await w.create("stays")
        await w.create("goes")

        async def body() -> None:
            w.api.down = True
            w.api.changed.set()
            await asyncio.sleep(100)
            w.api.down = False
            await w.api.delete(CONFIGMAPS, "goes", "default")
            await w.create("comes")
            w.api.oldest = w.api.revision
            await asyncio.sleep(100)
            assert names(w.informer) == ["comes", "stays"]
            assert w.heard[2:] == [("added", "comes"), ("deleted", "goes")]

        await _with_informer(w, body())

    run(main())


def test_an_object_made_again_while_away_is_deleted_and_added() -> None:
    async def main() -> None:
        w = Watched()
        await w.create("a")

        async def body() -> None:
            w.api.down = True
            w.api.changed.set()
            await asyncio.sleep(1)
            w.api.down = False
            await w.api.delete(CONFIGMAPS, "a", "default")
            await w.create("a")
            w.api.oldest = w.api.revision
            await asyncio.sleep(100)
            assert w.heard == [("added", "a"), ("deleted", "a"), ("added", "a")]

        await _with_informer(w, body())

    run(main())


def test_pages_and_late_handlers() -> None:
    async def main() -> None:
        w = Watched()
        for i in range(2500):
            await w.create(f"c{i}")

        async def body() -> None:
            assert len(w.informer.cache) == 2500
            late: list[str] = []
            w.informer.on_change(lambda key, old, new: late.append(key.name))
            assert len(late) == 2500

        await _with_informer(w, body())

    run(main())


def test_a_view_is_decoded_once_per_event() -> None:
    w = Watched()
    event = WatchEvent("ADDED", b'{"metadata":{"name":"a","resourceVersion":"5"}}', 5)
    w.informer._take([event])
    other = Informer(w.api, CONFIGMAPS, ConfigMap)
    other._take([event])
    assert other.cache.get(ObjectKey("", "a")) is w.informer.cache.get(ObjectKey("", "a"))


@pytest.mark.parametrize("seed", range(5))
def test_follows_through_a_slow_link(seed: int) -> None:
    async def main() -> None:
        w = Watched(max_delay_s=5.0)
        rng = seeded(seed).rng

        async def body() -> None:
            for _ in range(200):
                name = f"c{rng.below(10)}"
                if w.api.tree(CONFIGMAPS, name) is None:
                    await w.create(name)
                else:
                    await w.api.delete(CONFIGMAPS, name, "default")
                await asyncio.sleep(rng.uniform(0, 1))
            await asyncio.sleep(20)
            assert names(w.informer) == sorted(t["metadata"]["name"] for t in w.api.trees(CONFIGMAPS))

        await _with_informer(w, body())

    run(main())


def test_null_counts_as_absent() -> None:
    from navarch.api.views.base import decode
    from navarch.api.views.discovery import EndpointSlice

    view = decode(EndpointSlice, b'{"metadata":{"name":"a","labels":null},"endpoints":null,"ports":null}')
    assert (view.endpoints, view.ports, view.metadata.labels) == ((), (), {})


def test_an_unreadable_object_is_left_out() -> None:
    w = Watched()
    good = b'{"metadata":{"name":"a","resourceVersion":"6"}}'
    w.informer._take([WatchEvent("ADDED", b'{"metadata":{"name":7}}', 5), WatchEvent("ADDED", good, 6)])
    assert names(w.informer) == ["a"]
    assert w.informer.cache.revision == 6
