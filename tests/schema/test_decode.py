"""Decoding of request bodies, in the words and forms of the recorded server."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import orjson
import pytest

from navarch.base import yaml
from navarch.base.errors import StatusError
from navarch.schema import facts
from navarch.schema.decode import Decoded, decode_object, decode_patched, normalize, plain_json, stated, stored
from tests.schema.corpus import api_version, body, needs_corpus, records

FACTS = facts.load()
JSON = "application/json"
_REFUSED = re.compile(r"cannot be handled as a (\w+): (?!strict)|must be of type (\w+)\): couldn't")
_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')

#: Refused for reasons beyond the schema: a conversion reads an annotation.
_NOT_OURS = {"inv/ds-min/put-empty:metadata.annotations.deprecated.daemonset.template.generation"}


def decode(raw: bytes, version: str = "v1", kind: str = "ConfigMap", content_type: str = JSON) -> Decoded:
    name = FACTS.type_name(version, kind)
    assert name is not None
    return decode_object(raw, content_type, FACTS.type(name), kind, version)


def content_type(request: dict[str, Any]) -> str:
    return str(request.get("headers", {}).get("Content-Type", JSON))


@needs_corpus
def test_refused_bodies() -> None:
    seen = 0
    for record in records("invalid.jsonl.gz"):
        request, answer = record["request"], record["response"].get("body")
        message = answer.get("message", "") if isinstance(answer, dict) else ""
        match = _REFUSED.search(message)
        if match is None or request["method"] not in ("POST", "PUT") or record["id"] in _NOT_OURS:
            continue
        with pytest.raises(StatusError) as error:
            decode(body(request), api_version(request["path"]), match[1] or match[2], content_type(request))
        assert error.value.message == message, record["id"]
        assert error.value.code == 400
        seen += 1
    assert seen > 300


@needs_corpus
@pytest.mark.parametrize("file", ["defaults.jsonl", "invalid.jsonl.gz", "accepted_mutations.jsonl"])
def test_accepted_bodies_and_their_warnings(file: str) -> None:
    seen = 0
    for record in records(file):
        request, response = record["request"], record["response"]
        kind = request.get("body", {}).get("kind") if isinstance(request.get("body"), dict) else record["kind"]
        if response["status"] not in (200, 201) or request["method"] != "POST" or "fieldValidation" in request["path"]:
            continue
        version = api_version(request["path"])
        if FACTS.type_name(version, kind or record["kind"]) is None or "apply" in content_type(request):
            continue
        if request["path"].rsplit("/", 1)[-1] in ("binding", "eviction", "token", "status"):
            continue
        decoded = decode(body(request), version, kind or record["kind"], content_type(request))
        warnings = [
            re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(response.get("headers", {}).get("Warning", ""))
        ]
        strict = [w for w in warnings if w.startswith(("unknown field", "duplicate field", "line "))]
        assert decoded.strict_errors == strict, record["id"]
        seen += 1
    assert seen > 10


@needs_corpus
@pytest.mark.parametrize("file", ["defaults.jsonl", "updates.jsonl", "ssa.jsonl", "dualstack.jsonl"])
def test_answers_are_already_canonical(file: str) -> None:
    """Byte for byte: nothing dropped or added, fields and keys in the server's order."""
    seen = 0
    for record in records(file):
        answer = record["response"].get("body")
        if record["response"]["status"] not in (200, 201) or not isinstance(answer, dict):
            continue
        name = FACTS.type_name(answer["apiVersion"], answer["kind"])
        if name is None or answer["kind"].endswith("List"):
            continue
        raw = orjson.dumps(answer)
        assert normalize(FACTS.type(name), answer) == []
        assert orjson.dumps(answer).decode() == raw.decode(), record["id"]
        seen += 1
    assert seen > 30


#: Values that a field rarely expects.
_ODD: list[Any] = [None, 0, -1, 1.5, 1e30, 10**20, "", "x", True, [], {}, [None], [{}], [[]], {"a": None}, {"": {}}]


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a tree, the kind's own identity apart."""
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, item in list(members):
        if key not in ("kind", "apiVersion"):
            yield tree, key
            yield from places(item)


@needs_corpus
def test_whatever_comes_is_taken_or_refused() -> None:
    """One value of a stored object replaced by an odd one; what is taken is canonical."""
    rng = random.Random(1)
    stored = [r["response"]["body"] for r in records("defaults.jsonl") if r["response"]["status"] == 201]
    known = [tree for tree in stored if FACTS.type_name(tree["apiVersion"], tree["kind"])]
    taken = 0
    for _ in range(3000):
        tree = deepcopy(rng.choice(known))
        container, key = rng.choice(list(places(tree)))
        container[key] = rng.choice(_ODD)
        try:
            decoded = decode(json.dumps(tree).encode(), tree["apiVersion"], tree["kind"])
        except StatusError:
            continue
        canonical = orjson.dumps(decoded.tree)
        again = decode(canonical, tree["apiVersion"], tree["kind"])
        assert orjson.dumps(again.tree) == canonical
        taken += 1
    assert 500 < taken < 2500


def test_nulls_empties_and_zeros() -> None:
    raw = b"""{"metadata":{"name":"p","labels":{},"generation":0},
        "spec":{"containers":[{"name":"c","env":null,"tty":false}]}}"""
    decoded = decode(raw, kind="Pod")
    assert decoded.as_asked
    assert decoded.tree["metadata"] == {"name": "p", "labels": {}}
    assert stored(FACTS.type("io.k8s.api.core.v1.Pod"), decoded.tree) == {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "resources": {}}]},
        "status": {},
    }


