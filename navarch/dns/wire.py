"""DNS messages as bytes: reads questions, writes answers. Pure, and quick enough to be called per packet.

Only what a server of addresses needs is understood; everything else is passed through unread (`chain.py`
forwards whole messages). A reader never trusts a length it has not checked.

Source: RFC 1035 (messages), RFC 2782 (SRV), RFC 3596 (AAAA), RFC 6891 (EDNS).
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from navarch.dns.answer import AAAA, CNAME, NS, OPT, PTR, SOA, TXT, A, Answer, Record, Service

HEADER = 12
CLASS_IN = 1
UDP_PLAIN = 512
#: The largest answer offered over UDP: what passes any path without being cut in pieces.
UDP_EDNS = 1232
QR, AA, TC, RD, RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
OPCODE = 0x7800
#: An empty OPT record that announces UDP_EDNS.
OPT_RECORD = b"\0" + struct.pack("!HHIH", OPT, UDP_EDNS, 0, 0)


class BadMessage(ValueError):
    """The bytes are no question that can be answered."""


class Query(NamedTuple):
    """One question. `question` is its bytes as they came; `name` is in lower case without the last dot.
    `payload_max` is the client's limit over UDP; `edns` tells whether it sent one."""

    id: int
    flags: int
    name: str
    type: int
    class_: int
    question: bytes
    edns: bool
    payload_max: int

    @property
    def key(self) -> bytes:
        """The same for questions that differ only in case."""
        return self.question[:-4].lower() + self.question[-4:]


def parse_query(message: bytes) -> Query:
    """Raises: BadMessage."""
    if len(message) < HEADER:
        raise BadMessage("shorter than a header")
    id_, flags, questions, answers, authorities, additional = struct.unpack_from("!6H", message)
    if flags & QR or questions != 1 or answers or authorities:
        raise BadMessage("not one question")
    labels = []
    at = HEADER
    while True:
        length = message[at] if at < len(message) else 64
        at += 1
        if length == 0:
            break
        if length > 63 or at - HEADER + length > 254:
            raise BadMessage("bad name")
        labels.append(message[at : at + length])
        at += length
    if at + 4 > len(message):
        raise BadMessage("question cut off")
    type_, class_ = struct.unpack_from("!HH", message, at)
    at += 4
    edns = additional > 0 and message[at : at + 3] == b"\0\0\x29" and len(message) >= at + 11
    payload_max = UDP_PLAIN
    if edns:
        payload_max = max(UDP_PLAIN, min(struct.unpack_from("!H", message, at + 3)[0], UDP_EDNS))
    name = b".".join(labels).lower().decode("latin-1")
    return Query(id_, flags, name, type_, class_, message[HEADER:at], edns, payload_max)


def error(message: bytes, rcode: int) -> bytes:
    """A message that says only that it failed, with the question if there is a readable one."""
    try:
        query = parse_query(message)
    except BadMessage:
        return message[:2].ljust(2, b"\0") + struct.pack("!5H", QR | RA | rcode, 0, 0, 0, 0)
    return reply(query, Body(RA | rcode, 0, 0, 0, b""), UDP_PLAIN)


class Body(NamedTuple):
    """An answer without what differs from client to client: the id, the question's case, EDNS."""

    flags: int
    answers: int
    authorities: int
    additional: int
    records: bytes


def encode(query: Query, answer: Answer, turn: int = 0) -> Body:
    """The answer as bytes. `turn` rotates its records, so that clients spread over the addresses."""
    writer = _Writer(query)
    records = _rotated(answer.records, turn)
    writer.write(records)
    writer.write(answer.authority)
    writer.write(answer.additional)
    flags = AA | RA | answer.rcode
    return Body(flags, len(records), len(answer.authority), len(answer.additional), bytes(writer.out))


def reply(query: Query, body: Body, limit: int) -> bytes:
    """The message for one client, not longer than `limit`: what does not fit is left out and said so."""
    flags = QR | query.flags & (OPCODE | RD) | body.flags
    edns = OPT_RECORD if query.edns else b""
    if HEADER + len(query.question) + len(body.records) + len(edns) > limit:
        flags |= TC
        body = Body(flags, 0, 0, 0, b"")
    counts = (1, body.answers, body.authorities, body.additional + bool(edns))
    return struct.pack("!6H", query.id, flags, *counts) + query.question + body.records + edns


def ttl_offsets(message: bytes) -> list[tuple[int, int]]:
    """(offset, TTL) of every record of a message, without EDNS. Raises: BadMessage."""
    try:
        _, _, questions, *others = struct.unpack_from("!6H", message)
        at = HEADER
        for _ in range(questions):
            at = _skip_name(message, at) + 4
        found = []
        for _ in range(sum(others)):
            at = _skip_name(message, at)
            type_, _, ttl_s, length = struct.unpack_from("!HHIH", message, at)
            if type_ != OPT:
                found.append((at + 4, ttl_s))
            at += 10 + length
    except (struct.error, IndexError) as cause:
        raise BadMessage("records cut off") from cause
    if at > len(message):
        raise BadMessage("records cut off")
    return found


def _skip_name(message: bytes, at: int) -> int:
    while (length := message[at]) != 0:
        if length >= 0xC0:
            return at + 2
        at += length + 1
    return at + 1


def _rotated(records: Sequence[Record], turn: int) -> Sequence[Record]:
    """Aliases stay in front."""
    start = sum(1 for r in records if r.type == CNAME)
    rest = records[start:]
    if len(rest) < 2:
        return records
    by = turn % len(rest)
    return (*records[:start], *rest[by:], *rest[:by])


class _Writer:
    """Records one after the other; names that came before are written as a pointer to there."""

    def __init__(self, query: Query) -> None:
        self.out = bytearray()
        self._start = HEADER + len(query.question)
        self._offsets: dict[str, int] = {}
        name, at = query.name, HEADER
        while name:
            self._offsets[name] = at
            label, _, name = name.partition(".")
            at += len(label) + 1

    def write(self, records: Iterable[Record]) -> None:
        for record in records:
            self._name(record.name)
            self.out += struct.pack("!HHI", record.type, CLASS_IN, record.ttl_s)
            at = len(self.out)
            self.out += b"\0\0"
            self._data(record)
            struct.pack_into("!H", self.out, at, len(self.out) - at - 2)

    def _data(self, record: Record) -> None:
        data = record.data
        if isinstance(data, Service):
            self.out += struct.pack("!HHH", data.priority, data.weight, data.port)
            self._name(data.target, pointers=False)
        elif record.type == A:
            self.out += ipaddress.IPv4Address(data).packed
        elif record.type == AAAA:
            self.out += ipaddress.IPv6Address(data).packed
        elif record.type in (CNAME, PTR, NS):
            self._name(data)
        elif record.type == TXT:
            self.out += bytes([len(data)]) + data.encode()
        else:
            assert record.type == SOA, record
            server, mailbox, *numbers = data.split()
            self._name(server)
            self._name(mailbox)
            self.out += struct.pack("!5I", *map(int, numbers))

    def _name(self, name: str, *, pointers: bool = True) -> None:
        while name:
            if pointers and name in self._offsets:
                self.out += struct.pack("!H", 0xC000 | self._offsets[name])
                return
            at = self._start + len(self.out)
            if at < 0x4000:
                self._offsets.setdefault(name, at)
            label, _, name = name.partition(".")
            encoded = label.encode("latin-1")
            self.out += bytes([len(encoded)]) + encoded
        self.out += b"\0"
