"""Reading selections bit by bit: what is found is consistent, and nobody waits for it long."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from navarch.server import selection as selection_module
from navarch.server import slices
from navarch.store import index as index_module
from tests.server.peer import Peer
from tests.server.sinks import Collected, open_watch

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
SELECTORS = ["a%3D1", "a!%3D1", "a", "!a", "a%20in%20(1,3)", "a%3D1,b", "a%20notin%20(1,2)"]


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(slices, "SIZE", 3)
    monkeypatch.setattr(index_module, "FEW_KEYS", 4)
    yield


def config_map(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}}


def fill(peer: Peer) -> None:
    for number in range(40):
        labels = {"a": str(number % 4)} if number % 5 else {}
        peer.post(CONFIG_MAPS, config_map(f"c{number:02}", labels | ({"b": "x"} if number % 3 else {})))


def names(listed: Any) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.sampled_from(SELECTORS), limit=st.sampled_from([0, 2, 30]), pace=st.integers(1, 3))
def test_a_list_shows_one_revision_whatever_is_written_while_it_is_made(
    peer: Peer, chosen: str, limit: int, pace: int
) -> None:
    peer.ok("DELETE", CONFIG_MAPS)
    fill(peer)
    changes = 0

    async def write(under_way: asyncio.Future[Any]) -> None:
        """Something at every few turns of the loop."""
        nonlocal changes
        while not under_way.done():
            for _ in range(pace):
                await asyncio.sleep(0)
            name = f"c{changes * 7 % 40:02}"
            changes += 1
            if changes % 2:
                await peer.ask("DELETE", f"{CONFIG_MAPS}/{name}")
            else:
                await peer.ask("PUT", f"{CONFIG_MAPS}/{name}", config_map(name, {"a": str(changes % 4)}))

    async def read() -> Any:
        listing = asyncio.ensure_future(peer.ask("GET", f"{CONFIG_MAPS}?labelSelector={chosen}&limit={limit}"))
        await write(listing)
        return json.loads(listing.result().body)

    listed = peer.loop.run_until_complete(read())
    revision = listed["metadata"]["resourceVersion"]
    query = f"labelSelector={chosen}&resourceVersion={revision}&resourceVersionMatch=Exact"
    then = peer.get(f"{CONFIG_MAPS}?{query}")
    if limit and "continue" in listed["metadata"]:
        assert names(listed) == names(then)[:limit]
    else:
        assert listed["items"] == then["items"]


def test_pages_of_a_selection_are_the_whole_selection(peer: Peer) -> None:
    fill(peer)
    for chosen in SELECTORS:
        found, token = [], ""
        while page := peer.get(f"{CONFIG_MAPS}?labelSelector={chosen}&limit=2&continue={token}"):
            found += names(page)
            token = page["metadata"].get("continue", "")
            if not token:
                break
        assert found == names(peer.get(f"{CONFIG_MAPS}?labelSelector={chosen}"))


def test_a_page_looks_no_further_than_it_needs(peer: Peer) -> None:
    fill(peer)
    looked = 0
    matches = selection_module.Selection.matches

    def counted(self: Any, entry: Any) -> bool:
        nonlocal looked
        looked += 1
        return matches(self, entry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection_module.Selection, "matches", counted)
        assert len(names(peer.get(f"{CONFIG_MAPS}?labelSelector=c!%3D1&limit=2"))) == 2
    assert looked == 3


def test_a_watch_begins_with_one_state_and_goes_on_from_it(peer: Peer) -> None:
    """Objects that change while the state is read come as they were, and then as they are."""
    fill(peer)
    query = "watch=1&labelSelector=b!%3Dx"
    before = names(peer.get(f"{CONFIG_MAPS}?labelSelector=b!%3Dx"))

    async def interfered() -> Any:
        opening = asyncio.ensure_future(peer.ask("GET", f"{CONFIG_MAPS}?{query}"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not opening.done()
        await peer.ask("DELETE", f"{CONFIG_MAPS}/{before[-1]}")
        await peer.ask("POST", CONFIG_MAPS, config_map("new", {}))
        response = await opening
        response.stream.start(sink)

    sink = Collected()
    peer.loop.run_until_complete(interfered())
    assert sink.seen() == [*[("ADDED", name) for name in before], ("DELETED", before[-1]), ("ADDED", "new")]
    assert open_watch(peer, f"{CONFIG_MAPS}?{query}", Collected()).status == 200


def test_a_watch_goes_on_from_the_past_in_steps_and_misses_nothing(peer: Peer) -> None:
    fill(peer)
    then = int(peer.get(CONFIG_MAPS)["metadata"]["resourceVersion"])
    wanted = [("MODIFIED", f"c{number:02}") for number in range(0, 40, 3)]
    for _, name in wanted:
        peer.ok("PATCH", f"{CONFIG_MAPS}/{name}", {"data": {"k": "v"}}, media="application/merge-patch+json")

    async def interfered() -> Any:
        opening = asyncio.ensure_future(peer.ask("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={then}"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not opening.done()
        await peer.ask("POST", CONFIG_MAPS, config_map("new", {}))
        response = await opening
        await peer.ask("POST", CONFIG_MAPS, config_map("newer", {}))
        response.stream.start(sink)

    sink = Collected()
    peer.loop.run_until_complete(interfered())
    assert sink.seen() == [*wanted, ("ADDED", "new"), ("ADDED", "newer")]


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "application/json;as=Table;g=meta.k8s.io;v=v1",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        "application/vnd.kubernetes.protobuf",
    ],
)
@pytest.mark.parametrize("path", [CONFIG_MAPS, "/api/v1/namespaces/default/events"])
def test_every_form_of_a_list_is_made_in_steps_and_is_the_same_as_in_one(peer: Peer, accept: str, path: str) -> None:
    """Events are put into another order in Tables."""
    for number in range(7):
        if path == CONFIG_MAPS:
            peer.post(path, config_map(f"c{number}", {"n": str(number)}))
        else:
            seen = f"2026-01-01T00:00:0{number * 3 % 7}Z"
            about = {"kind": "Pod", "namespace": "default", "name": "p"}
            event = {"metadata": {"name": f"e{number}"}, "involvedObject": about, "lastTimestamp": seen, "reason": "R"}
            peer.post(path, event)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "FORMS", 2)
        in_steps = peer.send("GET", path, accept=accept)
    whole = peer.send("GET", path, accept=accept)
    assert in_steps.status == 200
    assert in_steps.body == whole.body
