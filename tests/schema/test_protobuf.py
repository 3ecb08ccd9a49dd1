"""Bodies in protobuf: encoded here by an independent writer along the same facts, and read back."""

from __future__ import annotations

import struct
from random import Random
from typing import Any

import pytest

from navarch.base import times
from navarch.base.errors import StatusError
from navarch.schema import protobuf, protobuf_encode
from navarch.schema.decode import decode_object
from navarch.schema.facts import load
from navarch.schema.types import List, Map, Node, Scalar, Struct
from tests.schema.objects import random_object


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def scalar(name: str, value: Any) -> Any:
    if name in ("int32", "int64", "boolean"):
        return int(value)
    if name == "quantity":
        return field(1, value.encode())
    if name == "int-or-string":
        return field(1, 1) + field(3, value.encode()) if isinstance(value, str) else field(1, 0) + field(2, value)
    if name == "time":
        return field(1, int(times.parse(value)))
    return value.encode()


def value_of(node: Node, value: Any) -> Any:
    return scalar(node.name, value) if isinstance(node, Scalar) else message(node, value)


def message(node: Struct, tree: dict[str, Any]) -> bytes:
    out = b""
    embedded: dict[int, bytes] = {}
    for name, value in tree.items():
        f = node.fields[name]
        part = b""
        if not f.number:
            continue
        if isinstance(f.node, List):
            part = b"".join(field(f.number, value_of(f.node.item, item)) for item in value)
        elif isinstance(f.node, Map):
            for key, item in value.items():
                part += field(f.number, field(1, key.encode()) + field(2, value_of(f.node.value, item)))
        else:
            part = field(f.number, value_of(f.node, value))
        if f.inline:
            embedded[f.inline[0][1]] = embedded.get(f.inline[0][1], b"") + part
        else:
            out += part
    return out + b"".join(field(number, part) for number, part in embedded.items())


POD = {
    "metadata": {
        "name": "web",
        "labels": {"a": "b", "c": ""},
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "u", "controller": True}],
    },
    "spec": {
        "containers": [
            {
                "name": "c",
                "image": "nginx",
                "args": ["-a", "-b"],
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}},
                "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "initialDelaySeconds": 5},
                "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 3},
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            }
        ],
        "volumes": [{"name": "v", "configMap": {"name": "cm", "defaultMode": 420}}],
        "terminationGracePeriodSeconds": 0,
        "hostNetwork": True,
    },
}


def body(node: Struct, tree: dict[str, Any], kind: str, version: str) -> bytes:
    meta = field(1, version.encode()) + field(2, kind.encode())
    return protobuf.MAGIC + field(1, meta) + field(2, message(node, tree))


def test_a_pod_comes_back_as_it_was():
    node = load().type("io.k8s.api.core.v1.Pod")
    raw = body(node, POD, "Pod", "v1")
    decoded = protobuf.decode(raw, node)
    assert decoded == {"kind": "Pod", "apiVersion": "v1", **POD}


def test_it_is_decoded_like_json():
    node = load().type("io.k8s.api.core.v1.Pod")
    raw = body(node, POD, "Pod", "v1")
    tree = decode_object(raw, protobuf.MEDIA_TYPE, node, "Pod", "v1").tree
    assert tree["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "500m", "memory": "1Gi"}}
    assert list(tree) == ["kind", "apiVersion", "metadata", "spec", "status"]


def test_zero_values_of_go_are_no_values():
    node = load().type("io.k8s.api.core.v1.ConfigMap")
    empty_time = field(1, field(1, b"x") + field(2, b"") + field(8, b""))
    raw = protobuf.MAGIC + field(1, field(1, b"v1") + field(2, b"ConfigMap")) + field(2, empty_time)
    tree = decode_object(raw, protobuf.MEDIA_TYPE, node, "ConfigMap", "v1").tree
    assert tree == {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x"}}


def test_numbers_are_signed():
    node = load().type("io.k8s.api.scheduling.v1.PriorityClass")
    raw = body(node, {"metadata": {"name": "low"}, "value": -5}, "PriorityClass", "scheduling.k8s.io/v1")
    assert protobuf.decode(raw, node)["value"] == -5


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 9, 30])
def test_a_body_that_ends_early_is_refused(cut: int):
    node = load().type("io.k8s.api.core.v1.Pod")
    raw = body(node, POD, "Pod", "v1")[:-cut] if cut > 4 else b"k8s\x00"[:cut] + b"\xff"
    with pytest.raises(protobuf.ProtobufError):
        protobuf.decode(raw, node)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_no_message_is_refused_in_words(seed: int) -> None:
    """Bytes changed, lost and doubled in bodies of every sort of field."""
    rng = Random(seed)
    name = rng.choice(("core.v1.Pod", "core.v1.Service", "policy.v1.PodDisruptionBudget", "resource.v1.ResourceSlice"))
    node = load().type(f"io.k8s.api.{name}")
    whole = protobuf_encode.encode(random_object(rng, node, "X", "v1"), node)
    for _ in range(200):
        raw = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(4, len(raw))
            match rng.randrange(3):
                case 0:
                    raw[place] = rng.randrange(256)
                case 1:
                    del raw[place : place + rng.randrange(1, 9)]
                case _:
                    raw[place:place] = rng.randbytes(rng.randrange(1, 9))
        try:
            decode_object(bytes(raw), protobuf.MEDIA_TYPE, node, "X", "v1")
        except StatusError as error:
            assert error.code == 400


def test_times_outside_of_the_calendar() -> None:
    node = load().type("io.k8s.api.core.v1.ConfigMap")
    raw = field(1, field(8, field(1, 1 << 62)))
    with pytest.raises(protobuf.ProtobufError):
        protobuf.decode(protobuf.MAGIC + field(1, b"") + field(2, raw), node)
