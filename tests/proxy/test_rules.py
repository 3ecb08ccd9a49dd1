from __future__ import annotations

import pytest

from navarch.api.views.discovery import Endpoint
from navarch.api.views.service import ClientIPConfig, ServicePort, SessionAffinityConfig
from navarch.proxy.rules import Backend, Place, service_rules
from navarch.proxy.trace import Packet, Verdict, shares, verdict
from tests.proxy.build import HERE, LOCAL_ADDRESSES, NODE_IP, endpoint, endpoint_slice, service, tables_of

NODE_PORT = (ServicePort(port=80, protocol="TCP", nodePort=30080),)
OUTSIDE = "203.0.113.7"


def backends(*endpoints: Endpoint) -> list[str]:
    rules = service_rules(service(), [endpoint_slice(*endpoints)], HERE)
    return [b.ip for b in rules.frontends[0].backends]


@pytest.mark.parametrize(
    ("endpoints", "chosen"),
    [
        ((endpoint("10.244.0.5"), endpoint("10.244.0.6", ready=False)), ["10.244.0.5"]),
        ((endpoint("10.244.0.5"), endpoint("10.244.0.5")), ["10.244.0.5"]),
        ((Endpoint(addresses=("10.244.0.5",)),), ["10.244.0.5"]),
        # Terminating endpoints serve only while nobody else does, and only if they still answer.
        (
            (endpoint("10.244.0.5", ready=False, serving=True, terminating=True), endpoint("10.244.0.6")),
            ["10.244.0.6"],
        ),
        (
            (
                endpoint("10.244.0.5", ready=False, serving=True, terminating=True),
                endpoint("10.244.0.6", ready=False, serving=False, terminating=True),
                endpoint("10.244.0.7", ready=False),
            ),
            ["10.244.0.5"],
        ),
        # Hints count when every ready endpoint has them and some are for us.
        ((endpoint("10.244.0.5", zones=("east",)), endpoint("10.244.0.6", zones=("west",))), ["10.244.0.5"]),
        ((endpoint("10.244.0.5", zones=("west",)), endpoint("10.9.0.6", zones=("west",))), ["10.244.0.5", "10.9.0.6"]),
        ((endpoint("10.244.0.5", zones=("east",)), endpoint("10.244.0.6")), ["10.244.0.5", "10.244.0.6"]),
        (
            (endpoint("10.244.0.5", nodes=("n1",), zones=("east",)), endpoint("10.9.0.6", nodes=("n2",), zones=("e",))),
            ["10.244.0.5"],
        ),
        ((), []),
    ],
)  # fmt: skip
def test_which_endpoints_serve(endpoints: tuple[Endpoint, ...], chosen: list[str]) -> None:
    assert backends(*endpoints) == chosen


def test_slices_of_one_service_are_merged_and_ports_matched_by_name_and_protocol() -> None:
    ports = (
        ServicePort(name="http", port=80, protocol="TCP"),
        ServicePort(name="dns", port=53, protocol="UDP"),
        ServicePort(name="dns-tcp", port=53, protocol="TCP"),
    )
    slices = (
        endpoint_slice(endpoint("10.1.0.1"), name="a", port_name="http", port=8080),
        endpoint_slice(endpoint("10.1.0.2"), name="b", port_name="http", port=8081),
        endpoint_slice(endpoint("10.1.0.3"), name="c", port_name="dns", port=5353, protocol="UDP"),
        endpoint_slice(endpoint("fd00::1"), name="d", port_name="http", family="IPv6"),
    )
    tables = tables_of((service(ports=ports), slices))
    assert set(shares(tables, Packet("10.96.0.9", 80))) == {Backend("10.1.0.1", 8080), Backend("10.1.0.2", 8081)}
    assert shares(tables, Packet("10.96.0.9", 53, "udp")) == [Backend("10.1.0.3", 5353)]
    assert verdict(tables, Packet("10.96.0.9", 53)).kind == "refuse"


def test_no_endpoints_refuse_and_wrong_ports_of_a_cluster_ip_too() -> None:
    tables = tables_of((service(), ()))
    assert verdict(tables, Packet("10.96.0.9", 80)) == Verdict("refuse")
    assert verdict(tables, Packet("10.96.0.9", 81)) == Verdict("refuse")
    assert verdict(tables, Packet("10.96.0.10", 80)) == Verdict("pass")


def test_node_port_answers_on_every_address_of_the_node_and_hides_the_client() -> None:
    one = service(type="NodePort", ports=NODE_PORT)
    tables = tables_of((one, (endpoint_slice(endpoint("10.244.1.5")),)))
    for address in LOCAL_ADDRESSES:
        found = verdict(tables, Packet(address, 30080, source=OUTSIDE, inside=False), LOCAL_ADDRESSES)
        assert found == Verdict("deliver", Backend("10.244.1.5", 8080), masquerade=True)
    assert verdict(tables, Packet("192.168.49.3", 30080), LOCAL_ADDRESSES).kind == "pass"
    assert verdict(tables, Packet("10.96.0.9", 80)).masquerade is False


