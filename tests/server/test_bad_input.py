"""Bodies and queries that no honest client sends: the right refusal, never a failure of the server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from navarch.server.own_writes import API_SERVER
from navarch.store.contract import StoreReadOnly, StoreUnavailable
from navarch.wire.messages import Request, Response
from tests.server.peer import Peer

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
SCALE = "/apis/apps/v1/namespaces/default/deployments/d/scale"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
YAML = "application/yaml"


def send(peer: Peer, method: str, path: str, raw: bytes = b"", media: str = "application/json") -> Response:
    path, _, query = path.partition("?")
    headers = {"user-agent": "test/1", "accept": "application/json", "content-type": media}
    request = Request(method, path, query, headers, raw, user=API_SERVER)
    answer: Response = peer.loop.run_until_complete(peer.server.handle_as(request))
    return answer


def refused(answer: Response) -> str:
    """The message of a refusal that is the client's fault."""
    assert 400 <= answer.status < 500, answer.body
    status: dict[str, Any] = json.loads(answer.body)
    assert status["kind"] == "Status" and status["code"] == answer.status
    message: str = status["message"]
    return message


@pytest.mark.parametrize(
    ("raw", "media"),
    [
        (b'{"metadata":{"name":"b"},"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "application/json"),
        (b'{"metadata":{"name":"b"},"data":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}", "application/json"),
        (b"[" * 100_000, YAML),
        (b'{"a":' * 900 + b"1" + b"}" * 900, YAML),
        (b"a: &a [x,x]\nb: &b [" + b"*a," * 9000 + b"*a]\nc: [" + b"*b," * 9000 + b"*b]\n", YAML),
    ],
)
def test_nesting_and_aliases(peer: Peer, raw: bytes, media: str) -> None:
    assert send(peer, "POST", CONFIG_MAPS, raw, media).status == 400


def test_a_deep_configuration_is_not_applied(peer: Peer) -> None:
    deep = b'{"kind":"ConfigMap","apiVersion":"v1","x":' + b'{"a":' * 900 + b"1" + b"}" * 901
    assert send(peer, "PATCH", CONFIG_MAPS + "/a?fieldManager=m", deep, APPLY).status == 400


def test_the_deepest_allowed_body_is_handled(peer: Peer) -> None:
    raw = b'{"metadata":{"name":"b"},"x":' + b'{"a":' * 110 + b"1" + b"}" * 110 + b"}"
    assert send(peer, "POST", CONFIG_MAPS, raw).status == 201
    for media in (JSON_PATCH, MERGE_PATCH, STRATEGIC):
        body = b'[{"op":"add","path":"/x","value":' + raw + b"}]" if media == JSON_PATCH else raw
        assert send(peer, "PATCH", CONFIG_MAPS + "/b", body, media).status == 200


@pytest.mark.parametrize(
    "raw", [b'{"data":{"k":"\xff\xfe"}}', b'{"data":{"k":"\\ud800"}}', b"\xff", b"{", b"", b"[]", b"1"]
)
def test_bodies_that_are_no_json_object(peer: Peer, raw: bytes) -> None:
    refused(send(peer, "POST", CONFIG_MAPS, raw))


@pytest.mark.parametrize(
    "field",
    [
        {"metadata": [1]},
        {"metadata": {"labels": [1]}},
        {"metadata": {"labels": {"a": 1}}},
        {"metadata": {"name": "q", "ownerReferences": [1]}},
        {"metadata": {"name": "q", "finalizers": [1]}},
        {"metadata": {"name": "q", "managedFields": [1]}},
        {"metadata": {"name": "q", "generation": 10**30}},
        {"metadata": {"name": "q", "creationTimestamp": "yesterday"}},
        {"data": []},
        {"binaryData": {"a": "%%%"}},
        {"immutable": "yes"},
    ],
)
def test_wrong_types(peer: Peer, field: dict[str, Any]) -> None:
    refused(send(peer, "POST", CONFIG_MAPS, json.dumps({"metadata": {"name": "q"}} | field).encode()))


@pytest.mark.parametrize(
    "spec",
    [
        None,
        5,
        {"containers": {}},
        {"containers": [None]},
        {"containers": [{"name": "c", "image": "i", "ports": [None]}]},
        {"containers": [{"name": "c", "image": "i", "env": [None]}]},
        {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1e999999"}}}]},
        {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "9" * 4000}}}]},
        {"containers": [{"name": "c", "image": "i"}], "volumes": [None]},
        {"containers": [{"name": "c", "image": "i"}], "tolerations": 5},
    ],
)
def test_wrong_types_in_pods(peer: Peer, spec: Any) -> None:
    answer = send(peer, "POST", PODS, json.dumps({"metadata": {"name": "q"}, "spec": spec}).encode())
    assert answer.status < 500, answer.body


