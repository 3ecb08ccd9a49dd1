"""Defaults and creation of every kind, against what a real server stored."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from navarch.api.catalog import KINDS
from navarch.api.kind import Kind
from navarch.base import quantity
from navarch.schema.types import Tree
from tests.api.corpus import CORPUS, needs_corpus, records

BY_TYPE = {(kind.api_version, kind.kind): kind for kind in KINDS}

#: What the server's admission and allocation add, by kind: dotted paths.
ADDED: dict[str, tuple[str, ...]] = {
    "Pod": (
        "spec.priority",
        "spec.preemptionPolicy",
        "spec.tolerations",
        "spec.serviceAccount",
        "spec.serviceAccountName",
    ),
    "Service": (
        "spec.clusterIP",
        "spec.clusterIPs",
        "spec.ipFamilies",
        "spec.ipFamilyPolicy",
        "spec.healthCheckNodePort",
    ),
    "Node": ("spec.taints",),
    "CertificateSigningRequest": ("spec.username", "spec.uid", "spec.groups"),
}


def stored_records() -> list[Any]:
    if not CORPUS.is_dir():
        return []
    wanted = (r for r in records("defaults.jsonl") if kind_of(r).storage_version_hash)
    return [pytest.param(record, id=record["id"]) for record in wanted]


def kind_of(record: dict[str, Any]) -> Kind:
    body = record["request"]["body"]
    return BY_TYPE[body["apiVersion"], body["kind"]]


def created(record: dict[str, Any]) -> Tree:
    """The request body after defaults and preparation, as if the server had stamped it."""
    kind, tree = kind_of(record), copy.deepcopy(record["request"]["body"])
    recorded = record["response"]["body"]["metadata"]
    stamped = {key: recorded[key] for key in ("uid", "creationTimestamp", "namespace", "name") if key in recorded}
    tree["metadata"] = {**tree.get("metadata", {}), **stamped}
    kind.default(tree)
    kind.prepare_create(tree)
    if kind.to_stored and kind.from_stored:
        kind.to_stored(tree)
        kind.from_stored(tree)
    return tree


def comparable(tree: Tree, kind: Kind) -> Any:
    """Without server-made metadata, additions, and values that the printed form leaves to the schema."""
    tree = copy.deepcopy(tree)
    tree["metadata"] = {key: tree["metadata"].get(key) for key in ("labels", "annotations")}
    for path in ADDED.get(kind.kind, ()):
        parent, key = path.split(".")
        (tree.get(parent) or {}).pop(key, None)
    return meaning(tree)


def meaning(value: Any) -> Any:
    if isinstance(value, dict):
        named = {key: meaning(item) for key, item in value.items() if key != "nodePort"}
        return {key: item for key, item in named.items() if item not in (None, {}, [], "", 0, False)}
    if isinstance(value, list):
        return [meaning(item) for item in value if not _is_token_volume(item)]
    if isinstance(value, str):
        try:
            return quantity.canonical(value)
        except quantity.QuantityError:
            return value
    return value


def _is_token_volume(item: Any) -> bool:
    return isinstance(item, dict) and str(item.get("name", "")).startswith("kube-api-access-")


@needs_corpus
@pytest.mark.parametrize("record", stored_records())
def test_created_object_is_the_recorded_one(record: dict[str, Any]) -> None:
    kind = kind_of(record)
    assert comparable(created(record), kind) == comparable(record["response"]["body"], kind)


@needs_corpus
@pytest.mark.parametrize("record", stored_records())
def test_defaults_are_idempotent(record: dict[str, Any]) -> None:
    tree = copy.deepcopy(record["request"]["body"])
    kind = kind_of(record)
    kind.default(tree)
    once = copy.deepcopy(tree)
    kind.default(tree)
    assert tree == once
