"""Bodies made to cost much: what they cost grows with their size, not with its square, and answers stay bounded.

Cost is counted in calls of Python functions, which depends on nothing but the request.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from navarch.base.field import MAX_SHOWN
from navarch.server.own_writes import API_SERVER
from navarch.wire.messages import Request, Response
from tests.server.peer import Peer

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
JSON, YAML = "application/json", "application/yaml"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"


def send(peer: Peer, method: str, path: str, raw: bytes = b"", media: str = JSON, **headers: str) -> Response:
    path, _, query = path.partition("?")
    named = {"user-agent": "test/1", "accept": JSON, "content-type": media} | headers
    request = Request(method, path, query, named, raw, user=API_SERVER)
    answer: Response = peer.loop.run_until_complete(peer.server.handle_as(request))
    return answer


def calls(ask: Callable[[], Response]) -> int:
    """How many functions an exchange calls, Python's and C's."""
    counted = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        answer = ask()
    finally:
        sys.setprofile(None)
    assert answer.status < 500
    return counted


def items(form: str, count: int) -> str:
    """The form again and again, `#` being the number of each."""
    return ",".join(form.replace("#", str(n)) for n in range(count))


_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_POD = '{"metadata":{"name":"x"},"spec":{"containers":[{"name":"c","image":"i",$}]}}'
_HOOKS = '{"metadata":{"name":"x"},"webhooks":[@]}'
_POLICY = '{"metadata":{"name":"x"},"spec":{"validations":[@]}}'
_DEFINITION = (
    '{"metadata":{"name":"xs.b.c"},"spec":{"group":"b.c","scope":"Cluster",'
    '"names":{"plural":"xs","singular":"x","kind":"X","listKind":"XList"},"versions":[@]}}'
)
_VERSION = '{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{@}}}}'
_KEYED = {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}}
_WIDE: dict[str, Any] = {
    "s": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "integer"}},
    "m": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        "items": _KEYED,
    },
}

#: Method, path, media type, and a body around many of the same, which stand for `@`.
HOSTILE: dict[str, tuple[str, str, str, str, str]] = {
    "containers": ("POST", PODS, JSON, '{"metadata":{"name":"x"},"spec":{"containers":[@]}}', "{}"),
    "labels": ("POST", CONFIG_MAPS, JSON, '{"metadata":{"name":"x","labels":{@}}}', '"_#":"/"'),
    "unknown fields": ("POST", CONFIG_MAPS, JSON, '{"metadata":{"name":"x"},@}', '"f#":0'),
    "repeated keys": ("POST", CONFIG_MAPS, JSON, '{"metadata":{"name":"x"},"data":{@}}', '"a":""'),
    "owners": ("POST", CONFIG_MAPS, JSON, '{"metadata":{"name":"x","ownerReferences":[@]}}', "{}"),
    "variables": ("POST", PODS, JSON, _POD.replace("$", '"env":[@]'), "{}"),
    "ports": ("POST", PODS, JSON, _POD.replace("$", '"ports":[@]'), "{}"),
    "managed fields": ("POST", CONFIG_MAPS, JSON, '{"metadata":{"name":"x","managedFields":[@]}}', "{}"),
    "webhooks": ("POST", f"{_ADMISSION}/validatingwebhookconfigurations", JSON, _HOOKS, "{}"),
    "policies": ("POST", f"{_ADMISSION}/validatingadmissionpolicies", JSON, _POLICY, '{"expression":"a.b"}'),
    "versions": ("POST", _DEFINITIONS, JSON, _DEFINITION, "{}"),
    "schemas": ("POST", _DEFINITIONS, JSON, _DEFINITION.replace("@", _VERSION), '"#":{}'),
    "sets": (
        "POST",
        "/apis/b.c/v1/as",
        JSON,
        '{"apiVersion":"b.c/v1","kind":"A","metadata":{"name":"a"},"s":[@]}',
        "#",
    ),
    "maps": (
        "POST",
        "/apis/b.c/v1/as",
        JSON,
        '{"apiVersion":"b.c/v1","kind":"A","metadata":{"name":"a"},"m":[@]}',
        '{"k":"#"}',
    ),
    "yaml": ("POST", CONFIG_MAPS, YAML, "{metadata: {name: x}, data: {@}}", "k#: v"),
    "merge patch": ("PATCH", CONFIG_MAPS + "/a", MERGE, '{"data":{@}}', '"#":""'),
    "lists merged": ("PATCH", PODS + "/a", STRATEGIC, '{"spec":{"containers":[@]}}', '{"name":"#"}'),
    "lists deleted from": (
        "PATCH",
        PODS + "/a",
        STRATEGIC,
        '{"spec":{"containers":[@]}}',
        '{"name":"#","$patch":"delete"}',
    ),
    "lists ordered": (
        "PATCH",
        PODS + "/a",
        STRATEGIC,
        '{"spec":{"$setElementOrder/containers":[@]}}',
        '{"name":"#"}',
    ),
    "finalizers": ("PATCH", CONFIG_MAPS + "/a", STRATEGIC, '{"metadata":{"finalizers":[@]}}', '"example.com/#"'),
    "operations": ("PATCH", CONFIG_MAPS + "/a", JSON_PATCH, "[@]", '{"op":"add","path":"/data/#","value":""}'),
    "apply": (
        "PATCH",
        CONFIG_MAPS + "/b?fieldManager=m",
        APPLY,
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"},"data":{@}}',
        '"#":""',
    ),
}


def definition() -> dict[str, Any]:
    """Custom resources with a set and a map."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": _WIDE}},
    }
    names = {"plural": "as", "singular": "a", "kind": "A", "listKind": "AList"}
    spec = {"group": "b.c", "scope": "Cluster", "names": names, "versions": [version]}
    return {"metadata": {"name": "as.b.c"}, "spec": spec}


