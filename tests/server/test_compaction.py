"""Regular compaction, and what clients of forgotten history see."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from navarch.server.compaction import INTERVAL_S, compact_regularly
from tests.server.peer import Peer
from tests.server.sinks import Collected, open_watch

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def compact_twice(peer: Peer) -> None:
    """Let two intervals pass."""
    task = peer.loop.create_task(compact_regularly(peer.store))
    peer.loop.run_until_complete(asyncio.sleep(2 * INTERVAL_S + 1))
    task.cancel()
    with suppress(asyncio.CancelledError):
        peer.loop.run_until_complete(task)


def fill(peer: Peer, count: int) -> None:
    for number in range(count):
        peer.post(CONFIG_MAPS, {"metadata": {"name": f"c{number}"}})


def test_what_is_younger_than_one_interval_is_kept(peer: Peer) -> None:
    fill(peer, 3)
    token = peer.get(CONFIG_MAPS + "?limit=1")["metadata"]["continue"]
    task = peer.loop.create_task(compact_regularly(peer.store))
    peer.loop.run_until_complete(asyncio.sleep(INTERVAL_S - 1))
    assert peer.get(f"{CONFIG_MAPS}?limit=1&continue={token}")["items"][0]["metadata"]["name"] == "c1"
    task.cancel()


def test_an_old_token_is_expired_and_goes_on_inconsistently(peer: Peer) -> None:
    fill(peer, 3)
    token = peer.get(CONFIG_MAPS + "?limit=1")["metadata"]["continue"]
    peer.post(CONFIG_MAPS, {"metadata": {"name": "c1-later"}})
    compact_twice(peer)
    answer = peer.send("GET", f"{CONFIG_MAPS}?limit=1&continue={token}")
    status = json.loads(answer.body)
    assert (answer.status, status["reason"]) == (410, "Expired")
    rest = peer.get(f"{CONFIG_MAPS}?continue={status['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c1", "c1-later", "c2"]
    assert rest["metadata"]["resourceVersion"] == str(peer.store.index.revision)


def test_an_exact_list_of_the_past_is_expired(peer: Peer) -> None:
    old = peer.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    fill(peer, 2)
    compact_twice(peer)
    status, text = peer.refused("GET", f"{CONFIG_MAPS}?resourceVersion={old}&resourceVersionMatch=Exact")
    assert (status, text) == (410, "The resourceVersion for the provided list is too old.")


def test_a_watch_from_the_past_gets_one_error(peer: Peer) -> None:
    old = peer.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    fill(peer, 2)
    compact_twice(peer)
    sink = Collected()
    open_watch(peer, f"{CONFIG_MAPS}?watch=1&resourceVersion={old}", sink)
    (event,) = sink.events()
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert sink.closed
