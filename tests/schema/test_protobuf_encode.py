"""Trees as protobuf: what we write comes back, Google's library reads it, and Go's bytes are met."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet

from navarch.api.catalog import KINDS
from navarch.schema import protobuf
from navarch.schema.decode import normalize
from navarch.schema.facts import load
from navarch.schema.protobuf_encode import encode, encode_list, encoder, envelope, watch_event
from navarch.schema.protobuf_types import message_type
from navarch.schema.types import Struct, Tree
from tests.schema.objects import random_object
from tests.schema.protobuf_peer import Peer, fill

KIND_NAMES = sorted({(kind.type_name, kind.kind, kind.api_version) for kind in KINDS})
SEEDS = range(12)


@cache
def peer() -> Peer:
    return Peer(*(load().type(name) for name, _, _ in KIND_NAMES))


def decoded(raw: bytes, node: Struct) -> Tree:
    tree = protobuf.decode(raw, node)
    normalize(node, tree)
    return tree


@pytest.mark.parametrize(("type_name", "kind", "api_version"), KIND_NAMES)
def test_every_kind_comes_back_as_it_was(type_name: str, kind: str, api_version: str) -> None:
    node = load().type(type_name)
    for seed in SEEDS:
        tree = random_object(Random(seed), node, kind, api_version)
        assert decoded(encode(tree, node), node) == tree


@pytest.mark.parametrize(("type_name", "kind", "api_version"), KIND_NAMES)
def test_another_implementation_reads_and_writes_the_same(type_name: str, kind: str, api_version: str) -> None:
    node = load().type(type_name)
    for seed in SEEDS:
        tree = random_object(Random(seed), node)
        theirs = peer().message(node)
        theirs.ParseFromString(encoder(node)(tree))
        assert len(UnknownFieldSet(theirs)) == 0
        expected = peer().message(node)
        fill(expected, node, tree)
        again = decoded(envelope(api_version, kind, expected.SerializeToString()), node)
        assert again == {"kind": kind, "apiVersion": api_version} | tree
        assert decoded(envelope(api_version, kind, theirs.SerializeToString(deterministic=True)), node) == again


@pytest.mark.parametrize(("type_name", "kind", "api_version"), KIND_NAMES)
def test_fields_and_entries_are_in_order(type_name: str, kind: str, api_version: str) -> None:
    node = load().type(type_name)
    for seed in SEEDS:
        raw = encoder(node)(random_object(Random(seed), node))
        theirs = peer().message(node)
        theirs.ParseFromString(raw)
        # Google's writer goes by number too, so equal bytes mean equal order (maps are repeated entries here).
        assert theirs.SerializeToString(deterministic=True) == raw


def test_the_bytes_of_go() -> None:
    """A ConfigMap as Go's generated code writes it: every plain field, pointers and maps only where given."""
    tree = {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "a", "creationTimestamp": "1970-01-01T00:00:05Z", "labels": {"b": "1", "a": ""}},
        "data": {"k": "v"},
        "immutable": False,
    }
    metadata = (
        b"\x0a\x01a\x12\x00\x1a\x00\x22\x00\x2a\x00\x32\x00\x38\x00\x42\x04\x08\x05\x10\x00"
        b"\x5a\x05\x0a\x01a\x12\x00\x5a\x06\x0a\x01b\x12\x011"
    )
    message = b"\x0a" + bytes([len(metadata)]) + metadata + b"\x12\x06\x0a\x01k\x12\x01v" + b"\x20\x00"
    head = b"k8s\x00\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12"
    assert encode(tree, load().type("io.k8s.api.core.v1.ConfigMap")) == (
        head + bytes([len(message)]) + message + b"\x1a\x00\x22\x00"
    )


RECORDED = [json.loads(line) for line in Path(__file__).with_name("recorded_protobuf.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("record", RECORDED, ids=lambda record: record["command"])
def test_bodies_that_kubectl_sent(record: dict[str, str]) -> None:
    """What kubectl v1.33 wrote for a command: read, brought into canonical form and written, it is the same bytes."""
    node = message_type(record["apiVersion"], record["kind"])
    assert node is not None
    raw = bytes.fromhex(record["hex"])
    tree = protobuf.decode(raw, node)
    head = {name: tree.pop(name) for name in ("kind", "apiVersion")}
    assert head == {name: record[name] for name in head}
    normalize(node, tree)
    assert encode(head | tree, node) == raw


def test_an_empty_object_that_a_pointer_holds_is_there() -> None:
    node = load().type("io.k8s.api.core.v1.Volume")
    # VolumeSource (2) holds emptyDir (2), whose medium is an empty text.
    assert encoder(node)({"name": "v", "emptyDir": {}}) == b"\x0a\x01v\x12\x04\x12\x02\x0a\x00"


def test_numbers_and_texts_share_a_type() -> None:
    node = load().type("io.k8s.api.core.v1.TCPSocketAction")
    assert encoder(node)({"port": 80}) == b"\x0a\x06\x08\x00\x10\x50\x1a\x00\x12\x00"
    assert encoder(node)({"port": "http"}) == b"\x0a\x0a\x08\x01\x10\x00\x1a\x04http\x12\x00"


def test_a_list_is_what_its_message_says() -> None:
    node = load().type("io.k8s.api.core.v1.ConfigMap")
    items = [{"metadata": {"name": name}, "data": {"k": "v"}} for name in "ab"]
    metadata = {"resourceVersion": "7", "continue": "c", "remainingItemCount": 3}
    raw = encode_list("ConfigMapList", "v1", metadata, map(encoder(node), items))
    listed = protobuf.decode(raw, load().type("io.k8s.api.core.v1.ConfigMapList"))
    assert listed["kind"] == "ConfigMapList"
    assert {k: v for k, v in listed["metadata"].items() if v} == metadata
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a", "b"]
    whole = {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items}
    assert encode(whole, load().type("io.k8s.api.core.v1.ConfigMapList")) == raw


def test_a_frame_of_a_watch() -> None:
    frame = watch_event("ADDED", b"body")
    assert frame == b"\x00\x00\x00\x0f\x0a\x05ADDED\x12\x06\x0a\x04body"


def test_what_is_not_there_costs_nothing() -> None:
    """Client-chosen sets of keys fill memory up to a bound, and everything is still written."""
    node = load().type("io.k8s.api.core.v1.ObjectMeta".replace("api.core.v1", "apimachinery.pkg.apis.meta.v1"))
    rng = Random(5)
    for _ in range(3000):
        names = rng.sample(("name", "namespace", "generateName", "uid", "resourceVersion", "selfLink"), 6)
        tree = {name: name for name in names[: rng.randrange(7)]}
        assert len(encoder(node)(tree)) == 16 + sum(len(name) for name in tree)