@pytest.mark.parametrize("attack", HOSTILE)
def test_cost_grows_with_size(attack: str) -> None:
    method, path, media, around, form = HOSTILE[attack]
    costs = []
    for count in (500, 2000):
        peer = Peer()
        try:
            peer.post(CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
            peer.post(PODS, {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
            peer.post(_DEFINITIONS, definition())
            raw = around.replace("@", items(form, count)).encode()
            costs.append(calls(partial(send, peer, method, path, raw, media)))
        finally:
            peer.close()
    assert costs[1] < 6 * costs[0], costs


@pytest.mark.parametrize(
    ("around", "form"),
    [("labelSelector=a+in+(@)", "v#"), ("labelSelector=@", "a!=#"), ("fieldSelector=@", "metadata.name!=#")],
)
def test_selectors_cost_what_their_length_is(peer: Peer, around: str, form: str) -> None:
    queries = [around.replace("@", items(form, count)) for count in (500, 2000)]
    costs = [calls(partial(send, peer, "GET", f"{CONFIG_MAPS}?{query}")) for query in queries]
    assert costs[1] < 6 * costs[0], costs


def test_mistakes_beyond_count_are_counted(peer: Peer) -> None:
    labels = items('"_#":"v"', 3 * MAX_SHOWN)
    answer = send(peer, "POST", CONFIG_MAPS, f'{{"metadata":{{"name":"x","labels":{{{labels}}}}}}}'.encode())
    status = json.loads(answer.body)
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert len(status["details"]["causes"]) == MAX_SHOWN
    assert status["message"].endswith(f"and {2 * MAX_SHOWN} more]")


@pytest.mark.parametrize("value", ["9" * 100_000, "0." + "0" * 100_000 + "1", "1e5000", "1e-5000", "1e" + "9" * 5000])
def test_quantities_of_many_digits(peer: Peer, value: str) -> None:
    container = {"name": "c", "image": "i", "resources": {"limits": {"cpu": value}}}
    answer = peer.send("POST", PODS, {"metadata": {"name": "q"}, "spec": {"containers": [container]}})
    if value.endswith("9" * 5000) and "e" in value:
        assert answer.status == 400 and b"unable to parse quantity's suffix" in answer.body
        return
    limits = json.loads(answer.body)["spec"]["containers"][0]["resources"]["limits"]
    assert limits["cpu"] in ("9223372036854775807", "1n", "1e-9", "9223372036854775807e0")


def test_objects_that_no_store_takes(peer: Peer) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    deployment = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    made = peer.post(DEPLOYMENTS, deployment)
    template["spec"] = {"containers": [{"name": "c", "image": "i", "args": ["x" * 1_600_000]}]}
    for media in (MERGE, STRATEGIC, APPLY):
        body = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment}
        sent = send(peer, "PATCH", f"{DEPLOYMENTS}/d?fieldManager=test", json.dumps(body).encode(), media)
        status = json.loads(sent.body)
        assert (status["code"], status["reason"]) == (413, "RequestEntityTooLarge")
        assert status["message"] == "etcdserver: request is too large"
    assert peer.get(DEPLOYMENTS + "/d") == made


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "application/cbor", "bogus"])
def test_bodies_of_other_types(peer: Peer, media: str) -> None:
    accepted = f"{JSON}, {YAML}, {PROTOBUF}"
    status = json.loads(send(peer, "POST", CONFIG_MAPS, b'{"metadata":{"name":"x"}}', media).body)
    assert (status["code"], status["reason"]) == (415, "UnsupportedMediaType")
    expected = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    assert status["message"] == expected
    peer.post(CONFIG_MAPS, {"metadata": {"name": "a"}})
    patched = json.loads(send(peer, "PATCH", CONFIG_MAPS + "/a", b"{}", media).body)
    accepted = ", ".join((JSON_PATCH, MERGE, STRATEGIC, APPLY))
    assert (patched["code"], patched["message"]) == (415, f"{expected.partition(': ')[0]}: {accepted}")


