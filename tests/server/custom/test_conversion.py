"""Versions that a webhook converts into one another, through a whole server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from navarch.base.errors import StatusError
from navarch.client.contract import WatchEvent
from navarch.server import conversion
from navarch.server.own_writes import API_SERVER
from navarch.server.watch import WatchStream
from navarch.wire.messages import Request, Response
from tests.server.hooks import PATIENCE_S, Hooked, hooked

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BOATS = "/apis/ex.example.com/{}/namespaces/default/boats"
V1, V2 = BOATS.format("v1"), BOATS.format("v2")
MERGE = {"content_type": "application/merge-patch+json"}

Tree = dict[str, Any]


def convert(tree: Tree, wanted: str) -> Tree:
    """v1 has hostPort, v2 has host and port."""
    if wanted.endswith("/v2"):
        host, _, port = tree.pop("hostPort", "").partition(":")
        return {**tree, "apiVersion": wanted, "host": host, "port": port}
    return {**tree, "apiVersion": wanted, "hostPort": f"{tree.pop('host', '')}:{tree.pop('port', '')}"}


class Converter:
    """The webhook. `spoil` may change its answer."""

    def __init__(self) -> None:
        self.asked: list[Tree] = []
        self.spoil: Callable[[Tree], None] = lambda _: None

    async def answer(self, request: Request) -> Response:
        review = json.loads(request.body)
        asked = review["request"]
        self.asked.append(asked)
        converted = [convert(tree, asked["desiredAPIVersion"]) for tree in asked["objects"]]
        response = {"uid": asked["uid"], "convertedObjects": converted, "result": {"status": "Success"}}
        self.spoil(response)
        return Response(body=json.dumps({**review, "request": None, "response": response}).encode())


@pytest.fixture
def converter() -> Converter:
    return Converter()


@pytest.fixture
async def world(tmp_path: Path, converter: Converter) -> AsyncIterator[Hooked]:
    async with hooked(tmp_path, converter.answer) as world:
        await world.define(definition(world))
        yield world


def version(name: str, storage: bool, *fields: str) -> Tree:
    properties = {field: {"type": "string"} for field in fields}
    schema = {"openAPIV3Schema": {"type": "object", "properties": properties}}
    return {"name": name, "served": True, "storage": storage, "schema": schema}


def versions(storage: str) -> list[Tree]:
    return [version("v1", storage == "v1", "hostPort"), version("v2", storage == "v2", "host", "port")]


def definition(world: Hooked) -> Tree:
    webhook = {"clientConfig": world.service, "conversionReviewVersions": ["v1", "v1beta1"]}
    return {
        "metadata": {"name": "boats.ex.example.com"},
        "spec": {
            "group": "ex.example.com",
            "names": {"plural": "boats", "kind": "Boat"},
            "scope": "Namespaced",
            "versions": versions("v1"),
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }


def boat(name: str = "argo", **fields: Any) -> Tree:
    return {"apiVersion": "ex.example.com/v1", "kind": "Boat", "metadata": {"name": name}, **fields}


def boat2(name: str = "argo", **fields: Any) -> Tree:
    return boat(name, **fields) | {"apiVersion": "ex.example.com/v2"}


async def test_each_version_shows_what_the_webhook_makes(world: Hooked, converter: Converter) -> None:
    made = await world.ok("POST", V1, boat(hostPort="localhost:8080"))
    shown = await world.ok("GET", f"{V2}/argo")
    assert (shown["apiVersion"], shown["host"], shown["port"]) == ("ex.example.com/v2", "localhost", "8080")
    assert shown["metadata"] == made["metadata"]
    assert "hostPort" not in shown
    changed = await world.ok("PATCH", f"{V2}/argo", {"port": "9090"}, **MERGE)
    assert changed["port"] == "9090"
    assert (await world.ok("GET", f"{V1}/argo"))["hostPort"] == "localhost:9090"
    assert converter.asked[0]["desiredAPIVersion"] == "ex.example.com/v2"


async def test_objects_lie_in_the_storage_version(world: Hooked) -> None:
    await world.ok("POST", V2, boat2(host="a", port="1"))
    stored = world.server.store.index.get("boats.ex.example.com/default/argo")
    assert stored is not None
    assert json.loads(stored.value)["hostPort"] == "a:1"


async def test_a_list_of_objects_of_several_stored_versions(world: Hooked, converter: Converter) -> None:
    await world.ok("POST", V1, boat("one", hostPort="a:1"))
    path = f"{CRDS}/boats.ex.example.com"
    crd = await world.ok("PATCH", path, {"spec": {"versions": versions("v2")}}, **MERGE)
    assert crd["status"]["storedVersions"] == ["v1", "v2"]
    await world.ok("POST", V2, boat2("two", host="b", port="2"))
    converter.asked.clear()
    assert [(b["host"], b["port"]) for b in (await world.ok("GET", V2))["items"]] == [("a", "1"), ("b", "2")]
    assert [b["hostPort"] for b in (await world.ok("GET", V1))["items"]] == ["a:1", "b:2"]
    assert len(converter.asked) == 2
    # A write that changes nothing still brings an object into the storage version.
    before = await world.ok("GET", f"{V2}/one")
    after = await world.ok("PATCH", f"{V2}/one", {}, **MERGE)
    assert after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]
    again = await world.ok("PATCH", f"{V2}/one", {}, **MERGE)
    assert again["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


async def test_watches_tell_in_their_version_and_in_order(world: Hooked) -> None:
    await world.ok("POST", V1, boat("early", hostPort="a:1"))
    headers = {"user-agent": "test/1"}
    request = Request("GET", V2, "watch=1", headers, b"", user=API_SERVER)
    response = await world.server.handle_as(request)
    assert isinstance(response.stream, WatchStream)
    heard: list[WatchEvent] = []
    told = asyncio.Event()

    def hear(changes: Sequence[WatchEvent]) -> None:
        heard.extend(changes)
        if len(heard) == 7:
            told.set()

    hear(response.stream.attach(hear, lambda: None))
    for number in range(5):
        await world.ok("POST", V1, boat(f"late-{number}", hostPort=f"h:{number}"))
    await world.ok("DELETE", f"{V1}/early")
    await asyncio.wait_for(told.wait(), PATIENCE_S)
    trees = [json.loads(event.raw) for event in heard]
    assert [event.type for event in heard] == ["ADDED"] * 6 + ["DELETED"]
    assert [tree["port"] for tree in trees] == ["1", "0", "1", "2", "3", "4", "1"]
    assert {tree["apiVersion"] for tree in trees} == {"ex.example.com/v2"}
    response.stream.stop()


async def test_delete_and_apply_in_the_other_version(world: Hooked) -> None:
    applied = boat2(host="x", port="1")
    path = f"{V2}/argo?fieldManager=me"
    made = await world.ok("PATCH", path, applied, content_type="application/apply-patch+yaml")
    assert made["host"] == "x"
    applied["port"] = "2"
    changed = await world.ok("PATCH", path, applied, content_type="application/apply-patch+yaml")
    assert changed["port"] == "2"
    gone = await world.ok("DELETE", f"{V2}/argo")
    assert gone["status"] == "Success"


APPLY = {"content_type": "application/apply-patch+yaml"}


def owners(tree: Tree) -> dict[str, tuple[str, list[str]]]:
    """Manager -> version and fields beside the metadata."""
    return {
        entry["manager"]: (entry["apiVersion"].rpartition("/")[2], sorted(entry["fieldsV1"].keys() - {"f:metadata"}))
        for entry in tree["metadata"]["managedFields"]
    }


async def test_owners_are_judged_in_the_version_in_which_they_wrote(world: Hooked) -> None:
    await world.ok("POST", f"{V1}?fieldManager=one", boat(hostPort="localhost:8080"))
    changed = await world.ok("PATCH", f"{V2}/argo?fieldManager=two", {"port": "9090"}, **MERGE)
    # What the second changed is, as the first sees it, all that the first had.
    assert owners(changed) == {"two": ("v2", ["f:port"])}
    again = await world.ok("PATCH", f"{V1}/argo?fieldManager=three", {"hostPort": "localhost:7070"}, **MERGE)
    assert owners(again) == {"three": ("v1", ["f:hostPort"])}
    kept = await world.ok("PATCH", f"{V2}/argo?fieldManager=two", {"metadata": {"labels": {"a": "b"}}}, **MERGE)
    assert owners(kept) == {"three": ("v1", ["f:hostPort"]), "two": ("v2", [])}


async def test_applies_of_different_versions_conflict_in_the_owners_version(world: Hooked) -> None:
    await world.ok("PATCH", f"{V1}/argo?fieldManager=one", boat(hostPort="localhost:8080"), **APPLY)
    response, status = await world.send("PATCH", f"{V2}/argo?fieldManager=two", boat2(port="9090"), **APPLY)
    assert response.status == 409
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "one": .hostPort'
    forced = await world.ok("PATCH", f"{V2}/argo?fieldManager=two&force=true", boat2(port="9090"), **APPLY)
    assert owners(forced) == {"two": ("v2", ["f:port"])}
    assert (forced["host"], forced["port"]) == ("localhost", "9090")


async def test_fields_that_are_given_up_stay_for_owners_in_other_versions(world: Hooked) -> None:
    await world.ok("PATCH", f"{V2}/argo?fieldManager=one", boat2(host="localhost", port="8080"), **APPLY)
    shared = await world.ok("PATCH", f"{V1}/argo?fieldManager=two", boat(hostPort="localhost:8080"), **APPLY)
    assert owners(shared) == {"one": ("v2", ["f:host", "f:port"]), "two": ("v1", ["f:hostPort"])}
    left = await world.ok("PATCH", f"{V2}/argo?fieldManager=one", boat2(host="localhost"), **APPLY)
    assert left["port"] == "8080"
    await world.ok("PATCH", f"{V1}/argo?fieldManager=two", boat(), **APPLY)
    await world.ok("PATCH", f"{V2}/argo?fieldManager=one", boat2(host="localhost", port="8080"), **APPLY)
    gone = await world.ok("PATCH", f"{V2}/argo?fieldManager=one", boat2(host="localhost"), **APPLY)
    assert gone["port"] == "" and owners(gone) == {"one": ("v2", ["f:host"])}


async def test_owners_of_versions_that_are_gone_go(world: Hooked) -> None:
    await world.ok("POST", f"{V2}?fieldManager=two", boat2(host="localhost", port="8080"))
    await world.ok("PATCH", f"{V1}/argo?fieldManager=one", {"metadata": {"labels": {"a": "b"}}}, **MERGE)
    unserved = versions("v1")
    unserved[1]["served"] = False
    patch = {"spec": {"versions": unserved}}
    await world.ok("PATCH", f"{CRDS}/boats.ex.example.com", patch, **MERGE)
    kept = await world.ok("PATCH", f"{V1}/argo?fieldManager=one", {"metadata": {"labels": {"a": "c"}}}, **MERGE)
    assert owners(kept) == {"one": ("v1", []), "two": ("v2", ["f:host", "f:port"])}
    patch = {"spec": {"versions": unserved[:1], "conversion": {"strategy": "None", "webhook": None}}}
    await world.ok("PATCH", f"{CRDS}/boats.ex.example.com", patch, **MERGE)
    left = await world.ok("PATCH", f"{V1}/argo?fieldManager=one", {"metadata": {"labels": {"a": "d"}}}, **MERGE)
    assert owners(left) == {"one": ("v1", [])}


def _fail(response: Tree) -> None:
    response["result"] = {"status": "Failed", "message": "no such luck"}


def _short(response: Tree) -> None:
    response["convertedObjects"] = []


def _renamed(response: Tree) -> None:
    response["convertedObjects"][0]["metadata"]["name"] = "other"


def _other_version(response: Tree) -> None:
    response["convertedObjects"][0]["apiVersion"] = "ex.example.com/v3"


def _mislabelled(response: Tree) -> None:
    response["convertedObjects"][0]["metadata"]["labels"] = {"a": "not valid!"}


SUBJECT = "conversion webhook for ex.example.com/v1, Kind=Boat"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_fail, f"{SUBJECT} failed: no such luck"),
        (_short, f"{SUBJECT} returned 0 objects, expected 1"),
        (
            _renamed,
            f"{SUBJECT} returned invalid metadata in object at index 0: must have the same name: argo != other",
        ),
        (
            _other_version,
            f"{SUBJECT} returned invalid converted object at index 0: invalid groupVersion "
            "(expected ex.example.com/v2, received ex.example.com/v3)",
        ),
    ],
)
async def test_what_the_webhook_gets_wrong(
    world: Hooked, converter: Converter, spoil: Callable[[Tree], None], message: str
) -> None:
    await world.ok("POST", V1, boat(hostPort="a:1"))
    converter.spoil = spoil
    response, found = await world.send("GET", f"{V2}/argo")
    assert (response.status, found["message"]) == (500, message)
    assert (await world.ok("GET", f"{V1}/argo"))["hostPort"] == "a:1"


async def test_labels_may_change_and_must_be_valid(world: Hooked, converter: Converter) -> None:
    await world.ok("POST", V1, boat(hostPort="a:1"))
    converter.spoil = _mislabelled
    _, found = await world.send("GET", f"{V2}/argo")
    assert "returned invalid metadata in object at index 0: metadata.labels: Invalid value" in found["message"]

    def labelled(response: Tree) -> None:
        response["convertedObjects"][0]["metadata"] |= {"labels": {"a": "b"}, "resourceVersion": "7", "generation": 9}

    converter.spoil = labelled
    shown = (await world.ok("GET", f"{V2}/argo"))["metadata"]
    assert (shown["labels"], shown["generation"]) == ({"a": "b"}, 1)


async def test_a_webhook_that_is_gone_ends_watches_and_fails_writes(world: Hooked, converter: Converter) -> None:
    converter.spoil = _fail
    response, found = await world.send("POST", V2, boat2(host="a", port="1"))
    assert (response.status, found["message"]) == (
        500,
        "conversion webhook for ex.example.com/v2, Kind=Boat failed: no such luck",
    )
    request = Request("GET", V2, "watch=1", {"user-agent": "test/1"}, b"", user=API_SERVER)
    opened = await world.server.handle_as(request)
    assert isinstance(opened.stream, WatchStream)
    ended = asyncio.Event()
    assert opened.stream.attach(lambda _: None, ended.set) == []
    await world.ok("POST", V1, boat(hostPort="a:1"))
    await asyncio.wait_for(ended.wait(), PATIENCE_S)
    # The definition's objects can be deleted without it.
    await world.ok("DELETE", f"{CRDS}/boats.ex.example.com")


ANSWERS: Sequence[tuple[Tree | str, str]] = [
    ("[", "couldn't get version/kind; json parse error: "),
    ({"kind": "X", "apiVersion": "y"}, "expected webhook response of a/v1, Kind=ConversionReview, got y, Kind=X"),
    ({}, "no response provided"),
    ({"response": {"uid": "2"}}, 'expected response.uid="1", got "2"'),
    ({"response": {"uid": "1"}}, "response.result.status was '', not 'Success'"),
    ({"response": {"uid": "1", "result": "Success"}}, "response.result.status was '', not 'Success'"),
    (
        {"response": {"uid": "1", "result": {"status": "Success"}, "convertedObjects": 3}},
        "response.convertedObjects is no list",
    ),
]


@pytest.mark.parametrize(("answer", "message"), ANSWERS)
def test_answers_that_are_none(answer: Tree | str, message: str) -> None:
    head = {"kind": "ConversionReview", "apiVersion": "a/v1"}
    body = answer if isinstance(answer, str) else json.dumps({**head, **answer})
    with pytest.raises(conversion.UnreadableError) as raised:
        conversion.read_review(body.encode(), "a/v1", "1")
    assert str(raised.value).startswith(message)


def test_metadata_must_be_there() -> None:
    before = {"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n"}}
    with pytest.raises(StatusError) as raised:
        conversion.accept([before], [{"apiVersion": "g/v2", "kind": "K"}], "g/v2")
    assert raised.value.message.endswith("at index 0: missing metadata in converted object")
