"""The protobuf form of the version 2 document, read back with a reader of the wire format."""

from __future__ import annotations

from collections import defaultdict

import orjson

from navarch.api.catalog import KINDS
from navarch.server.openapi import OpenApi
from navarch.server.openapi_protobuf import ASKED, MEDIA_TYPE, encode
from navarch.wire.messages import Request


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def message(data: bytes) -> dict[int, list[bytes]]:
    """Field number -> values, integers as big-endian bytes."""
    out: dict[int, list[bytes]] = defaultdict(list)
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 2:
            size, at = varint(data, at)
            out[key >> 3].append(data[at : at + size])
            at += size
        elif key & 7 == 1:
            out[key >> 3].append(data[at : at + 8])
            at += 8
        else:
            value, at = varint(data, at)
            out[key >> 3].append(value.to_bytes(2, "big"))
    return out


def named(values: list[bytes]) -> dict[str, bytes]:
    return {m[1][0].decode(): m[2][0] for m in map(message, values)}


def answer(accept: str) -> bytes:
    response = OpenApi(KINDS).answer(Request("GET", "/openapi/v2", "", {"accept": accept}))
    assert response is not None and isinstance(response.body, bytes)
    assert response.content_type == (MEDIA_TYPE if accept in ASKED else accept)
    return response.body


def test_both_forms_say_the_same() -> None:
    document = orjson.loads(answer("application/json"))
    old_name, new_name = ASKED
    assert answer(old_name) == answer(new_name)
    binary = message(answer(MEDIA_TYPE))
    assert binary[1] == [b"2.0"]
    definitions = named(message(binary[9][0])[1])
    assert list(definitions) == list(document["definitions"])
    paths = named(message(binary[8][0])[2])
    assert list(paths) == list(document["paths"])

    container = message(definitions["io.k8s.api.core.v1.Container"])
    assert container[19] == [b"name"]
    properties = named(message(container[25][0])[1])
    assert list(properties) == list(document["definitions"]["io.k8s.api.core.v1.Container"]["properties"])
    ports = message(properties["ports"])
    extensions = {name: message(value)[2][0] for name, value in named(ports[31]).items()}
    assert extensions["x-kubernetes-patch-merge-key"] == b'"containerPort"'
    item = message(message(ports[23][0])[1][0])
    assert item[1] == [b"#/definitions/io.k8s.api.core.v1.ContainerPort"]

    post = message(message(paths["/api/v1/namespaces/{namespace}/pods"])[4][0])
    assert post[5] == [b"createCoreV1NamespacedPod"]


def test_limits_of_custom_resources() -> None:
    schema = {"type": "integer", "minimum": 1.5, "maxLength": 300, "uniqueItems": True, "additionalProperties": True}
    document = {
        "swagger": "2.0",
        "info": {"title": "t", "version": "v"},
        "paths": {},
        "definitions": {"X": schema},
        "securityDefinitions": {},
    }
    fields = message(named(message(message(encode(document))[9][0])[1])["X"])
    assert fields[9] == [b"\x00\x00\x00\x00\x00\x00\xf8\x3f"]
    assert fields[11] == [(300).to_bytes(2, "big")]
    assert fields[16] == [b"\x00\x01"]
    assert message(fields[21][0])[2] == [b"\x00\x01"]
