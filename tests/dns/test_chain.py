"""Answers on the wire, read by an independent implementation (dnspython)."""

from __future__ import annotations

import asyncio

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.dns.chain import Chain
from navarch.dns.config import DnsConfig, upstreams_of
from navarch.dns.zone import Zone
from tests.dns.world import cluster, endpoint, headless, put, service
from tests.fakes.virtual import VirtualClock, run

WEB = "web.default.svc.cluster.local."
HOSTS = {"host.navarch.internal": ("192.168.49.1",)}


class Upstream:
    """Answers every A question with `ips`, or with silence; counts questions."""

    def __init__(self, *ips: str, ttl_s: int = 20) -> None:
        self.ips = ips
        self.ttl_s = ttl_s
        self.asked = 0
        self.silent = False

    async def ask(self, message: bytes, *, tcp: bool) -> bytes | None:
        self.asked += 1
        await asyncio.sleep(0.01)
        if self.silent:
            return None
        query = dns.message.from_wire(message)
        response = dns.message.make_response(query)
        name = query.question[0].name
        response.answer.append(dns.rrset.from_text(name, self.ttl_s, "IN", "CNAME", "edge.example.net."))
        response.answer.append(dns.rrset.from_text("edge.example.net.", self.ttl_s, "IN", "A", *self.ips))
        return response.to_wire()


def chain(zone: Zone | None = None, upstream: Upstream | None = None) -> Chain:
    return Chain(zone or cluster(), DnsConfig(hosts=HOSTS), VirtualClock(), upstream)


def ask(on: Chain, name: str, type_: str = "A", **options: object) -> dns.message.Message:
    query = dns.message.make_query(name, type_, **options)  # type: ignore[arg-type]
    wire = on.now(query.to_wire())
    assert wire is not None
    answer = dns.message.from_wire(wire)
    assert query.is_response(answer)
    return answer


def data(answer: dns.message.Message) -> list[str]:
    return sorted(str(item) for rrset in answer.answer for item in rrset)


@pytest.mark.parametrize(
    ("name", "type_", "expected"),
    [
        (WEB, "A", ["10.96.0.9"]),
        ("dual.default.svc.cluster.local", "AAAA", ["fd00:96::8"]),
        (f"_http._tcp.{WEB}", "SRV", [f"0 100 80 {WEB}"]),
        ("9.0.96.10.in-addr.arpa", "PTR", [WEB]),
        ("dns-version.cluster.local", "TXT", ['"1.1.0"']),
        ("alias.default.svc.cluster.local", "A", ["10.96.0.9", WEB]),
        ("host.navarch.internal", "A", ["192.168.49.1"]),
        ("host.navarch.internal", "AAAA", []),
        (
            "cluster.local",
            "SOA",
            ["ns.dns.cluster.local. hostmaster.cluster.local. 6 7200 1800 86400 30"],
        ),
    ],
)
@pytest.mark.parametrize("edns", [False, True])
def test_answers_can_be_read_the_first_and_the_second_time(
    name: str, type_: str, expected: list[str], edns: bool
) -> None:
    on = chain()
    for _ in range(3):
        answer = ask(on, name, type_, use_edns=edns)
        assert data(answer) == expected
        assert answer.flags & dns.flags.AA and answer.flags & dns.flags.RA
        assert (answer.edns == 0) is edns


def test_the_case_of_a_question_comes_back_and_does_not_matter() -> None:
    on = chain()
    for name in ("WEB.Default.svc.cluster.LOCAL.", "wEb.default.svc.cluster.local."):
        answer = ask(on, name)
        assert str(answer.question[0].name) == name
        assert data(answer) == ["10.96.0.9"]


def test_addresses_take_turns_in_front() -> None:
    on = chain()
    firsts = {str(next(iter(ask(on, "db.default.svc.cluster.local").answer[0]))) for _ in range(4)}
    assert firsts == {"10.244.0.5", "10.244.0.6"}


def test_a_change_of_the_zone_is_seen_by_the_next_question() -> None:
    zone = cluster()
    on = chain(zone)
    assert data(ask(on, WEB)) == ["10.96.0.9"]
    put(zone, service("web", "10.96.0.77"))
    assert data(ask(on, WEB)) == ["10.96.0.77"]
    assert ask(on, "nope.default.svc.cluster.local").rcode() == dns.rcode.NXDOMAIN


def test_an_answer_too_long_for_the_client_is_cut_and_says_so() -> None:
    zone = Zone()
    put(zone, service("big", "None"), headless(*(endpoint(f"10.244.1.{n}") for n in range(200))))
    on = chain(zone)
    short = ask(on, "big.default.svc.cluster.local")
    assert short.flags & dns.flags.TC and not short.answer
    whole = on.now(dns.message.make_query("big.default.svc.cluster.local", "A").to_wire(), tcp=True)
    assert whole is not None
    assert len(data(dns.message.from_wire(whole))) == 200


def test_names_outside_are_asked_upstream_and_remembered_while_they_live() -> None:
    async def main() -> None:
        upstream = Upstream("203.0.113.1")
        on = chain(upstream=upstream)
        query = dns.message.make_query("www.example.org", "A")
        assert on.now(query.to_wire()) is None
        first = dns.message.from_wire(await on.later(query.to_wire()))
        assert data(first) == ["203.0.113.1", "edge.example.net."]
        await asyncio.sleep(5)
        again = ask(on, "www.Example.org")
        assert data(again) == data(first)
        assert again.answer[0].ttl == 15
        assert upstream.asked == 1
        await asyncio.sleep(16)
        assert on.now(query.to_wire()) is None

    run(main())


def test_an_alias_of_a_name_outside_brings_its_addresses() -> None:
    async def main() -> None:
        upstream = Upstream("203.0.113.1")
        on = chain(upstream=upstream)
        query = dns.message.make_query("outside.default.svc.cluster.local", "A")
        for _ in range(2):
            assert on.now(query.to_wire()) is None
            answer = dns.message.from_wire(await on.later(query.to_wire()))
            assert data(answer) == ["203.0.113.1", "example.org."]
        assert upstream.asked == 1

    run(main())


def test_without_anybody_outside_the_answer_is_a_failure() -> None:
    async def main() -> None:
        upstream = Upstream()
        upstream.silent = True
        for on in (chain(), chain(upstream=upstream)):
            query = dns.message.make_query("www.example.org", "A")
            answer = dns.message.from_wire(await on.later(query.to_wire()))
            assert answer.rcode() == dns.rcode.SERVFAIL
            assert query.is_response(answer)

    run(main())


@given(st.binary(max_size=80))
def test_no_bytes_break_it(noise: bytes) -> None:
    on = chain()
    on.now(noise)
    query = dns.message.make_query(WEB, "A").to_wire()
    on.now(query[: len(noise) % len(query)] + noise)
    on.now(query + noise)


def test_upstreams_never_lead_back() -> None:
    text = "search lan\nnameserver 127.0.0.53\nnameserver 192.168.49.2\nnameserver 192.168.1.1\nnameserver ::1\n"
    assert upstreams_of(text, ("192.168.49.2", "10.96.0.10")) == ("192.168.1.1",)
