"""What holds for every kind and every way of writing: laws of patches and of apply, of lists and watches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from navarch.api.catalog import KINDS
from navarch.api.kind import Kind
from navarch.schema.types import Tree
from tests.server.generated.samples import NAMES, SAMPLES, collection
from tests.server.peer import Peer
from tests.server.sinks import Collected, open_watch
from tests.server.test_protobuf_answers import frames

KINDS_WITH_SAMPLES = [kind for kind in KINDS if kind.bucket in SAMPLES and not kind.stored_as]
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
JSON_PATCH, APPLY = "application/json-patch+json", "application/apply-patch+yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"

#: Kinds whose samples leave out what is defaulted within an atomic list or struct.
DEFAULTED_INSIDE = {
    "endpoints",
    "limitranges",
    "mutatingadmissionpolicies.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "resourceclaims.resource.k8s.io",
    "resourceclaimtemplates.resource.k8s.io",
}

in_a_fixture = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sample(kind: Kind) -> tuple[str, Tree]:
    """An object's path, and its configuration."""
    name = NAMES.get(kind.bucket, "x")
    metadata = {"name": name, "labels": {"label": "value"}}
    head = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
    return f"{collection(kind)}/{name}", head | deepcopy(SAMPLES[kind.bucket])


def leaves(fields: Tree, path: str = "") -> Iterator[str]:
    """The paths that a fieldsV1 tree owns."""
    for key, inner in fields.items():
        if key == "." or not inner:
            yield path + ("" if key == "." else "/" + key)
        if inner and key != ".":
            yield from leaves(inner, f"{path}/{key}")


def owners(tree: Tree) -> dict[str, set[str]]:
    """Paths owned, by manager."""
    entries = tree["metadata"].get("managedFields", [])
    return {entry["manager"]: set(leaves(entry["fieldsV1"])) for entry in entries}


def settled(tree: Tree) -> Tree:
    """The object without what every write may change."""
    tree = deepcopy(tree)
    for name in ("managedFields", "resourceVersion"):
        tree["metadata"].pop(name, None)
    return tree


@pytest.mark.parametrize("kind", KINDS_WITH_SAMPLES, ids=lambda kind: kind.bucket)
def test_writing_what_is_there_changes_nothing(peer: Peer, kind: Kind) -> None:
    path, body = sample(kind)
    peer.post(collection(kind), body)
    made = peer.get(path)
    assert peer.ok("PUT", path, made) == made
    for media, patch in ((MERGE, {}), (STRATEGIC, {}), (JSON_PATCH, []), (MERGE, made), (STRATEGIC, body)):
        assert peer.ok("PATCH", path, patch, media=media) == made, media
    [listed] = [one for one in peer.get(collection(kind))["items"] if one["metadata"]["name"] == path.split("/")[-1]]
    assert {**listed, "kind": kind.kind, "apiVersion": kind.api_version} == made


@pytest.mark.parametrize("kind", KINDS_WITH_SAMPLES, ids=lambda kind: kind.bucket)
def test_apply_is_idempotent_and_shares_what_is_equal(peer: Peer, kind: Kind) -> None:
    path, body = sample(kind)
    peer.ok("PATCH", f"{path}?fieldManager=one", body, media=APPLY)
    once = peer.get(path)
    assert peer.ok("PATCH", f"{path}?fieldManager=one", body, media=APPLY) == once
    assert peer.ok("PATCH", f"{path}?fieldManager=one&force=true", body, media=APPLY) == once
    second = peer.send("PATCH", f"{path}?fieldManager=two", body, media=APPLY)
    if kind.bucket in DEFAULTED_INSIDE:
        assert second.status == 409, "an atomic list with defaults inside is not what was applied"
        return
    both = json.loads(second.body)
    assert settled(both) == settled(once)
    owned = owners(both)
    assert owned.get("one") == owned.get("two") == owners(once).get("one")
    bare = {name: body[name] for name in ("apiVersion", "kind", "metadata")}
    left = peer.ok("PATCH", f"{path}?fieldManager=two", bare, media=APPLY)
    assert settled(left) == settled(once), "one still states it all"
    assert owners(left).get("one") == owned.get("one")


@pytest.mark.parametrize("kind", KINDS_WITH_SAMPLES, ids=lambda kind: kind.bucket)
def test_applying_the_whole_of_what_is_there_changes_no_field(peer: Peer, kind: Kind) -> None:
    path, body = sample(kind)
    peer.post(collection(kind), body)
    made = peer.get(path)
    whole = settled(made)
    for name in ("uid", "creationTimestamp", "generation", "selfLink"):
        whole["metadata"].pop(name, None)
    whole.pop("status", None)
    applied = peer.ok("PATCH", f"{path}?fieldManager=two&force=true", whole, media=APPLY)
    assert settled(applied) == settled(made)
    assert peer.ok("PATCH", f"{path}?fieldManager=two&force=true", whole, media=APPLY) == applied


KEYS = st.sets(st.sampled_from("abcdef"))


