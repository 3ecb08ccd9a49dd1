"""String formats of custom resource schemas.

Formats that Kubernetes does not know are ignored, so is every format here that is not listed.

Source: the formats that apiextensions supports.
"""

from __future__ import annotations

import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date
from typing import Final
from urllib.parse import urlsplit

from navarch.base import times

_UUID: Final = "[0-9a-f]{8}-?[0-9a-f]{4}-?%s-?%s-?[0-9a-f]{12}"
_HOSTNAME: Final = re.compile(r"(?!.{256})[^\W_]([\w-]{0,61}[^\W_])?(\.[^\W_]([\w-]{0,61}[^\W_])?)*\.?")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_SCALA_DURATION: Final = re.compile(
    r"\d+\s*(ns|nanos?|us|micros?|ms|millis?|s|sec|seconds?|m|min|minutes?|h|hr|hours?|d|days?|w|weeks?)"
)


def matches(name: str, text: str) -> bool:
    """Is the text of the format? Yes if Kubernetes does not know the format."""
    check = _FORMATS.get(name.replace("-", ""))
    return check is None or check(text)


def _fits(function: Callable[[str], object]) -> Callable[[str], bool]:
    """A parser as a yes-or-no question."""

    def run(text: str) -> bool:
        try:
            function(text)
        except ValueError:
            return False
        return True

    return run


def _pattern(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE | re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _is_uri(text: str) -> bool:
    return text.startswith("/") or bool(urlsplit(text).scheme)


def _is_cidr(text: str) -> bool:
    return "/" in text and _fits(ipaddress.ip_interface)(text)


def _is_date_time(text: str) -> bool:
    return _DATE_TIME.fullmatch(text) is not None and _fits(date.fromisoformat)(text[:10])


def _is_duration(text: str) -> bool:
    return _SCALA_DURATION.fullmatch(text) is not None or _fits(times.parse_duration)(text)


_FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "byte": _fits(lambda text: binascii.a2b_base64(text, strict_mode=True)),
    "cidr": _is_cidr,
    "date": _fits(date.fromisoformat),
    "datetime": _is_date_time,
    "duration": _is_duration,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "hexcolor": _pattern("#?([0-9a-f]{3}|[0-9a-f]{6})"),
    "hostname": lambda text: _HOSTNAME.fullmatch(text) is not None,
    "ipv4": _fits(ipaddress.IPv4Address),
    "ipv6": _fits(ipaddress.IPv6Address),
    "mac": _pattern("[0-9a-f]{2}([:-][0-9a-f]{2}){5}"),
    "uri": _is_uri,
    "uuid": _pattern(_UUID % ("[0-9a-f]{4}", "[0-9a-f]{4}")),
    "uuid3": _pattern(_UUID % ("3[0-9a-f]{3}", "[0-9a-f]{4}")),
    "uuid4": _pattern(_UUID % ("4[0-9a-f]{3}", "[89ab][0-9a-f]{3}")),
    "uuid5": _pattern(_UUID % ("5[0-9a-f]{3}", "[89ab][0-9a-f]{3}")),
}
