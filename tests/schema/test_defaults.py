"""Constant defaults of the fact tables."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from navarch.schema import facts
from navarch.schema.decode import normalize
from navarch.schema.defaults import apply_defaults
from navarch.schema.types import INT32, STRING, Field, List, Map, Struct
from tests.schema.corpus import needs_corpus, records

FACTS = facts.load()


def test_ports_of_a_pod_are_tcp() -> None:
    pod: dict[str, Any] = {"spec": {"containers": [{"ports": [{"containerPort": 80}, {"protocol": "UDP"}]}]}}
    apply_defaults(FACTS.type("io.k8s.api.core.v1.Pod"), pod)
    assert pod == {"spec": {"containers": [{"ports": [{"containerPort": 80, "protocol": "TCP"}, {"protocol": "UDP"}]}]}}


def test_structured_defaults_are_not_shared() -> None:
    inner = Struct("Inner", {"labels": Field(Map(STRING), default={"a": "b"}), "zero": Field(INT32, default=0)})
    outer = Struct("Outer", {"items": Field(List(inner)), "byName": Field(Map(inner))})
    tree: dict[str, Any] = {"items": [{}, {}], "byName": {"x": {}}}
    apply_defaults(outer, tree)
    assert tree == {"items": [{"labels": {"a": "b"}}] * 2, "byName": {"x": {"labels": {"a": "b"}}}}
    assert tree["items"][0]["labels"] is not tree["items"][1]["labels"]


@needs_corpus
@pytest.mark.parametrize("file", ["defaults.jsonl", "updates.jsonl", "dualstack.jsonl"])
def test_stored_objects_are_a_fixed_point(file: str) -> None:
    seen = 0
    for record in records(file):
        answer = record["response"].get("body")
        if record["response"]["status"] not in (200, 201) or not isinstance(answer, dict):
            continue
        name = FACTS.type_name(answer["apiVersion"], answer["kind"])
        if name is None or answer["kind"].endswith("List"):
            continue
        raw = orjson.dumps(answer)
        normalize(FACTS.type(name), answer)
        apply_defaults(FACTS.type(name), answer)
        assert orjson.dumps(answer).decode() == raw.decode(), record["id"]
        seen += 1
    assert seen > 30