def test_a_writer_states_lists_that_are_always_printed() -> None:
    raw = b'{"metadata":{"labels":{}},"addressType":"IPv4","endpoints":[]}'
    node = FACTS.type("io.k8s.api.discovery.v1.EndpointSlice")
    decoded = decode(raw, "discovery.k8s.io/v1", "EndpointSlice")
    assert stated(node, decoded.tree)["endpoints"] == []
    assert "labels" not in stated(node, decoded.tree)["metadata"]
    assert stored(node, decoded.tree)["endpoints"] is None


def test_a_text_without_empties_is_in_stored_form_at_once() -> None:
    assert not decode(b'{"metadata":{"name":"c"},"data":{"k":"v"}}').as_asked


def test_pointers_keep_their_zeros() -> None:
    raw = b'{"metadata":{},"spec":{"replicas":0,"selector":{},"template":{}}}'
    spec = decode(raw, "apps/v1", "Deployment").tree["spec"]
    assert (spec["replicas"], spec["selector"]) == (0, {})


def test_nulls_inside_lists_and_maps_are_zero_values() -> None:
    raw = b'{"data":{"b":null,"a":"x"},"metadata":{"finalizers":[null]}}'
    tree = decode(raw).tree
    assert list(tree["data"].items()) == [("a", "x"), ("b", "")]
    assert tree["metadata"]["finalizers"] == [""]


def test_quantities_and_times_become_canonical() -> None:
    raw = b"""{"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":1.5,"memory":"1024Mi"}}}]},
        "metadata":{"creationTimestamp":"2024-01-01T01:30:00.5+01:00"}}"""
    tree = decode(raw, kind="Pod").tree
    assert tree["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1500m", "memory": "1Gi"}
    assert tree["metadata"]["creationTimestamp"] == "2024-01-01T00:30:00Z"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"data":{"a":"1","a":"2"}}',
        b'{"data":{"a":"1", "a":"2"}}',
        b'{"data":{"a" : "1", "a"\t: "2"}}',
        b'{"data":{"a":"\\":\\":","a":"2"}}',
        b'{"data":{"x\\\\":"1","a":"1","a":"2"}}',
        b'{"data":{"\\u0061":"1","a":"2"}}',
    ],
)
def test_repeated_keys_are_found(raw: bytes) -> None:
    assert decode(raw).strict_errors == ['duplicate field "data.a"']


def test_text_that_looks_like_repeated_keys_is_no_error() -> None:
    raw = orjson.dumps({"data": {"a": '{"b":1,"b":2}', "c": "\\"}}, option=orjson.OPT_INDENT_2)
    assert decode(raw).strict_errors == []


def test_strict_message_joins_yaml_lines() -> None:
    decoded = decode(b'kind: ConfigMap\ndata:\n  a: "1"\n  a: "2"\nfoo: 1\n', content_type="application/yaml")
    assert decoded.tree["data"] == {"a": "2"}
    assert decoded.strict_message == (
        'strict decoding error: yaml: unmarshal errors:\n  line 4: key "a" already set in map, unknown field "foo"'
    )


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "unexpected end of JSON input (<empty>)"),
        (b"[]", "(5b5d)"),
        (b'{"kind":1}', "json: cannot unmarshal number into Go struct field .kind of type string"),
        (b'{"kind":"Pod","apiVersion":"v1"}', "converting (v1.Pod) to (core.ConfigMap): unknown conversion"),
    ],
)
def test_bodies_of_no_or_another_kind(raw: bytes, message: str) -> None:
    with pytest.raises(StatusError) as error:
        decode(raw)
    assert message in error.value.message


def test_delete_options_may_name_any_group() -> None:
    node = FACTS.type("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions")
    raw = b'{"kind":"DeleteOptions","apiVersion":"apps/v1","gracePeriodSeconds":0}'
    decoded = decode_object(raw, JSON, node, "DeleteOptions", "v1")
    assert decoded.tree["gracePeriodSeconds"] == 0


def patched(extra: dict[str, Any], strict: bool = False) -> list[str]:
    tree = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, **extra}
    unknown, _ = decode_patched(FACTS.type("io.k8s.api.core.v1.ConfigMap"), tree, {}, strict=strict)
    return unknown


def test_patched_objects() -> None:
    assert patched({"bogus": 1}) == ['unknown field "bogus"']
    with pytest.raises(StatusError) as error:
        patched({"data": {"n": 5}})
    assert error.value.code == 422
    assert error.value.message == (
        ' "" is invalid: patch: Invalid value: '
        r'"{\"apiVersion\":\"v1\",\"data\":{\"n\":5},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"}}": '
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
    )
    with pytest.raises(StatusError, match='strict decoding error: unknown field "bogus"'):
        patched({"bogus": 1}, strict=True)


@pytest.mark.parametrize(
    "raw",
    [b"a: 1", b"[1]", b'{"a":1,"a":2}', b'{"a":1.0}', b'{"a":1e3}', b'{"a":1', b'{"a":' * 500 + b"1" + b"}" * 500],
)
def test_only_plain_json_spares_the_yaml_reader(raw: bytes) -> None:
    assert plain_json(raw) is None


def test_plain_json_reads_as_yaml_does() -> None:
    raw = b'{"a": {"b": [1, -2, true, null, "x.5", "\\u00e9\\n"]}, "v1.5": "\\"k\\":"}'
    assert plain_json(raw) == yaml.load(raw)
