"""Defaults and creation of every kind, against what a real server stored."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from navarch.api.catalog import KINDS
from navarch.api.kind import Kind
from navarch.schema import facts
from navarch.schema.decode import normalize
from navarch.schema.defaults import apply_defaults
from navarch.schema.types import Tree
from tests.api.corpus import CORPUS, needs_corpus, records

_NOW = "2026-11-20T00:00:00Z"
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
    """The request body as the server would store it: canonical, defaulted, prepared, stamped."""
    kind, tree = kind_of(record), copy.deepcopy(record["request"]["body"])
    node = facts.load().type(kind.type_name)
    recorded = record["response"]["body"]["metadata"]
    tree["metadata"] = {**tree.get("metadata", {}), **{k: recorded[k] for k in ("name", "namespace") if k in recorded}}
    normalize(node, tree)
    apply_defaults(node, tree)
    kind.default(tree)
    tree["metadata"] |= {"uid": "<uid1>", "creationTimestamp": _NOW}
    kind.prepare_create(tree)
    kind.complete(tree)
    if kind.to_stored and kind.from_stored:
        kind.to_stored(tree)
        kind.from_stored(tree)
    normalize(node, tree)
    return tree


def comparable(tree: Tree, kind: Kind) -> str:
    """As JSON, without server-made metadata and without what admission and allocation add."""
    tree = copy.deepcopy(tree)
    tree["metadata"] = {key: tree["metadata"].get(key) for key in ("labels", "annotations")}
    for path in ADDED.get(kind.kind, ()):
        parent, key = path.split(".")
        (tree.get(parent) or {}).pop(key, None)
    if kind.kind == "Pod":
        _drop_token(tree["spec"])
    for port in tree.get("spec", {}).get("ports") or () if kind.kind == "Service" else ():
        port.pop("nodePort", None)
    order = ("kind", "apiVersion")
    ordered = {key: tree[key] for key in order} | {key: value for key, value in tree.items() if key not in order}
    return json.dumps(ordered).replace(_NOW, "<time>")


def _drop_token(spec: Tree) -> None:
    """Remove the service account's volume and its mounts."""
    spec["volumes"] = [volume for volume in spec.get("volumes") or () if not _is_token_volume(volume)]
    for container in [*spec["containers"], *(spec.get("initContainers") or ())]:
        container["volumeMounts"] = [m for m in container.get("volumeMounts") or () if not _is_token_volume(m)]
    for part in [spec, *spec["containers"], *(spec.get("initContainers") or ())]:
        for key in ("volumes", "volumeMounts"):
            if not part.get(key):
                part.pop(key, None)


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
