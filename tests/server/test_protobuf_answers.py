"""Answers in protobuf: each verb says the same as in JSON, for clients that ask for it."""

from __future__ import annotations

import json
from typing import Any

from navarch.schema import protobuf
from navarch.schema.decode import normalize
from navarch.schema.protobuf_encode import encode
from navarch.schema.protobuf_types import message_type
from navarch.schema.types import Struct, Tree
from navarch.wire.messages import Response
from tests.server.custom.test_definitions import BOATS, CRDS, boat, crd
from tests.server.peer import Peer
from tests.server.sinks import Collected, open_watch

PROTOBUF = "application/vnd.kubernetes.protobuf"
CLIENT_GO = f"{PROTOBUF},application/json"
PARTIAL = "as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
SECRETS = "/api/v1/namespaces/default/secrets"
PODS = "/api/v1/namespaces/default/pods"
SECRET = {"metadata": {"name": "s", "labels": {"b": "1", "a": "2"}}, "data": {"k": "AAEC/w==", "a": ""}}
POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def read(body: bytes) -> Tree:
    """The canonical tree of a body; its type is what the envelope says."""
    head = protobuf.decode(body, _ANYTHING)
    node = message_type(head.get("apiVersion", ""), head["kind"])
    assert node is not None
    tree = protobuf.decode(body, node)
    if "items" in node.fields:
        return tree
    named = {name: tree.pop(name) for name in ("kind", "apiVersion") if name in tree}
    normalize(node, tree)
    return named | tree


#: A type of no fields reads the envelope alone.
_ANYTHING = Struct("anything")


def answered(response: Response, status: int = 200) -> Tree:
    assert (response.status, response.content_type) == (status, PROTOBUF), response.body
    return read(response.body)


def test_every_verb_answers_what_it_answers_in_json(peer: Peer) -> None:
    created = answered(peer.send("POST", SECRETS, SECRET, accept=CLIENT_GO), 201)
    assert created == peer.get(SECRETS + "/s")
    assert answered(peer.send("GET", SECRETS + "/s", accept=PROTOBUF)) == created
    put = peer.send("PUT", SECRETS + "/s", SECRET | {"data": {"x": "eA=="}}, accept=PROTOBUF)
    assert answered(put) == peer.get(SECRETS + "/s")
    patch = peer.send("PATCH", SECRETS + "/s", {"data": None}, media="application/merge-patch+json", accept=PROTOBUF)
    assert answered(patch) == peer.get(SECRETS + "/s")
    gone = answered(peer.send("DELETE", SECRETS + "/s", accept=PROTOBUF))
    assert (gone["kind"], gone["status"], gone["details"]["name"]) == ("Status", "Success", "s")


def test_the_bytes_are_those_of_the_stored_object(peer: Peer) -> None:
    tree = peer.post(PODS, POD)
    node = message_type("v1", "Pod")
    assert node is not None
    assert peer.send("GET", PODS + "/p", accept=CLIENT_GO).body == encode(tree, node)


def test_each_version_of_an_object_has_a_message_of_its_own(peer: Peer) -> None:
    for value in ("eA==", "eQ==", "eg=="):
        method, path = ("POST", SECRETS) if value == "eA==" else ("PUT", SECRETS + "/s")
        peer.ok(method, path, SECRET | {"data": {"k": value}})
        for _ in range(2):
            one = answered(peer.send("GET", SECRETS + "/s", accept=PROTOBUF))
            [listed] = answered(peer.send("GET", SECRETS, accept=PROTOBUF))["items"]
            assert one["data"] == listed["data"] == {"k": value}
            assert one["metadata"]["resourceVersion"] == listed["metadata"]["resourceVersion"]


def test_lists_and_pages(peer: Peer) -> None:
    for name in "abc":
        peer.post(SECRETS, SECRET | {"metadata": {"name": name}})
    listed = answered(peer.send("GET", SECRETS + "?limit=2", accept=CLIENT_GO))
    plain = peer.get(SECRETS + "?limit=2")
    assert listed["kind"] == "SecretList"
    assert {name: value for name, value in listed["metadata"].items() if value} == plain["metadata"]
    assert [item["data"] for item in listed["items"]] == [item["data"] for item in plain["items"]]
    empty = answered(peer.send("GET", PODS, accept=PROTOBUF))
    assert (empty["kind"], empty.get("items")) == ("PodList", None)
    deleted = answered(peer.send("DELETE", SECRETS, accept=PROTOBUF))
    assert [item["metadata"]["name"] for item in deleted["items"]] == ["a", "b", "c"]


def test_errors_and_subresources(peer: Peer) -> None:
    missing = answered(peer.send("GET", SECRETS + "/none", accept=CLIENT_GO), 404)
    assert (missing["kind"], missing["reason"], missing["details"]["name"]) == ("Status", "NotFound", "none")
    invalid = answered(peer.send("POST", PODS, {"metadata": {"name": "p"}}, accept=PROTOBUF), 422)
    assert invalid["details"]["causes"][0]["field"] == "spec.containers"
    peer.post("/apis/apps/v1/namespaces/default/deployments", deployment())
    scale = answered(peer.send("GET", "/apis/apps/v1/namespaces/default/deployments/d/scale", accept=PROTOBUF))
    assert (scale["kind"], scale["apiVersion"], scale["spec"]["replicas"]) == ("Scale", "autoscaling/v1", 2)


def deployment() -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": POD["spec"]}
    spec = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"metadata": {"name": "d"}, "spec": spec}