@pytest.mark.parametrize("destination", [NODE_IP, "198.51.100.1", "198.51.100.2"])
def test_external_policy_local(destination: str) -> None:
    """Outsiders reach endpoints of this node with their own address; clients on the node reach all of them."""
    one = service(
        type="LoadBalancer",
        ports=NODE_PORT,
        externalTrafficPolicy="Local",
        externalIPs=("198.51.100.1",),
        ingress=("198.51.100.2",),
        healthCheckNodePort=32000,
    )
    port = 30080 if destination == NODE_IP else 80
    outsider = Packet(destination, port, source=OUTSIDE, inside=False)
    here, there = endpoint("10.244.0.5", node="n1"), endpoint("10.244.1.5", node="n2")

    both = tables_of((one, (endpoint_slice(here, there),)))
    assert verdict(both, outsider, LOCAL_ADDRESSES) == Verdict("deliver", Backend("10.244.0.5", 8080))
    assert len(shares(both, Packet(destination, port), LOCAL_ADDRESSES)) == 2

    elsewhere = tables_of((one, (endpoint_slice(there),)))
    assert verdict(elsewhere, outsider, LOCAL_ADDRESSES) == Verdict("drop")
    assert verdict(elsewhere, Packet(destination, port), LOCAL_ADDRESSES).kind == "deliver"

    assert verdict(tables_of((one, ())), outsider, LOCAL_ADDRESSES) == Verdict("refuse")


def test_health_check_counts_ready_endpoints_of_this_node() -> None:
    one = service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=32000)
    slices = [
        endpoint_slice(
            endpoint("10.244.0.5", node="n1"), endpoint("10.244.0.6", node="n1", ready=False), endpoint("10.244.1.5")
        )
    ]
    health = service_rules(one, slices, HERE).health
    assert health is not None
    assert (health.port, health.local_endpoints) == (32000, 1)


def test_internal_policy_local() -> None:
    one = service(internalTrafficPolicy="Local")
    here, there = endpoint("10.244.0.5", node="n1"), endpoint("10.244.1.5", node="n2")
    packet = Packet("10.96.0.9", 80)
    assert shares(tables_of((one, (endpoint_slice(here, there),))), packet) == [Backend("10.244.0.5", 8080)]
    assert verdict(tables_of((one, (endpoint_slice(there),))), packet).kind == "drop"
    assert verdict(tables_of((one, ())), packet).kind == "refuse"


def test_source_ranges_guard_the_balancer_but_not_the_cluster_ip() -> None:
    one = service(
        type="LoadBalancer", ingress=("198.51.100.2",), loadBalancerSourceRanges=("10.0.0.0/8", "10.1.0.0/16")
    )
    tables = tables_of((one, (endpoint_slice(endpoint("10.244.0.5")),)))
    assert verdict(tables, Packet("198.51.100.2", 80, source="10.1.2.3")).kind == "deliver"
    assert verdict(tables, Packet("198.51.100.2", 80, source=OUTSIDE)).kind == "drop"
    assert verdict(tables, Packet("10.96.0.9", 80, source=OUTSIDE)).kind == "deliver"


def test_client_ip_affinity_sticks_until_the_backend_goes() -> None:
    one = service(sessionAffinity="ClientIP", sessionAffinityConfig=SessionAffinityConfig(ClientIPConfig(60)))
    addresses = ["10.244.0.5", "10.244.0.6", "10.244.0.7"]
    tables = tables_of((one, (endpoint_slice(*map(endpoint, addresses)),)))
    memory: dict[tuple[str, str, str], str] = {}
    packet = Packet("10.96.0.9", 80)
    first = verdict(tables, packet, roll=1, affinity=memory).backend
    assert first is not None
    assert {verdict(tables, packet, roll=roll, affinity=memory).backend for roll in range(3)} == {first}
    left = [a for a in addresses if a != first.ip]
    tables = tables_of((one, (endpoint_slice(*map(endpoint, left)),)))
    second = verdict(tables, packet, roll=0, affinity=memory).backend
    assert second is not None and second.ip in left
    assert {verdict(tables, packet, roll=roll, affinity=memory).backend for roll in range(3)} == {second}


def test_masquerading_and_affinity_together() -> None:
    one = service(type="NodePort", ports=NODE_PORT, sessionAffinity="ClientIP")
    tables = tables_of((one, (endpoint_slice(endpoint("10.244.0.5")),)))
    assert verdict(tables, Packet(NODE_IP, 30080, inside=False), LOCAL_ADDRESSES).masquerade is True
    assert verdict(tables, Packet("10.96.0.9", 80)).masquerade is False


def test_services_without_virtual_address_have_no_rules() -> None:
    for one in (
        service(ip="None"),
        service(ip=""),
        service(ip="", type="ExternalName", externalName="example.org"),
    ):
        assert service_rules(one, [endpoint_slice(endpoint("10.1.0.1"))], HERE).frontends == ()


def test_dual_stack_services_have_frontends_in_each_family() -> None:
    place = Place("n1", families=("ip", "ip6"))
    one = service(type="NodePort", clusterIPs=("10.96.0.9", "fd00:96::9"), ports=NODE_PORT)
    slices = (
        endpoint_slice(endpoint("10.1.0.1"), name="a"),
        endpoint_slice(endpoint("fd00::1"), name="b", family="IPv6"),
    )
    tables = tables_of((one, slices), place=place)
    assert shares(tables, Packet("fd00:96::9", 80)) == [Backend("fd00::1", 8080)]
    assert shares(tables, Packet("10.96.0.9", 80)) == [Backend("10.1.0.1", 8080)]
    assert shares(tables, Packet("fd00:49::2", 30080), ("fd00:49::2",)) == [Backend("fd00::1", 8080)]


def test_hairpins_are_backends_that_may_run_here() -> None:
    slices = [
        endpoint_slice(endpoint("10.1.0.1", node="n1"), endpoint("10.1.0.2", node="n2"), endpoint("9.9.9.9", node=""))
    ]
    assert service_rules(service(), slices, HERE).hairpins == ("10.1.0.1", "9.9.9.9")