def test_headers_that_nobody_keeps(peer: Peer) -> None:
    accept = ",".join(f"text/x{n};q=0.{n % 9}" for n in range(20_000)) + f",{JSON}"
    assert send(peer, "GET", CONFIG_MAPS, accept=accept).status == 406
    assert send(peer, "GET", CONFIG_MAPS, accept=JSON + ";" * 100_000).status == 200
    assert send(peer, "GET", CONFIG_MAPS, **{"user-agent": "x" * 100_000}).status == 200


@pytest.mark.parametrize("path", [CONFIG_MAPS + "/\x00", CONFIG_MAPS + "/a\udcff", CONFIG_MAPS + "/" + "x" * 500_000])
def test_names_that_nothing_has(peer: Peer, path: str) -> None:
    if "\udcff" in path:
        path = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    for method in ("GET", "DELETE"):
        status = json.loads(send(peer, method, path).body)
        assert (status["code"], status["reason"]) == (404, "NotFound")
    assert send(peer, "PUT", path, b'{"metadata":{"name":"x"}}').status == 400


def test_nul_bytes_and_lone_surrogates_in_bodies(peer: Peer) -> None:
    made = peer.post(CONFIG_MAPS, {"metadata": {"name": "n"}, "data": {"k": "a\x00b"}})
    assert made["data"] == {"k": "a\x00b"}
    assert peer.refused("POST", CONFIG_MAPS, {"metadata": {"name": "a\x00b"}})[0] == 422
    assert send(peer, "POST", CONFIG_MAPS, b'{"metadata":{"name":"s"},"data":{"k":"\\ud800"}}').status < 500
    assert send(peer, "POST", CONFIG_MAPS, b"\x00" * 1000).status == 400
    assert send(peer, "POST", CONFIG_MAPS, b"\x00" * 1000, YAML).status == 400
    assert send(peer, "POST", CONFIG_MAPS, b"k8s\x00" + b"\xff" * 1000, PROTOBUF).status == 400