@pytest.mark.parametrize("media", [JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY])
@pytest.mark.parametrize(
    "raw",
    [
        b"null",
        b"1",
        b"[1]",
        b"",
        b"{",
        b'[{"op":1}]',
        b'[{"op":"add","path":5,"value":1}]',
        b'[{"op":"replace","path":"","value":1}]',
        b'[{"op":"remove","path":"/metadata"}]',
        b'[{"op":"add","path":"/metadata","value":5}]',
        b'[{"op":"move","from":"/data","path":"/data/x"}]',
        b'{"metadata":5}',
        b'{"kind":"ConfigMap","apiVersion":"v1","metadata":"x"}',
    ],
)
def test_patches_that_fit_nothing(peer: Peer, raw: bytes, media: str) -> None:
    peer.post(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    before = peer.get(CONFIG_MAPS + "/a")
    refused(send(peer, "PATCH", CONFIG_MAPS + "/a?fieldManager=m", raw, media))
    assert peer.get(CONFIG_MAPS + "/a") == before


def test_patches_that_grow_without_bounds(peer: Peer) -> None:
    peer.post(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "v" * 1000}})
    copies = [{"op": "copy", "from": "/data", "path": f"/data/k{n}"} for n in range(40)]
    assert send(peer, "PATCH", CONFIG_MAPS + "/a", json.dumps(copies).encode(), JSON_PATCH).status == 422
    deeper = [{"op": "add", "path": "/data" + "/a" * n, "value": {}} for n in range(1, 2000)]
    refused(send(peer, "PATCH", CONFIG_MAPS + "/a", json.dumps(deeper).encode(), JSON_PATCH))
    many = [{"op": "test", "path": "/data/k", "value": "v"}] * 10_001
    assert send(peer, "PATCH", CONFIG_MAPS + "/a", json.dumps(many).encode(), JSON_PATCH).status == 413


@pytest.mark.parametrize(
    "query",
    [
        "labelSelector=" + "a," * 20_000,
        "labelSelector=((((",
        "labelSelector=a+in+(" + "x" * 100_000 + ")",
        "fieldSelector=" + "spec.x%3Da," * 5_000,
        "limit=x",
        "limit=99999999999999999999",
        "continue=" + "A" * 100_000,
        "continue=%FF",
        "continue=bnVsbA",
        "continue=WzFd",
        "resourceVersion=99999999999999999999999",
        "resourceVersionMatch=Exact",
    ],
)
def test_queries_that_select_nothing(peer: Peer, query: str) -> None:
    refused(send(peer, "GET", f"{CONFIG_MAPS}?{query}"))


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b'{"gracePeriodSeconds":"x"}',
        b'{"preconditions":5}',
        b'{"preconditions":{"uid":5}}',
        b'{"propagationPolicy":5}',
        b'{"dryRun":5}',
        b'{"dryRun":["Some"]}',
        b'{"orphanDependents":"x"}',
    ],
)
def test_delete_options(peer: Peer, raw: bytes) -> None:
    peer.post(CONFIG_MAPS, {"metadata": {"name": "a"}})
    refused(send(peer, "DELETE", CONFIG_MAPS + "/a", raw))
    peer.get(CONFIG_MAPS + "/a")


@pytest.mark.parametrize(
    "raw", [b'{"spec":5}', b'{"spec":{"replicas":"x"}}', b'{"spec":{"replicas":-1}}', b'{"metadata":5}', b"[]"]
)
def test_scales(peer: Peer, raw: bytes) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    peer.post("/apis/apps/v1/namespaces/default/deployments", {"metadata": {"name": "d"}, "spec": spec})
    refused(send(peer, "PUT", SCALE, raw))
    refused(send(peer, "PATCH", SCALE, raw, MERGE_PATCH))


@pytest.mark.parametrize(
    "raw", [b"[]", b'{"metadata":5}', b'{"metadata":{"name":"p"},"target":5}', b'{"target":{"name":5}}']
)
def test_bindings_and_evictions(peer: Peer, raw: bytes) -> None:
    peer.post(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    refused(send(peer, "POST", PODS + "/p/binding", raw))
    if b"target" not in raw:
        refused(send(peer, "POST", PODS + "/p/eviction", raw))


def test_an_object_larger_than_the_store_takes(peer: Peer) -> None:
    args = ["x" * 1_600_000]
    body = {"metadata": {"name": "big"}, "spec": {"containers": [{"name": "c", "image": "i", "args": args}]}}
    answer = send(peer, "POST", PODS, json.dumps(body).encode())
    assert answer.status == 413
    assert peer.send("GET", PODS + "/big").status == 404


@pytest.mark.parametrize("failure", [StoreReadOnly("the disk is full: free some space"), StoreUnavailable("no leader")])
def test_a_store_that_takes_no_writes(peer: Peer, monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    async def refuse(*_args: object, **_options: object) -> None:
        raise failure

    peer.post(CONFIG_MAPS, {"metadata": {"name": "a"}})
    monkeypatch.setattr(peer.store, "put", refuse)
    answer = send(peer, "POST", CONFIG_MAPS, b'{"metadata":{"name":"b"}}')
    assert answer.status == 503
    assert str(failure) in json.loads(answer.body)["message"]
    assert ("Retry-After", "1") in answer.headers
    peer.get(CONFIG_MAPS + "/a")
