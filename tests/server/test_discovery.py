"""Discovery against the documents of a real server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from navarch.api.catalog import KINDS
from navarch.base.errors import StatusError
from navarch.schema import protobuf
from navarch.schema.protobuf_encode import encoder
from navarch.schema.protobuf_types import message_type
from navarch.server.discovery import Discovery, version_key
from navarch.wire.messages import Request
from tests.server import recorded

ADDRESS = "192.0.2.1:36443"
DISCOVERY = Discovery(KINDS, ADDRESS, ["/healthz"])
PROTOBUF = "application/vnd.kubernetes.protobuf"
V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def request_of(record: dict[str, Any]) -> Request:
    asked = record["request"]
    return Request("GET", asked["path"], headers={k.lower(): v for k, v in asked.get("headers", {}).items()})


def documents() -> list[dict[str, Any]]:
    if not recorded.ROOT.is_dir():
        return []
    names = sorted(path.stem for path in (recorded.ROOT / "discovery").glob("api*.json"))
    return [recorded.discovery(name) for name in names if "anonymous" not in name]


@recorded.needs_corpus
@pytest.mark.parametrize("record", documents(), ids=lambda r: r["id"])
def test_documents(record: dict[str, Any]) -> None:
    expected = record["response"]
    try:
        answer = DISCOVERY.answer(request_of(record))
    except StatusError as error:
        assert (error.code, error.to_dict()) == (expected["status"], expected["body"])
        return
    assert answer is not None and answer.status == expected["status"]
    assert answer.content_type == expected["headers"]["Content-Type"]
    if isinstance(expected["body"], str):
        assert answer.body.decode() == expected["body"]
    else:
        assert orjson.loads(answer.body) == expected["body"]


def test_aggregated_discovery_is_not_sent_twice() -> None:
    first = DISCOVERY.answer(Request("GET", "/apis", headers={"accept": V2}))
    assert first is not None
    etag = dict(first.headers)["Etag"]
    again = DISCOVERY.answer(Request("GET", "/apis", headers={"accept": V2, "if-none-match": f'"x", {etag}'}))
    assert again is not None and (again.status, again.body) == (304, b"")


def test_custom_kinds_come_after_the_built_in_groups_and_change_the_etag() -> None:
    custom = replace(
        KINDS[0], group="ex.example.com", version="v1beta1", plural="gammas", singular="gamma", kind="Gamma"
    )
    discovery = Discovery(KINDS, ADDRESS)
    before = discovery.answer(Request("GET", "/apis", headers={"accept": V2}))
    discovery.set_kinds([*KINDS, custom, replace(custom, version="v1")])
    after = discovery.answer(Request("GET", "/apis", headers={"accept": V2}))
    assert before is not None and after is not None and dict(before.headers)["Etag"] != dict(after.headers)["Etag"]
    plain = discovery.answer(Request("GET", "/apis/"))
    assert plain is not None
    last = orjson.loads(plain.body)["groups"][-1]
    assert last["name"] == "ex.example.com" and [v["version"] for v in last["versions"]] == ["v1", "v1beta1"]


def test_version_and_root() -> None:
    version = DISCOVERY.answer(Request("GET", "/version/"))
    assert version is not None and orjson.loads(version.body)["gitVersion"].startswith("v1.36.")
    root = DISCOVERY.answer(Request("GET", "/"))
    assert root is not None
    paths = orjson.loads(root.body)["paths"]
    assert paths == sorted(paths) and {"/apis/apps/v1", "/healthz", "/api"} <= set(paths) and "/" not in paths


def test_other_paths_are_not_discovery() -> None:
    assert DISCOVERY.answer(Request("GET", "/healthz/x")) is None
    assert DISCOVERY.answer(Request("GET", "/apis/apps/v1/deployments")) is None


def test_versions_in_order_of_preference() -> None:
    versions = ["v1alpha1", "foo", "v1beta2", "v10", "v1beta10", "v2", "v1"]
    assert sorted(versions, key=version_key) == ["v10", "v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "foo"]


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_aggregated_discovery_in_protobuf_says_the_same(path: str) -> None:
    asked = {"accept": V2}
    plain = DISCOVERY.answer(Request("GET", path, headers=asked))
    asked = {"accept": V2.replace("application/json", PROTOBUF) + ", application/json"}
    found = DISCOVERY.answer(Request("GET", path, headers=asked))
    assert plain is not None and found is not None
    assert found.content_type == f"{PROTOBUF};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert dict(found.headers)["Etag"] == dict(plain.headers)["Etag"]
    node = message_type("apidiscovery.k8s.io/v2", "APIGroupDiscoveryList")
    assert node is not None
    tree, expected = protobuf.decode(found.body, node), orjson.loads(plain.body)
    assert tree["items"][0]["versions"][0]["version"] == expected["items"][0]["versions"][0]["version"]
    assert _without_empty(tree["items"]) == _without_empty(expected["items"])


@pytest.mark.parametrize("path", ["/api", "/apis", "/apis/apps", "/apis/apps/v1", "/api/v1"])
def test_documents_in_protobuf_say_the_same(path: str) -> None:
    plain = DISCOVERY.answer(Request("GET", path))
    found = DISCOVERY.answer(Request("GET", path, headers={"accept": PROTOBUF}))
    assert plain is not None and found is not None and found.content_type == PROTOBUF
    expected = orjson.loads(plain.body)
    node = message_type(expected.get("apiVersion", ""), expected["kind"])
    assert node is not None
    tree = protobuf.decode(found.body, node)
    for resource in tree.get("resources", ()):
        # Go has a message of its own around these.
        (wrapped,) = resource["verbs"]
        resource["verbs"] = [part[1:] for part in wrapped.split("\n")[1:]]
    assert _without_empty(tree) == _without_empty(expected)


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ("", None, {}, [], 0)}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def test_aggregated_discovery_has_the_field_numbers_of_the_published_messages() -> None:
    kind = {"group": "", "version": "", "kind": "K"}
    subresource = {"subresource": "s", "responseKind": kind, "verbs": ["get"]}
    resource = {
        "resource": "ks",
        "responseKind": kind,
        "scope": "Cluster",
        "singularResource": "k",
        "verbs": ["get", "list"],
        "shortNames": ["x"],
        "categories": ["all"],
        "subresources": [subresource],
    }
    version = {"version": "v1", "resources": [resource], "freshness": "Current"}
    node = message_type("apidiscovery.k8s.io/v2", "APIGroupDiscoveryList")
    assert node is not None
    raw = encoder(node)({"metadata": {}, "items": [{"metadata": {}, "versions": [version]}]})
    of_kind = b"\x12\x07\x0a\x00\x12\x00\x1a\x01K"
    of_subresource = b"\x0a\x01s" + of_kind + b"\x22\x03get"
    of_resource = (
        b"\x0a\x02ks" + of_kind + b"\x1a\x07Cluster\x22\x01k\x2a\x03get\x2a\x04list\x32\x01x\x3a\x03all"
        b"\x42" + bytes([len(of_subresource)]) + of_subresource
    )
    of_version = b"\x0a\x02v1\x12" + bytes([len(of_resource)]) + of_resource + b"\x1a\x07Current"
    assert raw.endswith(b"\x12" + bytes([len(of_version)]) + of_version)
