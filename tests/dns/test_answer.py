from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from navarch.base.resource import ObjectKey
from navarch.dns.answer import (
    AAAA,
    ANY,
    CNAME,
    NOERROR,
    NS,
    NXDOMAIN,
    PTR,
    SOA,
    SRV,
    TXT,
    A,
    Data,
    Service,
    answer,
)
from navarch.dns.records import service_records
from navarch.dns.zone import Zone
from tests.dns import world
from tests.dns.world import cluster, endpoint, headless, put, service

WEB, DB = "web.default.svc.cluster.local", "db.default.svc.cluster.local"
WEB_HTTP = Service(0, 100, 80, WEB)
SQL = [Service(0, 50, 5432, f"db-0.{DB}"), Service(0, 50, 5432, f"10-244-0-6.{DB}")]


def ask(name: str, type_: int) -> list[Data]:
    found = answer(cluster(), name, type_)
    assert found is not None
    assert found.rcode == NOERROR
    return [r.data for r in found.records]


@pytest.mark.parametrize(
    ("name", "type_", "data"),
    [
        (WEB, A, ["10.96.0.9"]),
        (WEB, AAAA, []),
        (WEB, SRV, [WEB_HTTP]),
        (f"_http._tcp.{WEB}", SRV, [WEB_HTTP]),
        (f"_http._tcp.{WEB}", A, []),
        ("9.0.96.10.in-addr.arpa", PTR, [WEB]),
        ("dual.default.svc.cluster.local", A, ["10.96.0.8"]),
        ("dual.default.svc.cluster.local", AAAA, ["fd00:96::8"]),
        (DB, A, ["10.244.0.5", "10.244.0.6"]),
        (DB, AAAA, ["fd00::5"]),
        (f"db-0.{DB}", A, ["10.244.0.5"]),
        (f"10-244-0-6.{DB}", A, ["10.244.0.6"]),
        (f"_sql._tcp.{DB}", SRV, SQL),
        (DB, SRV, SQL),
        ("5.0.244.10.in-addr.arpa", PTR, [f"db-0.{DB}"]),
        ("outside.default.svc.cluster.local", CNAME, ["example.org"]),
        ("outside.default.svc.cluster.local", A, ["example.org"]),
        ("alias.default.svc.cluster.local", A, [WEB, "10.96.0.9"]),
        ("10-244-3-4.default.pod.cluster.local", A, ["10.244.3.4"]),
        ("10-244-3-4.default.pod.cluster.local", AAAA, []),
        ("fd00--1.default.pod.cluster.local", AAAA, ["fd00::1"]),
        ("dns-version.cluster.local", TXT, ["1.1.0"]),
        ("cluster.local", NS, ["ns.dns.cluster.local"]),
        # Names that exist only because something lies below them.
        ("default.svc.cluster.local", A, []),
        ("svc.cluster.local", A, []),
        (f"_tcp.{WEB}", SRV, []),
        (WEB, ANY, ["10.96.0.9", WEB_HTTP]),
    ],
)
def test_positive_answers_and_no_data(name: str, type_: int, data: list[Data]) -> None:
    assert ask(name, type_) == data


@pytest.mark.parametrize(
    "name",
    [
        "nope.default.svc.cluster.local",
        "web.other.svc.cluster.local",
        "kubernetes.default.svc.cluster.local.default.svc.cluster.local",
        f"db-2.{DB}",
        f"_http._udp.{WEB}",
        "empty.default.svc.cluster.local",
        "web.default.pod.cluster.local",
        "1-2-3.default.pod.cluster.local",
        "1-2-3-4.a.b.pod.cluster.local",
    ],
)
def test_names_that_do_not_exist(name: str) -> None:
    found = answer(cluster(), name, A)
    assert found is not None
    assert found.rcode == NXDOMAIN
    assert [r.type for r in found.authority] == [SOA]


@pytest.mark.parametrize("name", ["example.org", "notcluster.local", "local", "1.0.0.127.in-addr.arpa", ""])
def test_other_names_are_not_ours(name: str) -> None:
    assert answer(cluster(), name, A) is None


def test_no_data_carries_the_negative_ttl_and_aliases_say_where_to_go_on() -> None:
    found = answer(cluster(), WEB, AAAA)
    assert found is not None and [r.type for r in found.authority] == [SOA]
    outside = answer(cluster(), "outside.default.svc.cluster.local", A)
    assert outside is not None and outside.alias == "example.org"


def test_srv_answers_bring_the_addresses_of_their_targets() -> None:
    found = answer(cluster(), f"_sql._tcp.{DB}", SRV)
    assert found is not None
    assert {(r.name, r.data) for r in found.additional} == {
        (f"db-0.{DB}", "10.244.0.5"),
        (f"db-0.{DB}", "fd00::5"),
        (f"10-244-0-6.{DB}", "10.244.0.6"),
    }


def test_aliases_in_a_circle_end() -> None:
    zone = Zone()
    put(zone, service("a", type="ExternalName", externalName="b.default.svc.cluster.local"))
    put(zone, service("b", type="ExternalName", externalName="a.default.svc.cluster.local"))
    found = answer(zone, "a.default.svc.cluster.local", A)
    assert found is not None and found.rcode == NOERROR


KINDS = st.sampled_from(["cluster", "headless", "external", "gone"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), KINDS, st.integers(1, 3)), max_size=12))
def test_a_zone_changed_step_by_step_is_the_zone_made_at_once(steps: list[tuple[int, str, int]]) -> None:
    """Addresses are shared between services on purpose: their PTR records belong to several."""
    zone, last = Zone(), {}
    for n, kind, size in steps:
        name = f"s{n}"
        match kind:
            case "cluster":
                records = service_records(service(name, f"10.96.0.{size}"), (), world.DOMAIN)
            case "headless":
                ends = [endpoint(f"10.244.0.{i}", f"h-{i}") for i in range(size)]
                records = service_records(service(name, "None"), [headless(*ends)], world.DOMAIN)
            case "external":
                records = service_records(service(name, type="ExternalName", externalName="x.org"), (), world.DOMAIN)
            case _:
                records = {}
        last[name] = records
        zone.replace(ObjectKey("default", name), records)
    fresh = Zone()
    for name in sorted(last):
        fresh.replace(ObjectKey("default", name), last[name])
    names = {name for records in last.values() for name, _ in records} | {"s0.default.svc.cluster.local", "svc.x"}
    for name in names:
        assert zone.exists(name) == fresh.exists(name)
        assert sorted(zone.types(name)) == sorted(fresh.types(name))
        for type_ in (A, PTR, CNAME):
            assert zone.find(name, type_) == fresh.find(name, type_)
