"""GET and LIST: revisions, forms of the answer, pages."""

from __future__ import annotations

import json

import pytest

from tests.server.peer import Peer

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


@pytest.fixture
def filled(peer: Peer) -> Peer:
    for name in ("a", "b", "c"):
        peer.post(CONFIG_MAPS, {"metadata": {"name": name}, "data": {"k": name}})
    return peer


def test_a_list_carries_the_revision_of_the_store(filled: Peer) -> None:
    filled.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "later"}})
    listed = filled.get(CONFIG_MAPS)
    assert listed["metadata"]["resourceVersion"] == str(filled.store.index.revision)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a", "b", "c"]
    assert all("kind" not in item for item in listed["items"])


def test_a_list_of_the_past_shows_the_past(filled: Peer) -> None:
    revision = filled.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    filled.ok("DELETE", CONFIG_MAPS + "/b")
    exact = filled.get(f"{CONFIG_MAPS}?resourceVersion={revision}&resourceVersionMatch=Exact")
    assert len(exact["items"]) == 3 and exact["metadata"]["resourceVersion"] == revision
    newer = filled.get(f"{CONFIG_MAPS}?resourceVersion={revision}")
    assert len(newer["items"]) == 2


def test_a_revision_that_is_not_yet_times_out(filled: Peer) -> None:
    answer = filled.send("GET", CONFIG_MAPS + "?resourceVersion=999999")
    status = json.loads(answer.body)
    assert (answer.status, status["reason"]) == (504, "Timeout")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert ("Retry-After", "1") in answer.headers


def test_the_last_page_has_no_token(filled: Peer) -> None:
    first = filled.get(CONFIG_MAPS + "?limit=2")["metadata"]
    assert first["remainingItemCount"] == 1
    last = filled.get(f"{CONFIG_MAPS}?limit=2&continue={first['continue']}")["metadata"]
    assert set(last) == {"resourceVersion"}


def test_forms(filled: Peer) -> None:
    table = filled.get(CONFIG_MAPS, accept=TABLE)
    assert [row["cells"][:2] for row in table["rows"]] == [["a", 1], ["b", 1], ["c", 1]]
    partial = filled.get(CONFIG_MAPS + "/a", accept=PARTIAL)
    assert set(partial) == {"kind", "apiVersion", "metadata"}
    assert filled.get(CONFIG_MAPS, accept=PARTIAL_LIST)["kind"] == "PartialObjectMetadataList"


@pytest.mark.parametrize(
    ("path", "accept", "text"),
    [
        (CONFIG_MAPS, PARTIAL, "you requested PartialObjectMetadata, but the requested object is a list"),
        (CONFIG_MAPS + "/a", PARTIAL_LIST, "you requested PartialObjectMetadataList, but the requested object is not"),
        (CONFIG_MAPS, "text/html", "406: Not Acceptable"),
    ],
)
def test_forms_that_do_not_fit(filled: Peer, path: str, accept: str, text: str) -> None:
    code, message = filled.refused("GET", path, accept=accept)
    assert code == 406 and message.startswith(text)


def test_yaml_reads_back_as_the_same_object(filled: Peer) -> None:
    data = {"n": "y", "t": "2026-01-01", "m": "a\nb\n", "z": "0"}
    filled.post(CONFIG_MAPS, {"metadata": {"name": "odd"}, "data": data})
    answer = filled.send("GET", CONFIG_MAPS + "/odd", accept="application/yaml")
    assert answer.content_type == "application/yaml"
    text = answer.body.decode()
    assert '"n": "y"' in text and 't: "2026-01-01"' in text and 'z: "0"' in text
    copied = filled.send("PUT", CONFIG_MAPS + "/odd", media="application/yaml")
    assert copied.status == 400, "an empty body is no object"


def test_head_is_no_method(filled: Peer) -> None:
    answer = filled.send("HEAD", CONFIG_MAPS + "/a")
    assert (answer.status, answer.body) == (405, b"")
