"""Who answers a question: the cluster's zone, the hosts file, the cache, and at last the upstream resolvers.

`now` answers what needs no waiting, in microseconds: the bytes of an answer of the zone are kept until the zone
changes. What it cannot answer goes to `later`. Only `now`'s part runs in a simulation.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import Counter
from typing import Protocol

from navarch.dns.answer import (
    AAAA,
    NOERROR,
    NOTIMP,
    REFUSED,
    SERVFAIL,
    A,
    Answer,
    Record,
    answer,
)
from navarch.dns.config import DnsConfig
from navarch.dns.wire import (
    CLASS_IN,
    HEADER,
    OPCODE,
    RD,
    BadMessage,
    Body,
    Query,
    encode,
    error,
    parse_query,
    reply,
    ttl_offsets,
)
from navarch.dns.zone import Zone
from navarch.seams.contract import Clock

TCP_MAX = 65_535
FORMERR = 1
CLASS_ANY = 255
#: Answers with several addresses are kept in as many rotations, up to this.
TURNS_MAX = 16
#: Bytes of records that a plain answer over UDP can hold behind the longest question.
QUICK_MAX = 200
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


class Forwarder(Protocol):
    """Asks the world."""

    async def ask(self, message: bytes, *, tcp: bool) -> bytes | None:
        """The answer to a message, as it came; None if nobody answers."""


class Chain:
    """`counts` are the counters of the metrics page, by name and label."""

    def __init__(self, zone: Zone, config: DnsConfig, clock: Clock, forwarder: Forwarder | None = None) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.zone = zone
        self._config = config
        self._clock = clock
        self._forwarder = forwarder
        self._hosts = {name.lower().rstrip("."): ips for name, ips in config.hosts.items()}
        self._serial = zone.serial
        self._ready: dict[bytes, list[Body]] = {}
        self._quick: dict[bytes, list[bytes]] = {}
        self._foreign: dict[tuple[bytes, bool], tuple[float, bytes, list[tuple[int, int]]]] = {}
        self._turn = 0
        self._forwarding = 0

    def now(self, message: bytes, *, tcp: bool = False) -> bytes | None:
        """The answer, if it takes no waiting."""
        if self._serial != self.zone.serial:
            self._serial = self.zone.serial
            self._ready.clear()
            self._quick.clear()
        # The quick way: a plain question that was asked before. Its bytes up to the first zero behind the
        # header are the name; if that misreads them, nothing is found.
        end = message.find(0, HEADER)
        bodies = self._quick.get(message[2:end].lower() + message[end:]) if len(message) < HEADER + 260 else None
        if bodies is not None:
            self._turn += 1
            body = bodies[self._turn % len(bodies)]
            self.counts["responses", "NOERROR"] += 1
            return message[:2] + body[:10] + message[HEADER : end + 5] + body[10:]
        return self._thorough(message, tcp)

    async def later(self, message: bytes, *, tcp: bool = False) -> bytes:
        """The answer of somebody else; SERVFAIL if there is none."""
        query = parse_query(message)
        found = answer(self.zone, query.name, query.type)
        if found is not None and found.alias:
            return await self._follow(query, found, tcp)
        got = await self._forward(message, tcp)
        if got is None:
            return self._count(error(message, SERVFAIL))
        self._keep(query, got)
        return self._count(got)

    def lookup(self, name: str, type_: int) -> Answer | None:
        """The answer of the zone or the hosts file; None if the name is neither's."""
        return self._hosts_answer(name, type_) or answer(self.zone, name, type_)

    def _thorough(self, message: bytes, tcp: bool) -> bytes | None:
        try:
            query = parse_query(message)
        except BadMessage:
            return self._count(error(message, FORMERR))
        if query.flags & OPCODE:
            return self._count(error(message, NOTIMP))
        limit = TCP_MAX if tcp else query.payload_max
        self._turn += 1
        bodies = self._ready.get(query.key)
        if bodies is None:
            if query.class_ not in (CLASS_IN, CLASS_ANY):
                return self._count(error(message, REFUSED))
            found = self.lookup(query.name, query.type)
            if found is None or found.alias:
                return self._remembered(query, limit)
            bodies = [encode(query, found, turn) for turn in range(max(1, min(len(found.records), TURNS_MAX)))]
            if len(self._ready) < self._config.cache_entries:
                self._ready[query.key] = bodies
                self._make_quick(query, message, found, bodies)
        return self._count(reply(query, bodies[self._turn % len(bodies)], limit))

    def _make_quick(self, query: Query, message: bytes, found: Answer, bodies: list[Body]) -> None:
        """Keep the answers to this very message, whatever its id and the case of its name."""
        plain = len(message) == HEADER + len(query.question)
        if not plain or found.rcode != NOERROR or any(len(b.records) > QUICK_MAX for b in bodies):
            return
        end = HEADER + len(query.question) - 5
        whole = [reply(query, body, TCP_MAX) for body in bodies]
        at = HEADER + len(query.question)
        self._quick[message[2:end].lower() + message[end:]] = [w[2:HEADER] + w[at:] for w in whole]

    def _hosts_answer(self, name: str, type_: int) -> Answer | None:
        ips = self._hosts.get(name)
        if ips is None:
            return None
        wanted = [ip for ip in ips if (":" in ip) == (type_ == AAAA)] if type_ in (A, AAAA) else []
        return Answer(NOERROR, tuple(Record(name, type_, self._config.ttl_s, ip) for ip in wanted))

    async def _follow(self, query: Query, found: Answer, tcp: bool) -> bytes:
        """An alias of a name outside: the alias, with the addresses that the outside gives for it."""
        limit = TCP_MAX if tcp else query.payload_max
        hosts = self._hosts_answer(found.alias, query.type)
        if hosts is not None:
            found = Answer(NOERROR, found.records + hosts.records)
        elif query.type in (A, AAAA):
            outside = await self._addresses(query.id, found.alias, query.type)
            found = Answer(NOERROR, found.records + outside)
        return self._count(reply(query, encode(query, found), limit))

    async def _addresses(self, id_: int, name: str, type_: int) -> tuple[Record, ...]:
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        question = labels + b"\0" + struct.pack("!HH", type_, CLASS_IN)
        message = struct.pack("!6H", id_, RD, 1, 0, 0, 0) + question
        got = self._remembered(parse_query(message), TCP_MAX)
        if got is None:
            got = await self._forward(message, tcp=False)
            if got is None:
                return ()
            self._keep(parse_query(message), got)
        return tuple(_address_records(got, name, type_))

    async def _forward(self, message: bytes, tcp: bool) -> bytes | None:
        if self._forwarder is None or self._forwarding >= self._config.forwards_max:
            return None
        self._forwarding += 1
        try:
            self.counts["forwards", "asked"] += 1
            got = await self._forwarder.ask(message, tcp=tcp)
        finally:
            self._forwarding -= 1
        if got is None:
            self.counts["forwards", "failed"] += 1
        return got

    def _keep(self, query: Query, got: bytes) -> None:
        """Remember an answer for as long as its shortest-lived record allows."""
        try:
            offsets = ttl_offsets(got)
        except BadMessage:
            return
        flags = struct.unpack_from("!H", got, 2)[0]
        if not offsets or flags & 0x0200 or flags & 0xF not in (0, 3):
            return
        if len(self._foreign) >= self._config.cache_entries:
            self._foreign.clear()
        lives_s = min(self._config.cache_ttl_s, *(ttl_s for _, ttl_s in offsets))
        self._foreign[query.key, query.edns] = (self._clock.now() + lives_s, got, offsets)

    def _remembered(self, query: Query, limit: int) -> bytes | None:
        kept = self._foreign.get((query.key, query.edns))
        if kept is None:
            return None
        expires, got, offsets = kept
        left_s = expires - self._clock.now()
        if left_s <= 0:
            del self._foreign[query.key, query.edns]
            return None
        if len(got) > limit:
            return None
        out = bytearray(got)
        for at, _ in offsets:
            struct.pack_into("!I", out, at, int(left_s))
        struct.pack_into("!H", out, 0, query.id)
        out[HEADER : HEADER + len(query.question)] = query.question
        self.counts["cache", "hits"] += 1
        return self._count(bytes(out))

    def _count(self, out: bytes) -> bytes:
        self.counts["responses", RCODES.get(out[3] & 0xF, "OTHER")] += 1
        return out


def _address_records(message: bytes, name: str, type_: int) -> list[Record]:
    """The addresses of an answer, under the name that was asked: aliases on the way are left out."""
    records = []
    length = 4 if type_ == A else 16
    try:
        for at, ttl_s in ttl_offsets(message):
            found, _, _, size = struct.unpack_from("!HHIH", message, at - 4)
            data = message[at + 6 : at + 6 + size]
            if found == type_ and size == length:
                records.append(Record(name, type_, ttl_s, str(ipaddress.ip_address(data))))
    except BadMessage:
        return []
    return records
