"""The values that Kubernetes adds to CEL: quantities, versions, URLs, addresses, formats. Pure functions.

CEL sees such a value as a map that says what it is; equal values have equal maps.

    quantity("1000m")   ->  {"kubernetes.type": "quantity", "nano": "1000000000"}

Called by cel_library.py, which declares them. What they raise becomes the expression's error.

Source: apiserver `pkg/cel/library` (quantity, semverlib, urls, ip, cidr, format).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from navarch.base import names, quantity
from navarch.schema import formats

KIND: Final = "kubernetes.type"
Value = dict[str, Any]

_SEMVER: Final = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-.]+))?",
    re.ASCII,
)
_LOOSE: Final = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(.*)", re.ASCII)


def _of(value: Value, kind: str) -> Value:
    if not isinstance(value, dict) or value.get(KIND) != kind:
        raise ValueError("no such overload")
    return value


# --- quantities


def make_quantity(text: str) -> Value:
    return _quantity(quantity.parse(text).nano)


def _quantity(nano: int) -> Value:
    return {KIND: "quantity", "nano": str(nano)}


def _nano(value: Value | int) -> int:
    return value * quantity.NANO if isinstance(value, int) else int(_of(value, "quantity")["nano"])


def add(left: Value, right: Value | int) -> Value:
    return _quantity(_nano(left) + _nano(right))


def subtract(left: Value, right: Value | int) -> Value:
    return _quantity(_nano(left) - _nano(right))


def sign(value: Value) -> int:
    nano = _nano(value)
    return (nano > 0) - (nano < 0)


def is_integer(value: Value) -> bool:
    nano = _nano(value)
    return nano % quantity.NANO == 0 and abs(nano // quantity.NANO) < 2**63


def as_integer(value: Value) -> int:
    if not is_integer(value):
        raise ValueError("cannot convert value to integer")
    return _nano(value) // quantity.NANO


def as_float(value: Value) -> float:
    return _nano(value) / quantity.NANO


# --- versions


def make_semver(text: str, normalize: bool = False) -> Value:
    if normalize and (loose := _LOOSE.fullmatch(text)):
        text = ".".join(str(int(part or 0)) for part in loose.groups()[:3]) + (loose[4] or "")
    found = _SEMVER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no semantic version")
    return {KIND: "semver", "numbers": [int(part) for part in found.groups()[:3]], "pre": found[4] or ""}


def semver_part(index: int, value: Value) -> int:
    part: int = _of(value, "semver")["numbers"][index]
    return part


def _semver_key(value: Value) -> tuple[Any, ...]:
    """Numbers before letters, and a version without a suffix after those that have one."""
    parts = [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in value["pre"].split(".")]
    return (value["numbers"], not value["pre"], parts)


# --- what quantities and versions have in common


def compare(left: Value, right: Value) -> int:
    kind = left.get(KIND) if isinstance(left, dict) else None
    if kind not in ("quantity", "semver"):
        raise ValueError("no such overload")
    key: Callable[[Value], Any] = _nano if kind == "quantity" else _semver_key
    first, second = key(left), key(_of(right, str(kind)))
    return int(first > second) - int(first < second)


# --- URLs


def make_url(text: str) -> Value:
    parts = urlsplit(text)
    if not (parts.scheme and (parts.netloc or parts.path)) and not text.startswith("/"):
        raise ValueError(f'URL parse error during conversion from string: parse "{text}": invalid URI for request')
    _ = parts.port
    return {KIND: "url", "text": text}


def url_part(part: str, value: Value) -> Any:
    found = urlsplit(_of(value, "url")["text"])
    host = found.netloc.rpartition("@")[2]
    parts = {
        "scheme": found.scheme,
        "host": host,
        "hostname": re.sub(r":\d*$", "", host).strip("[]"),
        "port": str(found.port) if found.port is not None else "",
        "path": quote(found.path, safe="/%:@!$&'()*+,;=~-._"),
        "query": parse_qs(found.query, keep_blank_values=True),
    }
    return parts[part]


# --- addresses


def make_ip(text: str) -> Value:
    found = names.parse_ip(text)
    if found is None or (isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None):
        raise ValueError(f'IP Address "{text}" parse error during conversion from string: unable to parse IP')
    return {KIND: "ip", "text": str(found)}


def is_canonical_ip(text: str) -> bool:
    return bool(make_ip(text)["text"] == text)


def _ip(value: Value) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(_of(value, "ip")["text"])


def family(value: Value) -> int:
    return _ip(value).version


def ip_is(what: str, value: Value) -> bool:
    address = _ip(value)
    if what == "link_local_multicast":
        networks = ("224.0.0.0/24",) if address.version == 4 else ("ff02::/16",)
        return any(address in ipaddress.ip_network(network) for network in networks)
    if what == "global_unicast":
        special = (address.is_unspecified, address.is_loopback, address.is_multicast, address.is_link_local)
        return not any(special) and str(address) != "255.255.255.255"
    return bool(getattr(address, f"is_{what}"))


def make_cidr(text: str) -> Value:
    network = names.parse_cidr(text)
    if network is None:
        raise ValueError(f'CIDR "{text}" parse error during conversion from string: network address parse error')
    address = ipaddress.ip_interface(text).ip
    return {KIND: "cidr", "address": str(address), "prefix": network.prefixlen}


def _network(value: Value) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    _of(value, "cidr")
    return ipaddress.ip_network(f"{value['address']}/{value['prefix']}", strict=False)


def contains_ip(value: Value, address: Value | str) -> bool:
    return _ip(make_ip(address) if isinstance(address, str) else address) in _network(value)


def contains_cidr(value: Value, other: Value | str) -> bool:
    outer, inner = _network(value), _network(make_cidr(other) if isinstance(other, str) else other)
    return inner.network_address in outer and inner.prefixlen >= outer.prefixlen


def cidr_ip(value: Value) -> Value:
    return {KIND: "ip", "text": _of(value, "cidr")["address"]}


def masked(value: Value) -> Value:
    return {**value, "address": str(_network(value).network_address)}


def prefix_length(value: Value) -> int:
    length: int = _of(value, "cidr")["prefix"]
    return length


def show(value: Value) -> str:
    """`string(ip)` and `string(cidr)`."""
    if value.get(KIND) == "ip":
        return str(value["text"])
    return f"{_of(value, 'cidr')['address']}/{value['prefix']}"


# --- named formats


def _whole_or_prefix(errors: Callable[[str], list[str]], text: str) -> list[str]:
    """A prefix of generated names: what ends in a dash counts as if a letter followed."""
    return errors(text[:-1] + "a" if text.endswith("-") else text)


def _plain(name: str, text: str) -> list[str]:
    return [] if formats.matches(name, text) else [f"invalid {name}"]


FORMATS: Final[dict[str, Callable[[str], list[str]]]] = {
    "dns1123Label": names.dns1123_label_errors,
    "dns1123Subdomain": names.dns1123_subdomain_errors,
    "dns1035Label": names.dns1035_label_errors,
    "qualifiedName": names.qualified_name_errors,
    "dns1123LabelPrefix": partial(_whole_or_prefix, names.dns1123_label_errors),
    "dns1123SubdomainPrefix": partial(_whole_or_prefix, names.dns1123_subdomain_errors),
    "dns1035LabelPrefix": partial(_whole_or_prefix, names.dns1035_label_errors),
    "labelValue": names.label_value_errors,
    "uri": partial(_plain, "uri"),
    "uuid": partial(_plain, "uuid"),
    "byte": partial(_plain, "byte"),
    "date": partial(_plain, "date"),
    "datetime": partial(_plain, "datetime"),
}


def make_format(name: str) -> Value:
    return {KIND: "format", "name": name}


def faults(value: Value, text: str) -> list[str]:
    """What a text of the format must not have."""
    return FORMATS[_of(value, "format")["name"]](text)
