"""The values of protobuf fields as bytes: numbers, text, and Kubernetes' types with a message of their own.

`scalar(number, name)` gives the function that writes a value with its key, and with its length where it
has one. Called by `protobuf_encode.py`, once per field of a type.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Final

import orjson

from navarch.base import times

#: value -> its bytes, without key and length.
Encode = Callable[[Any], bytes]
#: value -> key, length and bytes.
Put = Callable[[Any], bytes]

_VARINT, _FIXED64, _BYTES = 0, 1, 2


def scalar(number: int, name: str) -> Put:
    """The function of a field; `name` is that of a `types.Scalar`."""
    plain = _PLAIN.get(name)
    return delimited(number, _BODIES[name]) if plain is None else plain(number)


def zero(number: int, name: str) -> bytes:
    """What Go writes of a field with the zero value."""
    if name in _ZEROS:
        return scalar(number, name)(_ZEROS[name])
    return b"" if name == "bytes" else _key(number, _BYTES) + _sized(_ZERO_BODIES[name])


@lru_cache(4096)
def varint(value: int) -> bytes:
    """A number in groups of seven bits. Negative ones take ten bytes."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _sized(raw: bytes) -> bytes:
    return varint(len(raw)) + raw


def _key(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


@cache
def _keyed(key: bytes) -> tuple[bytes, ...]:
    """The key followed by each number that is one byte, a length or a value."""
    return tuple(key + bytes((n,)) for n in range(128))


def delimited(number: int, encode_body: Encode) -> Put:
    """A message with its key and length."""
    key = _key(number, _BYTES)
    short = _keyed(key)

    def put(value: Any) -> bytes:
        body = encode_body(value)
        size = len(body)
        return (short[size] if size < 128 else key + varint(size)) + body

    return put


@cache
def string(number: int) -> Put:
    """Text with its key and length."""
    key = _key(number, _BYTES)
    short = _keyed(key)

    def put(value: str) -> bytes:
        body = value.encode()
        size = len(body)
        return (short[size] if size < 128 else key + varint(size)) + body

    return put


def _integer(number: int) -> Put:
    key = _key(number, _VARINT)
    short = _keyed(key)
    return lambda value: short[value] if 0 <= value < 128 else key + varint(value)


def _boolean(number: int) -> Put:
    false, true = _keyed(_key(number, _VARINT))[:2]
    return lambda value: true if value else false


def _double(number: int) -> Put:
    key = _key(number, _FIXED64)
    return lambda value: key + struct.pack("<d", value)


# --- types with a form of their own

_NO_TIME: Final = "0001-01-01T00:00:00Z"
_NO_MICRO_TIME: Final = "0001-01-01T00:00:00.000000Z"


def _int_orstring(value: int | str) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\x00\x1a" + _sized(value.encode())
    return b"\x08\x00\x10" + varint(value) + b"\x1a\x00"


@lru_cache(4096)
def _time(text: str) -> bytes:
    """Seconds and nanoseconds. Whatever is finer than a second is cut off; Go's zero time is empty."""
    return b"" if text == _NO_TIME else b"\x08" + varint(int(times.parse(text) // 1)) + b"\x10\x00"


@lru_cache(4096)
def _micro_time(text: str) -> bytes:
    if text == _NO_MICRO_TIME:
        return b""
    seconds, micros = divmod(round(times.parse(text) * 10**6), 10**6)
    return b"\x08" + varint(seconds) + b"\x10" + varint(micros * 1000)


def _duration(text: str) -> bytes:
    return b"\x08" + varint(times.parse_duration_nanos(text))


def _quantity(value: str) -> bytes:
    return b"\x0a" + _sized(value.encode())


def _raw_json(value: Any) -> bytes:
    return b"\x0a" + _sized(orjson.dumps(value))


_PLAIN: Final[dict[str, Callable[[int], Put]]] = {
    "string": string,
    "int32": _integer,
    "int64": _integer,
    "boolean": _boolean,
    "number": _double,
}

_BODIES: Final[dict[str, Encode]] = {
    "bytes": binascii.a2b_base64,
    "quantity": _quantity,
    "int-or-string": _int_orstring,
    "time": _time,
    "micro-time": _micro_time,
    "duration": _duration,
    "any": _raw_json,
}

_ZEROS: Final[dict[str, Any]] = {"string": "", "int32": 0, "int64": 0, "boolean": False, "number": 0.0}

#: The zero values of types that are messages.
_ZERO_BODIES: Final[dict[str, bytes]] = {
    "quantity": b"\x0a\x010",
    "int-or-string": b"\x08\x00\x10\x00\x1a\x00",
    "time": b"",
    "micro-time": b"",
    "duration": b"\x08\x00",
    "any": b"",
}
