"""Watches: what each selection sees, in which order, and who is cut off."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from navarch.server.own_writes import API_SERVER
from navarch.server.watch import MAX_BUFFERED_BYTES
from navarch.wire.messages import Request, Response
from tests.server.peer import Peer
from tests.server.sinks import Collected, open_watch

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "data": {"k": "v"}}


def test_an_object_comes_and_goes_with_its_labels(peer: Peer) -> None:
    sink = Collected()
    open_watch(peer, CONFIG_MAPS + "?watch=1&labelSelector=a%3D1", sink)
    peer.post(CONFIG_MAPS, config_map("x", a="2"))
    peer.ok("PUT", CONFIG_MAPS + "/x", config_map("x", a="1"))
    left = peer.ok("PUT", CONFIG_MAPS + "/x", config_map("x"))
    assert sink.seen() == [("ADDED", "x"), ("DELETED", "x")]
    gone = sink.events()[1]["object"]["metadata"]
    assert gone["labels"] == {"a": "1"}, "the last state that matched"
    assert gone["resourceVersion"] == left["metadata"]["resourceVersion"]


def test_a_deletion_carries_its_own_revision(peer: Peer) -> None:
    sink = Collected()
    open_watch(peer, CONFIG_MAPS + "?watch=1", sink)
    made = peer.post(CONFIG_MAPS, config_map("x"))
    peer.ok("DELETE", CONFIG_MAPS + "/x")
    deleted = sink.events()[-1]["object"]["metadata"]["resourceVersion"]
    assert int(deleted) > int(made["metadata"]["resourceVersion"])


def test_pinned_watchers_hear_only_of_their_value(peer: Peer) -> None:
    mine, other, everything = Collected(), Collected(), Collected()
    open_watch(peer, "/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn1", mine)
    open_watch(peer, "/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn2", other)
    open_watch(peer, "/api/v1/pods?watch=1&fieldSelector=spec.nodeName!%3Dn1", everything)
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    peer.post(PODS, pod)
    peer.post(PODS + "/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}})
    assert mine.seen() == [("ADDED", "p")]
    assert other.seen() == []
    assert everything.seen() == [("ADDED", "p"), ("DELETED", "p")]


def test_initial_events_end_with_a_bookmark(peer: Peer) -> None:
    peer.post(CONFIG_MAPS, config_map("x"))
    sink = Collected()
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    open_watch(peer, f"{CONFIG_MAPS}?{query}", sink)
    assert [e["type"] for e in sink.events()][-2:] == ["ADDED", "BOOKMARK"]
    assert sink.events()[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_bookmarks_come_every_minute_and_before_the_end_which_comes_in_time(peer: Peer) -> None:
    sink, none = Collected(), Collected()
    open_watch(peer, CONFIG_MAPS + "?watch=1&allowWatchBookmarks=true&timeoutSeconds=130", sink)
    open_watch(peer, CONFIG_MAPS + "?watch=1&timeoutSeconds=130", none)
    peer.loop.run_until_complete(asyncio.sleep(126))
    assert [e["type"] for e in sink.events()] == ["BOOKMARK"] * 2
    peer.post("/api/v1/namespaces", {"metadata": {"name": "elsewhere"}})
    peer.loop.run_until_complete(asyncio.sleep(3))
    revision = peer.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    assert len(sink.events()) == 3
    assert sink.events()[-1]["object"] == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": revision},
    }
    assert not sink.closed
    peer.loop.run_until_complete(asyncio.sleep(2))
    assert sink.closed and len(sink.events()) == 3
    assert none.closed and not none.data


def test_a_short_watch_hears_of_the_revision_once(peer: Peer) -> None:
    sink = Collected()
    open_watch(peer, CONFIG_MAPS + "?watch=1&allowWatchBookmarks=true&timeoutSeconds=5", sink)
    peer.loop.run_until_complete(asyncio.sleep(10))
    assert [e["type"] for e in sink.events()] == ["BOOKMARK"] and sink.closed


def test_initial_events_of_a_revision_that_is_not_yet_time_out(peer: Peer) -> None:
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    status, message = peer.refused("GET", f"{CONFIG_MAPS}?{query}&resourceVersion=999999")
    assert status == 504
    assert message.startswith("Timeout: Too large resource version: 999999, current: ")


def test_a_watch_over_a_websocket_is_one(peer: Peer) -> None:
    upgrade = {"upgrade": "websocket", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    path, _, query = (CONFIG_MAPS + "?watch=1").partition("?")

    def asked(accept: str) -> Response:
        headers = {"user-agent": "test/1", "accept": accept, **upgrade}
        request = Request("GET", path, query, headers, b"", user=API_SERVER, can_upgrade=True)
        return peer.loop.run_until_complete(peer.server.handle_as(request))

    answer = asked("application/json")
    assert (answer.status, answer.stream) == (101, None)
    assert answer.take_over is not None
    assert asked("application/vnd.kubernetes.protobuf").status == 200, "frames of bytes are no lines"


def test_a_slow_watcher_is_cut_off_and_the_others_go_on(peer: Peer) -> None:
    slow, quick = Collected(stuck=True), Collected()
    open_watch(peer, CONFIG_MAPS + "?watch=1", slow)
    open_watch(peer, CONFIG_MAPS + "?watch=1", quick)
    for number in range(MAX_BUFFERED_BYTES // 1_000_000 + 2):
        peer.post(CONFIG_MAPS, {"metadata": {"name": f"c{number}"}, "data": {"k": "x" * 1_000_000}})
    assert slow.closed
    assert not quick.closed
    assert len(quick.events()) == MAX_BUFFERED_BYTES // 1_000_000 + 2
    assert peer.server.watches.count == 1


def test_a_large_beginning_is_not_held_against_a_watcher(peer: Peer) -> None:
    for number in range(MAX_BUFFERED_BYTES // 1_000_000 + 2):
        peer.post(CONFIG_MAPS, {"metadata": {"name": f"c{number}"}, "data": {"k": "x" * 1_000_000}})
    slow = Collected(stuck=True)
    open_watch(peer, CONFIG_MAPS + "?watch=1", slow)
    peer.post(CONFIG_MAPS, config_map("x"))
    assert not slow.closed
    assert slow.seen()[-1] == ("ADDED", "x")


def test_watchers_of_other_objects_are_not_asked(peer: Peer) -> None:
    paths = [f"{CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3D{name}" for name in "ab"]
    paths += ["/api/v1/namespaces/other/configmaps?watch=1", "/api/v1/configmaps?watch=1", CONFIG_MAPS + "?watch=1"]
    sinks = [Collected() for _ in paths]
    answers = [open_watch(peer, path, sink) for path, sink in zip(paths, sinks, strict=True)]
    peer.post(CONFIG_MAPS, config_map("a"))
    assert [sink.seen() for sink in sinks] == [[("ADDED", "a")], [], [], [("ADDED", "a")], [("ADDED", "a")]]
    assert peer.server.watches.count == len(paths)
    for answer in answers:
        assert answer.stream is not None
        answer.stream.stop()
        answer.stream.stop()
    assert peer.server.watches.count == 0
    peer.ok("DELETE", CONFIG_MAPS + "/a")
    assert not sinks[1].data and len(sinks[0].events()) == 1


def test_all_watchers_see_one_order(peer: Peer) -> None:
    sinks = [Collected() for _ in range(3)]
    for sink in sinks:
        open_watch(peer, CONFIG_MAPS + "?watch=1", sink)
    for name in ("b", "a", "c"):
        peer.post(CONFIG_MAPS, config_map(name))
    peer.ok("DELETE", CONFIG_MAPS + "/a")
    assert len({sink.data for sink in sinks}) == 1


def test_metrics_tell_of_watches(peer: Peer) -> None:
    sink = Collected()
    answer = open_watch(peer, CONFIG_MAPS + "?watch=1", sink)
    peer.post(CONFIG_MAPS, config_map("a"))
    page = peer.server.pages.metrics.render()
    labels = 'component="apiserver",group="",resource="configmaps",scope="namespace",subresource="",verb="WATCH"'
    assert f'apiserver_longrunning_requests{{{labels},version="v1"}} 1\n' in page
    assert 'apiserver_watch_events_total{group="",resource="configmaps",version="v1"} 1\n' in page
    assert answer.stream is not None
    answer.stream.stop()
    assert "apiserver_longrunning_requests{" not in peer.server.pages.metrics.render()


#: (name, what is done to it, label)
STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "patch", "delete"]), st.sampled_from("12")), max_size=25
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=STEPS, after=STEPS, selector=st.sampled_from(["", "&labelSelector=a%3D1", "&labelSelector=a!%3D1"]))
def test_a_list_and_the_watch_after_it_give_the_next_list(peer: Peer, before: Any, after: Any, selector: str) -> None:
    peer.ok("DELETE", CONFIG_MAPS)
    change(peer, before)
    listed = peer.get(f"{CONFIG_MAPS}?x=1{selector}")
    revision = listed["metadata"]["resourceVersion"]
    known = {item["metadata"]["name"]: item["metadata"] for item in listed["items"]}
    change(peer, after)
    sink = Collected()
    open_watch(peer, f"{CONFIG_MAPS}?watch=1&resourceVersion={revision}{selector}", sink)
    for event in sink.events():
        metadata = event["object"]["metadata"]
        assert int(metadata["resourceVersion"]) > int(revision)
        if event["type"] == "DELETED":
            del known[metadata["name"]]
        else:
            assert (event["type"] == "MODIFIED") == (metadata["name"] in known)
            known[metadata["name"]] = metadata
    now = peer.get(f"{CONFIG_MAPS}?x=1{selector}")["items"]
    assert known == {item["metadata"]["name"]: item["metadata"] for item in now}


def change(peer: Peer, steps: list[tuple[str, str, str]]) -> None:
    """Concurrent writers, several requests in flight at a time."""

    async def step(name: str, how: str, label: str) -> None:
        path = f"{CONFIG_MAPS}/{name}"
        if how == "put":
            answer = await peer.ask("PUT", path, config_map(name, a=label))
            if answer.status == 404:
                await peer.ask("POST", CONFIG_MAPS, config_map(name, a=label))
        elif how == "patch":
            body = {"metadata": {"labels": {"a": label}}}
            await peer.ask("PATCH", path, body, media="application/merge-patch+json")
        else:
            await peer.ask("DELETE", path)

    async def everybody() -> None:
        await asyncio.gather(*(step(*each) for each in steps))

    peer.loop.run_until_complete(everybody())


def test_pages_show_one_revision_whatever_is_written_between_them(peer: Peer) -> None:
    for number in range(9):
        peer.post(CONFIG_MAPS, config_map(f"c{number}"))
    names, token, revisions = [], "", set()
    while True:
        page = peer.get(f"{CONFIG_MAPS}?limit=2&continue={token}" if token else f"{CONFIG_MAPS}?limit=2")
        revisions.add(page["metadata"]["resourceVersion"])
        names += [item["metadata"]["name"] for item in page["items"]]
        peer.send("DELETE", f"{CONFIG_MAPS}/c{8 - len(names) // 2}")
        peer.send("POST", CONFIG_MAPS, config_map(f"c{len(names)}x"))
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert names == [f"c{number}" for number in range(9)]
    assert len(revisions) == 1


def test_events_are_json_lines(peer: Peer) -> None:
    sink = Collected()
    open_watch(peer, CONFIG_MAPS + "?watch=1", sink)
    peer.post(CONFIG_MAPS, {"metadata": {"name": "x"}, "data": {"k": "a\nb\u2028"}})
    assert sink.data.endswith(b"\n")
    assert json.loads(sink.data)["object"]["data"] == {"k": "a\nb\u2028"}


def test_whatever_a_watch_selects_by_it_hears_of_that_alone(peer: Peer) -> None:
    """Watches are grouped by what they pin: a name, a field, a label, a namespace, or nothing."""
    peer.post("/api/v1/namespaces", {"metadata": {"name": "other"}})
    queries = {
        "/api/v1/configmaps?watch=1": ["x", "y", "z", "x", "y"],
        "/api/v1/configmaps?watch=1&labelSelector=a": ["x", "y", "x", "y"],
        "/api/v1/configmaps?watch=1&labelSelector=a%3D1": ["x", "x"],
        "/api/v1/configmaps?watch=1&labelSelector=a%3D1,b": [],
        "/api/v1/configmaps?watch=1&labelSelector=a%20in%20(1,2)": ["x", "y", "x", "y"],
        "/api/v1/configmaps?watch=1&fieldSelector=metadata.name%3Dx": ["x", "x"],
        "/api/v1/configmaps?watch=1&fieldSelector=metadata.namespace%3Dother": ["y", "y"],
        f"{CONFIG_MAPS}?watch=1": ["x", "z", "x"],
        f"{CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3Dx&labelSelector=a": ["x", "x"],
        f"{CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3Dy": [],
        f"{CONFIG_MAPS}?watch=1&labelSelector=a%3D2": [],
    }
    sinks = {query: Collected() for query in queries}
    streams = [open_watch(peer, query, sink).stream for query, sink in sinks.items()]
    peer.post(CONFIG_MAPS, config_map("x", a="1"))
    peer.post("/api/v1/namespaces/other/configmaps", config_map("y", a="2"))
    peer.post(CONFIG_MAPS, config_map("z"))
    peer.ok("DELETE", CONFIG_MAPS + "/x")
    peer.ok("DELETE", "/api/v1/namespaces/other/configmaps/y")
    heard = {q: [n for _, n in sink.seen() if n != "kube-root-ca.crt"] for q, sink in sinks.items()}
    assert heard == queries
    for stream in streams:
        assert stream is not None
        stream.stop()
    hub = next(hub for hub in peer.server.watches._hubs.values() if hub.served.bucket == "configmaps")
    assert not hub._broad and not hub._pinned
