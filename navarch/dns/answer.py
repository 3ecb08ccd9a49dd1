"""What the cluster's zone answers to one question. Pure: a question and a zone in, records out.

Names are lower-case text without the last dot. `answer` says nothing (None) about names outside the zone;
`chain.py` asks others then.

Worked example:
    answer(zone, "web.default.svc.cluster.local", A).records
    (Record("web.default.svc.cluster.local", A, 30, "10.96.0.9"),)

Source: Kubernetes DNS-Based Service Discovery, version 1.1.0; RFC 2308 (negative answers).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

A, NS, CNAME, SOA, PTR, TXT, AAAA, SRV, OPT, ANY = 1, 2, 5, 6, 12, 16, 28, 33, 41, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5

SPEC_VERSION = "1.1.0"
#: CNAMEs followed within the zone before giving up on a circle.
CHASE_MAX = 8
REVERSE = (".in-addr.arpa", ".ip6.arpa")


class Service(NamedTuple):
    """The data of an SRV record."""

    priority: int
    weight: int
    port: int
    target: str


#: An address, a name, a text, or the service of an SRV record.
Data = str | Service


class Record(NamedTuple):
    """SOA data is its seven fields in text, separated by blanks."""

    name: str
    type: int
    ttl_s: int
    data: Data


@dataclass(frozen=True, slots=True)
class Answer:
    """`records` answer, `authority` proves a negative answer, `additional` saves the next question.
    `alias` is the name outside the zone at which the answer goes on, if it is an alias of one."""

    rcode: int = NOERROR
    records: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    alias: str = ""


class ZoneData(Protocol):
    """What `answer` asks of a zone; see `zone.py`."""

    @property
    def domain(self) -> str: ...

    @property
    def ttl_s(self) -> int: ...

    @property
    def serial(self) -> int:
        """Grows with every change."""

    def find(self, name: str, type_: int) -> tuple[Data, ...]:
        """The data of a name, of one type."""

    def types(self, name: str) -> Iterable[int]:
        """The types of which a name has data."""

    def exists(self, name: str) -> bool:
        """Whether the name, or any name below it, has data."""


def answer(zone: ZoneData, name: str, type_: int) -> Answer | None:
    """The zone's answer; None if the name is none of its business."""
    if name.endswith(REVERSE):
        pointers = zone.find(name, PTR)
        if not pointers:
            return None
        return _found(zone, [Record(name, PTR, zone.ttl_s, d) for d in pointers] if type_ in (PTR, ANY) else [])
    if not within(name, zone.domain):
        return None
    records: list[Record] = []
    for _ in range(CHASE_MAX):
        found = [Record(name, t, zone.ttl_s, d) for t in _asked(zone, name, type_) for d in _data(zone, name, t)]
        if found:
            return _found(zone, records + found)
        aliases = zone.find(name, CNAME)
        if not aliases:
            break
        target = str(aliases[0])
        records.append(Record(name, CNAME, zone.ttl_s, target))
        if not within(target, zone.domain):
            return Answer(NOERROR, tuple(records), alias=target)
        name = target
    if records:
        return _found(zone, records)
    if name == zone.domain or zone.exists(name) or _data(zone, name, A) or _data(zone, name, AAAA):
        return _found(zone, [])
    return Answer(NXDOMAIN, authority=(_authority(zone),))


def within(name: str, domain: str) -> bool:
    return name == domain or name.endswith("." + domain)


def reverse_name(ip: str) -> str:
    """`9.0.96.10.in-addr.arpa` for 10.96.0.9."""
    return ipaddress.ip_address(ip).reverse_pointer


def _found(zone: ZoneData, records: list[Record]) -> Answer:
    if not records:
        return Answer(authority=(_authority(zone),))
    return Answer(NOERROR, tuple(records), additional=tuple(_addresses(zone, records)))


def _addresses(zone: ZoneData, records: list[Record]) -> Iterator[Record]:
    """The addresses of the targets of SRV records."""
    targets = dict.fromkeys(r.data.target for r in records if isinstance(r.data, Service))
    for target in targets:
        for type_ in (A, AAAA):
            for data in zone.find(target, type_):
                yield Record(target, type_, zone.ttl_s, data)


def _asked(zone: ZoneData, name: str, type_: int) -> Iterable[int]:
    return zone.types(name) if type_ == ANY else (type_,)


def _data(zone: ZoneData, name: str, type_: int) -> tuple[Data, ...]:
    found = zone.find(name, type_)
    if found:
        return found
    if name == zone.domain:
        return {SOA: (_authority(zone).data,), NS: (f"ns.dns.{zone.domain}",)}.get(type_, ())
    if type_ == TXT and name == f"dns-version.{zone.domain}":
        return (SPEC_VERSION,)
    if type_ in (A, AAAA) and name.endswith(f".pod.{zone.domain}"):
        return _pod(name.removesuffix(f".pod.{zone.domain}"), type_)
    return ()


def _pod(name: str, type_: int) -> tuple[Data, ...]:
    """`10-244-0-5.default` means 10.244.0.5, whether or not there is such a pod."""
    dashed, _, namespace = name.partition(".")
    if not namespace or "." in namespace:
        return ()
    try:
        if type_ == A:
            return (str(ipaddress.IPv4Address(dashed.replace("-", "."))),)
        return (str(ipaddress.IPv6Address(dashed.replace("-", ":"))),)
    except ValueError:
        return ()


def _authority(zone: ZoneData) -> Record:
    """Refresh, retry and expire mean nothing here: nobody transfers the zone. The last is the negative TTL."""
    text = f"ns.dns.{zone.domain} hostmaster.{zone.domain} {zone.serial} 7200 1800 86400 {zone.ttl_s}"
    return Record(zone.domain, SOA, zone.ttl_s, text)
