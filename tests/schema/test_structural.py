"""Custom resource types: pruning, defaults and validation in Kubernetes' words."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from navarch.base.errors import StatusError
from navarch.schema import structural, types
from navarch.schema.decode import decode_custom
from navarch.schema.types import Field, List, Map, Struct


def crd(**properties: Any) -> Struct:
    spec = {"type": "object", "properties": properties}
    return structural.compile_crd({"type": "object", "properties": {"spec": spec}}, "Gamma")


def errors(node: Struct, spec: Any, old: Any = None) -> list[str]:
    before = None if old is None else {"spec": old}
    return [str(e) for e in structural.validate(node, {"spec": spec}, before)]


STRING = {"type": "string"}
INTEGER = {"type": "integer"}


def test_nodes_follow_the_schema() -> None:
    element = {"type": "object", "properties": {"k": STRING}}
    node = crd(
        l={"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": element},
        m={"type": "object", "additionalProperties": STRING},
    )
    spec = node.fields["spec"].node
    assert isinstance(spec, Struct)
    rows, table = spec.fields["l"].node, spec.fields["m"].node
    assert isinstance(rows, List) and (rows.list_type, rows.keys) == ("map", ("k",))
    assert isinstance(table, Map)
    assert list(node.fields) == ["apiVersion", "kind", "spec", "metadata"]


def test_pruning() -> None:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"known": {"type": "object"}}}
    node = crd(n=INTEGER, free=free, l={"type": "array", "items": {"type": "object", "properties": {"a": STRING}}})
    tree = {
        "apiVersion": "x/v1",
        "metadata": {"name": "o", "bogus": 1},
        "spec": {"n": 1, "x": 2, "free": {"y": 3, "known": {"z": 4}}, "l": [{"a": "1", "b": "2"}]},
        "more": {},
    }
    assert structural.prune(node, tree) == ["metadata.bogus", "spec.x", "spec.free.known.z", "spec.l[0].b", "more"]
    assert tree == {
        "apiVersion": "x/v1",
        "metadata": {"name": "o"},
        "spec": {"n": 1, "free": {"y": 3, "known": {}}, "l": [{"a": "1"}]},
    }


def test_embedded_resources_keep_their_identity() -> None:
    node = crd(o={"type": "object", "x-kubernetes-embedded-resource": True})
    tree = {"spec": {"o": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}}}}
    assert structural.prune(node, tree) == ["spec.o.spec"]
    assert errors(node, {"o": {"kind": "Pod"}}) == ["spec.o.apiVersion: Required value: must not be empty"]


def test_an_empty_schema_keeps_everything() -> None:
    tree = {"spec": {"any": [1]}, "x": 1}
    assert structural.prune(structural.compile_crd({}, "Gamma"), tree) == []


def test_defaults_come_up_inside_defaults_and_for_nulls() -> None:
    inner = {"type": "object", "default": {}, "properties": {"a": {"type": "integer", "default": 7}}}
    node = crd(inner=inner, s={"type": "string", "default": "x"}, t={**STRING, "nullable": True, "default": "y"})
    node.fields["spec"].node.fields["bare"] = Field(types.STRING)  # type: ignore[union-attr]
    tree: dict[str, Any] = {"spec": {"s": None, "t": None, "bare": None}}
    structural.drop_nulls(node, tree)
    structural.fill_defaults(node, tree)
    assert tree == {"spec": {"t": None, "inner": {"a": 7}, "s": "x"}}


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        (INTEGER, "x", 'Invalid value: "string": spec.f in body must be of type integer: "string"'),
        (INTEGER, 1.5, 'Invalid value: "number": spec.f in body must be of type integer: "number"'),
        (STRING, None, 'Invalid value: "null": spec.f in body must be of type string: "null"'),
        ({**INTEGER, "maximum": 10}, 99, "Invalid value: 99: spec.f in body should be less than or equal to 10"),
        ({**INTEGER, "minimum": 1}, 0, "Invalid value: 0: spec.f in body should be greater than or equal to 1"),
        (
            {**INTEGER, "minimum": 1, "exclusiveMinimum": True},
            1,
            "Invalid value: 1: spec.f in body should be greater than 1",
        ),
        ({**INTEGER, "multipleOf": 2}, 3, "Invalid value: 3: spec.f in body should be a multiple of 2"),
        ({**STRING, "maxLength": 2}, "abc", "Too long: may not be more than 2 bytes"),
        ({**STRING, "minLength": 2}, "a", 'Invalid value: "a": spec.f in body should be at least 2 chars long'),
        ({**STRING, "pattern": "^a+$"}, "b", "Invalid value: \"b\": spec.f in body should match '^a+$'"),
        ({**STRING, "enum": ["a", "b"]}, "c", 'Unsupported value: "c": supported values: "a", "b"'),
        (
            {**STRING, "format": "date-time"},
            "no",
            'Invalid value: "no": spec.f in body must be of type date-time: "no"',
        ),
        ({"type": "array", "items": INTEGER, "maxItems": 1}, [1, 2], "Too many: 2: must have at most 1 item"),
        (
            {"type": "array", "items": STRING, "minItems": 1},
            [],
            "Invalid value: 0: spec.f in body should have at least 1 items",
        ),
    ],
)
def test_messages(schema: dict[str, Any], value: Any, message: str) -> None:
    assert errors(crd(f=schema), {"f": value}) == [f"spec.f: {message}"]


def test_required_and_nested_paths() -> None:
    element = {"type": "object", "required": ["k"], "properties": {"k": STRING}}
    node = crd(l={"type": "array", "items": element}, m={"type": "object", "additionalProperties": INTEGER})
    assert errors(node, {"l": [{}], "m": {"a": "x"}}) == [
        "spec.l[0].k: Required value",
        'spec.m.a: Invalid value: "string": spec.m.a in body must be of type integer: "string"',
    ]


def test_one_of() -> None:
    choice = {
        "type": "object",
        "properties": {"a": STRING, "b": STRING},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    node = crd(c=choice)
    assert errors(node, {"c": {"a": "1"}}) == []
    assert errors(node, {"c": {"a": "1", "b": "2"}}) == [
        '<nil>: Invalid value: "": "spec.c" must validate one and only one schema (oneOf). Found 2 valid alternatives'
    ]


def test_int_or_string_takes_both() -> None:
    node = crd(p={"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]})
    assert errors(node, {"p": 1}) == errors(node, {"p": "25%"}) == []
    assert errors(node, {"p": True})


def test_repeated_elements() -> None:
    element = {"type": "object", "properties": {"k": STRING, "v": STRING}}
    node = crd(
        s={"type": "array", "x-kubernetes-list-type": "set", "items": STRING},
        l={"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": element},
    )
    spec = {"s": ["a", "a"], "l": [{"k": "x", "v": "1"}, {"k": "x", "v": "2"}]}
    assert errors(node, spec) == ['spec.s[1]: Duplicate value: "a"', 'spec.l[1]: Duplicate value: {"k":"x"}']


def test_unchanged_values_are_not_judged_again() -> None:
    node = crd(n={**INTEGER, "maximum": 10}, s=STRING)
    old = {"n": 99, "s": "a"}
    new = deepcopy(old) | {"s": "b"}
    assert errors(node, new, old) == []
    assert errors(node, {"n": 98}, old) == [
        "spec.n: Invalid value: 98: spec.n in body should be less than or equal to 10"
    ]


def test_bodies_of_custom_resources() -> None:
    node = crd(n=INTEGER)
    raw = b'{"metadata":{"name":"o","labels":null,"name":"o"},"spec":{"n":1,"n":2,"x":{}},"status":{}}'
    decoded = decode_custom(raw, "application/json", node, "Gamma", "ex.example.com/v1")
    assert decoded.tree == {
        "metadata": {"name": "o"},
        "spec": {"n": 2},
        "kind": "Gamma",
        "apiVersion": "ex.example.com/v1",
    }
    assert decoded.strict_errors == [
        'duplicate field "metadata.name"',
        'duplicate field "spec.n"',
        'unknown field "spec.x"',
        'unknown field "status"',
    ]


def test_bodies_of_another_version() -> None:
    with pytest.raises(StatusError) as error:
        decode_custom(b'{"apiVersion":"x/v2"}', "application/json", crd(), "Gamma", "x/v1")
    assert error.value.message == "the API version in the data (x/v2) does not match the expected API version (x/v1)"
