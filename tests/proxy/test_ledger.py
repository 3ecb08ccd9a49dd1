from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from navarch.api.views.discovery import Endpoint
from navarch.api.views.service import Service, ServicePort
from navarch.proxy.ledger import Ledger
from navarch.proxy.nft import Network, text
from navarch.proxy.rules import Backend, service_rules
from navarch.proxy.tables import Tables
from navarch.proxy.trace import Packet, shares, verdict
from tests.proxy.build import HERE, LOCAL_ADDRESSES, NODE_IP, endpoint, endpoint_slice, key, service


def commit(ledger: Ledger, tables: Tables) -> None:
    transaction = ledger.take()
    if transaction is not None:
        tables.commit(transaction)


def put(ledger: Ledger, one: Service, *endpoints: Endpoint) -> None:
    name = one.metadata.name
    ledger.replace(key(name), service_rules(one, [endpoint_slice(*endpoints, service=name)], HERE))


def test_a_changed_endpoint_is_one_element() -> None:
    ledger = Ledger(Network())
    for n in range(50):
        put(ledger, service(f"s{n}", f"10.96.0.{n + 1}"), *(endpoint(f"10.1.{n}.{i}") for i in range(10, 20)))
    ledger.take()
    put(ledger, service("s7", "10.96.0.8"), *(endpoint(f"10.1.7.{i}") for i in range(10, 19)), endpoint("10.1.7.99"))
    transaction = ledger.take()
    assert transaction is not None and not transaction.full
    assert text(transaction, Network()) == (
        "delete element ip navarch-proxy vip-backends { 10.96.0.8 . tcp . 80 . 0x00000009 }\n"
        "add element ip navarch-proxy vip-backends { 10.96.0.8 . tcp . 80 . 0x00000009 : 10.1.7.99 . 8080 }\n"
    )
    assert ledger.take() is None


def test_an_address_claimed_twice_belongs_to_the_first_and_then_to_the_next() -> None:
    ledger, tables = Ledger(Network()), Tables()
    put(ledger, service("a", "10.96.0.1", externalIPs=("198.51.100.1",)), endpoint("10.1.0.1"), endpoint("10.1.0.2"))
    put(ledger, service("b", "10.96.0.2", externalIPs=("198.51.100.1",)), endpoint("10.2.0.1"))
    commit(ledger, tables)
    packet = Packet("198.51.100.1", 80)
    assert shares(tables, packet) == [Backend("10.1.0.1", 8080), Backend("10.1.0.2", 8080)]
    ledger.replace(key("a"))
    commit(ledger, tables)
    assert shares(tables, packet) == [Backend("10.2.0.1", 8080)]
    assert verdict(tables, Packet("10.96.0.1", 80)).kind == "pass"


def test_a_service_with_many_endpoints_brings_its_own_chain_once() -> None:
    ledger, tables = Ledger(Network()), Tables()
    commit(ledger, tables)
    put(ledger, service(), *(endpoint(f"10.1.0.{i}") for i in range(1, 31)))
    first = ledger.take()
    assert first is not None and [p.name for p in first.picks] == ["vip-pick-30"]
    tables.commit(first)
    put(ledger, service("other", "10.96.0.10"), *(endpoint(f"10.2.0.{i}") for i in range(1, 31)))
    second = ledger.take()
    assert second is not None and second.picks == ()
    tables.commit(second)
    assert len(set(shares(tables, Packet("10.96.0.10", 80)))) == 30


STATES = st.sampled_from(["ready", "unready", "terminating"])
ENDPOINTS = st.dictionaries(st.integers(1, 20), STATES, max_size=18)
SPECS = st.sampled_from(
    [
        {},
        {"sessionAffinity": "ClientIP"},
        {"type": "NodePort", "ports": (ServicePort(port=80, nodePort=30080),)},
        {"externalIPs": ("198.51.100.1",)},
    ]
)
STEPS = st.lists(st.tuples(st.integers(0, 2), SPECS, ENDPOINTS | st.none()), max_size=12)


def build(ip_byte: int, states: dict[int, str]) -> list[Endpoint]:
    return [
        endpoint(f"10.1.{ip_byte}.{n}", ready=s == "ready", serving=s != "unready", terminating=s == "terminating")
        for n, s in states.items()
    ]


def serving(states: dict[int, str]) -> set[int]:
    return {n for n, s in states.items() if s == "ready"} or {n for n, s in states.items() if s == "terminating"}


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_after_each_commit_every_usable_endpoint_has_its_share_and_no_other_gets_a_packet(steps: list) -> None:  # type: ignore[type-arg]
    """The kernel's strictness is the tables': a wrong transaction raises. No step leaves a gap."""
    ledger, tables = Ledger(Network()), Tables()
    commit(ledger, tables)
    world: dict[int, dict[int, str]] = {}
    for n, spec, states in steps:
        if states is None:
            world.pop(n, None)
            ledger.replace(key(f"s{n}"))
        else:
            world[n] = states
            put(ledger, service(f"s{n}", f"10.96.0.{n + 1}", **spec), *build(n, states))
        commit(ledger, tables)
        for m in range(3):
            packet = Packet(f"10.96.0.{m + 1}", 80)
            if m not in world:
                assert verdict(tables, packet).kind == "pass"
                continue
            usable = {Backend(f"10.1.{m}.{e}", 8080) for e in serving(world[m])}
            if not usable:
                assert verdict(tables, packet).kind == "refuse"
            else:
                found = shares(tables, packet)
                assert set(found) == usable
                assert len(found) == len(usable)


@settings(max_examples=50, deadline=None)
@given(STEPS)
def test_many_small_transactions_end_where_one_full_one_does(steps: list) -> None:  # type: ignore[type-arg]
    ledger, tables = Ledger(Network()), Tables()
    for n, spec, states in steps:
        if states is None:
            ledger.replace(key(f"s{n}"))
        else:
            put(ledger, service(f"s{n}", f"10.96.0.{n + 1}", **spec), *build(n, states))
        commit(ledger, tables)
    ledger.start_over()
    fresh = Tables()
    commit(ledger, fresh)
    assert fresh.elements == tables.elements
    assert verdict(fresh, Packet(NODE_IP, 1), LOCAL_ADDRESSES).kind == "pass"