def test_metadata_alone(peer: Peer) -> None:
    made = peer.post(PODS, POD)["metadata"]
    one = answered(peer.send("GET", PODS + "/p", accept=f"{PROTOBUF};{PARTIAL},application/json;{PARTIAL}"))
    assert one == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made}
    many = answered(peer.send("GET", PODS, accept=f"{PROTOBUF};{PARTIAL.replace('Metadata', 'MetadataList')}"))
    assert many["kind"] == "PartialObjectMetadataList"
    assert [item["metadata"]["uid"] for item in many["items"]] == [made["uid"]]


def test_tables_are_json(peer: Peer) -> None:
    peer.post(PODS, POD)
    table = "as=Table;v=v1;g=meta.k8s.io"
    response = peer.send("GET", PODS, accept=f"{PROTOBUF};{table},application/json;{table},application/json")
    assert json.loads(response.body)["kind"] == "Table"


def test_who_accepts_no_answer_changes_nothing(peer: Peer) -> None:
    assert peer.refused("POST", SECRETS, SECRET, accept="text/html")[0] == 406
    peer.refused("GET", SECRETS + "/s")


def test_custom_resources_have_no_protobuf(peer: Peer) -> None:
    peer.post(CRDS, crd())
    made = peer.post(BOATS, boat())
    assert peer.get(BOATS + "/argo", accept=CLIENT_GO) == made
    assert peer.get(BOATS, accept=f"{PROTOBUF},*/*")["kind"] == "BoatList"
    refused = peer.send("GET", BOATS + "/argo", accept=PROTOBUF)
    assert answered(refused, 406)["reason"] == "NotAcceptable"
    partial = answered(peer.send("GET", BOATS + "/argo", accept=f"{PROTOBUF};{PARTIAL}"))
    assert partial["metadata"] == made["metadata"]
    code, message = peer.refused("POST", BOATS, boat("x"), media=PROTOBUF)
    assert code == 400 and message.startswith('Boat in version "v1" cannot be handled as a Boat: object *unstructured')
    sink = Collected()
    open_watch(peer, BOATS + "?watch=1", sink, accept=f"{PROTOBUF};{PARTIAL}")
    peer.post(BOATS, boat("nina"))
    assert [(type_, tree["kind"]) for type_, tree in frames(sink)] == [("ADDED", "PartialObjectMetadata")] * 2


def frames(sink: Collected) -> list[tuple[str, Tree]]:
    """The events of a protobuf watch, cut by their lengths."""
    events, raw = [], sink.data
    while raw:
        size = int.from_bytes(raw[:4], "big")
        fields = dict(protobuf._fields(raw, 4, 4 + size))
        inner = dict(protobuf._fields(fields[2], 0, len(fields[2])))
        events.append((fields[1].decode(), read(inner[1])))
        raw = raw[4 + size :]
    return events


def test_watches_are_frames(peer: Peer) -> None:
    one, two = Collected(), Collected()
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    peer.post(SECRETS, SECRET)
    response = open_watch(peer, f"{SECRETS}?{query}", one, accept=CLIENT_GO)
    open_watch(peer, f"{SECRETS}?{query}", two, accept="application/json")
    assert response.content_type == f"{PROTOBUF};stream=watch"
    peer.ok("PUT", SECRETS + "/s", SECRET | {"data": {}})
    peer.ok("DELETE", SECRETS + "/s")
    seen = frames(one)
    assert [type_ for type_, _ in seen] == ["ADDED", "BOOKMARK", "MODIFIED", "DELETED"]
    bookmark = dict(seen[1][1])
    assert bookmark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    of_json = [(event["type"], event["object"]) for event in two.events()]
    assert [e for e in seen if e[0] != "BOOKMARK"] == [e for e in of_json if e[0] != "BOOKMARK"]


def test_a_watch_of_what_is_gone_ends_in_a_status(peer: Peer) -> None:
    start = peer.get(SECRETS)["metadata"]["resourceVersion"]
    peer.post(SECRETS, SECRET)
    peer.loop.run_until_complete(peer.store.compact(peer.store.index.revision))
    sink = Collected()
    open_watch(peer, f"{SECRETS}?watch=1&resourceVersion={start}", sink, accept=PROTOBUF)
    [(type_, status)] = frames(sink)
    assert (type_, status["kind"], status["code"], status["reason"]) == ("ERROR", "Status", 410, "Expired")
    assert sink.closed


def test_a_bucket_in_two_versions_tells_each_watcher_its_own(peer: Peer) -> None:
    core, events = Collected(), Collected()
    open_watch(peer, "/api/v1/namespaces/default/events?watch=1", core)
    open_watch(peer, "/apis/events.k8s.io/v1/namespaces/default/events?watch=1", events)
    involved = {"kind": "Pod", "name": "p", "namespace": "default"}
    peer.post("/api/v1/namespaces/default/events", {"metadata": {"name": "e"}, "involvedObject": involved})
    assert core.events()[0]["object"]["apiVersion"] == "v1"
    assert events.events()[0]["object"]["apiVersion"] == "events.k8s.io/v1"


def test_discovery(peer: Peer) -> None:
    groups = answered(peer.send("GET", "/apis", accept=CLIENT_GO))
    plain = peer.get("/apis")
    assert [group["name"] for group in groups["groups"]] == [group["name"] for group in plain["groups"]]
    assert answered(peer.send("GET", "/api", accept=PROTOBUF))["versions"] == ["v1"]
    raw = peer.send("GET", "/apis/apps/v1", accept=PROTOBUF).body
    # Verbs are a message of their own: 4 holds items (1).
    assert b"\x22" + bytes([len(b"\x0a\x03get")]) not in raw
    assert b"\x0a\x03get\x0a\x04list" in raw


def test_watching_yaml_is_refused(peer: Peer) -> None:
    response = peer.send("GET", SECRETS + "?watch=1", accept="application/yaml, application/json;q=0.5")
    assert response.status == 406
    assert b"application/json;stream=watch" in response.body