@in_a_fixture
@given(mine=KEYS, yours=KEYS, taken=KEYS)
def test_ownership_partitions_the_fields(peer: Peer, mine: set[str], yours: set[str], taken: set[str]) -> None:
    peer.send("DELETE", CONFIG_MAPS + "/c")

    def apply(manager: str, keys: set[str], value: str, *, force: bool = False) -> Tree:
        body: Tree = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
        body |= {"data": dict.fromkeys(keys, value)} if keys else {}
        options = f"?fieldManager={manager}" + ("&force=true" if force else "")
        tree: Tree = peer.ok("PATCH", f"{CONFIG_MAPS}/c{options}", body, media=APPLY)
        return tree

    apply("me", mine, "1")
    tree = apply("you", yours - mine, "2")
    tree = apply("thief", taken, "3", force=True)
    owned = {manager: {p for p in paths if p.startswith("/f:data/")} for manager, paths in owners(tree).items()}
    everything = [path for paths in owned.values() for path in paths]
    assert sorted(everything) == sorted(f"/f:data/f:{key}" for key in mine | yours | taken), "each field has one owner"
    assert owned.get("thief", set()) == {f"/f:data/f:{key}" for key in taken}
    assert owned.get("me", set()) == {f"/f:data/f:{key}" for key in mine - taken}
    assert tree.get("data", {}) == {
        key: "3" if key in taken else "1" if key in mine else "2" for key in mine | yours | taken
    }


DATA = st.dictionaries(st.sampled_from("abc"), st.none() | st.text("ab", max_size=2))


@in_a_fixture
@given(start=DATA, one=DATA, two=DATA)
def test_merge_patches_compose(peer: Peer, start: Tree, one: Tree, two: Tree) -> None:
    """One patch after the other is the patch of both; RFC 7386 and strategic patches agree where no list is."""
    results = []
    for media in (MERGE, STRATEGIC):
        for patches in ((one, two), ({**one, **two},)):
            peer.send("DELETE", CONFIG_MAPS + "/m")
            peer.post(
                CONFIG_MAPS, {"metadata": {"name": "m"}, "data": {k: v for k, v in start.items() if v is not None}}
            )
            for patch in patches:
                tree = peer.ok("PATCH", CONFIG_MAPS + "/m", {"data": patch}, media=media)
            results.append(tree.get("data", {}))
    assert all(result == results[0] for result in results)
    assert results[0] == {key: v for key, v in {**start, **one, **two}.items() if v is not None}


#: (name, how, label)
STEPS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from(["post", "apply", "merge", "json", "delete"]), st.sampled_from("12")
    ),
    max_size=30,
)


@in_a_fixture
@given(steps=STEPS)
def test_watches_of_all_forms_replay_to_the_list(peer: Peer, steps: list[tuple[str, str, str]]) -> None:
    """Writers in flight together; watchers in JSON, protobuf and with a selector, some late, some from the start."""
    peer.ok("DELETE", CONFIG_MAPS)
    start = peer.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    early, message, chosen = Collected(), Collected(), Collected()
    query = f"{CONFIG_MAPS}?watch=1&resourceVersion={start}"
    streams = [
        open_watch(peer, query, early),
        open_watch(peer, query, message, accept=PROTOBUF),
        open_watch(peer, query + "&labelSelector=a%3D1", chosen),
    ]
    half = len(steps) // 2
    write(peer, steps[:half])
    late = Collected()
    streams.append(open_watch(peer, query, late))
    write(peer, steps[half:])
    listed = peer.get(CONFIG_MAPS)["items"]
    state = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in listed}
    as_json = [(event["type"], event["object"]) for event in early.events()]
    assert replayed(as_json) == state
    assert late.data == early.data, "whoever comes late sees the same in the same order"
    assert [(t, o["metadata"]) for t, o in frames(message)] == [(t, o["metadata"]) for t, o in as_json]
    selected = {item["metadata"]["name"] for item in listed if item["metadata"].get("labels", {}).get("a") == "1"}
    assert set(replayed([(event["type"], event["object"]) for event in chosen.events()])) == selected
    for response in streams:
        assert response.stream is not None
        response.stream.stop()


def replayed(events: list[tuple[str, Tree]]) -> dict[str, str]:
    """Name -> revision of what is left."""
    known: dict[str, str] = {}
    last = 0
    for type_, tree in events:
        name, revision = tree["metadata"]["name"], tree["metadata"]["resourceVersion"]
        assert int(revision) > last
        last = int(revision)
        assert (type_ == "ADDED") == (name not in known)
        if type_ == "DELETED":
            del known[name]
        else:
            known[name] = revision
    return known


def write(peer: Peer, steps: list[tuple[str, str, str]]) -> None:
    async def step(name: str, how: str, label: str) -> Any:
        path, labels = f"{CONFIG_MAPS}/{name}", {"a": label}
        body: Any = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}
        match how:
            case "post":
                return await peer.ask("POST", CONFIG_MAPS, body)
            case "apply":
                return await peer.ask("PATCH", f"{path}?fieldManager=m{label}&force=true", body, media=APPLY)
            case "merge":
                return await peer.ask("PATCH", path, {"metadata": {"labels": labels}}, media=MERGE)
            case "json":
                patch = [{"op": "add", "path": "/metadata/labels", "value": labels}]
                return await peer.ask("PATCH", path, patch, media=JSON_PATCH)
            case _:
                return await peer.ask("DELETE", path)

    async def everybody() -> None:
        answers = await asyncio.gather(*(step(*each) for each in steps))
        assert all(answer.status < 500 for answer in answers), [json.loads(a.body) for a in answers]

    peer.loop.run_until_complete(everybody())
