"""Cluster IPs and node ports of Services: what is given, kept, and given back."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from navarch.server.app import ServerConfig
from tests.server.peer import Peer

SERVICES = "/api/v1/namespaces/default/services"
MERGE = "application/merge-patch+json"


def service(name: str = "s", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}} | spec}


@pytest.fixture
def small() -> Iterator[Peer]:
    """A server with twelve addresses, one of them for `kubernetes`."""
    peer = Peer(ServerConfig(service_cidrs=("10.96.0.0/28",)))
    yield peer
    peer.close()


def test_an_exhausted_range_and_its_recovery(small: Peer) -> None:
    made = 0
    while small.send("POST", SERVICES, service(f"s{made}")).status == 201:
        made += 1
    assert made == 13
    code, text = small.refused("POST", SERVICES, service("late"))
    assert code == 500 and "range 10.96.0.0/28 is full" in text
    freed = small.get(SERVICES + "/s4")["spec"]["clusterIP"]
    small.ok("DELETE", SERVICES + "/s4")
    assert small.post(SERVICES, service("late"))["spec"]["clusterIP"] == freed


def test_a_refused_create_gives_its_address_back(small: Peer) -> None:
    for number in range(40):
        assert small.send("POST", SERVICES, service(f"s{number}", sessionAffinity="Bogus")).status == 422
        assert small.send("POST", SERVICES + "?dryRun=All", service(f"s{number}")).status == 201
    small.post(SERVICES, service())


def test_an_address_is_given_to_one(peer: Peer) -> None:
    peer.post(SERVICES, service("a", clusterIP="10.96.3.3"))
    code, text = peer.refused("POST", SERVICES, service("b", clusterIP="10.96.3.3"))
    assert code == 422 and "provided IP is already allocated" in text


def test_a_put_without_addresses_keeps_them(peer: Peer) -> None:
    made = peer.post(SERVICES, service(type="NodePort"))
    again = peer.ok("PUT", SERVICES + "/s", service(type="NodePort", sessionAffinity="ClientIP"))
    for name in ("clusterIP", "clusterIPs", "ipFamilies", "ports"):
        assert again["spec"][name] == made["spec"][name]


def test_node_ports_go_back_with_the_type(peer: Peer) -> None:
    port = peer.post(SERVICES, service(type="NodePort"))["spec"]["ports"][0]["nodePort"]
    back = peer.ok("PATCH", SERVICES + "/s", {"spec": {"type": "ClusterIP"}}, media=MERGE)
    assert "nodePort" not in back["spec"]["ports"][0]
    other = service("t", type="NodePort", ports=[{"port": 80, "nodePort": port}])
    assert peer.post(SERVICES, other)["spec"]["ports"][0]["nodePort"] == port


def test_a_port_taken_with_the_last_finalizer_is_given_back(peer: Peer) -> None:
    held = service()
    held["metadata"]["finalizers"] = ["example.com/wait"]
    peer.post(SERVICES, held)
    peer.ok("DELETE", SERVICES + "/s")
    ports = [{"port": 80, "nodePort": 30100}]
    patch = {"metadata": {"finalizers": None}, "spec": {"type": "NodePort", "ports": ports}}
    peer.ok("PATCH", SERVICES + "/s", patch, media=MERGE)
    assert peer.send("GET", SERVICES + "/s").status == 404
    assert peer.post(SERVICES, service("t", type="NodePort", ports=ports))["spec"]["ports"][0]["nodePort"] == 30100


def test_an_external_name_has_no_address(peer: Peer) -> None:
    address = peer.post(SERVICES, service())["spec"]["clusterIP"]
    patch = {"spec": {"type": "ExternalName", "externalName": "example.com"}}
    changed = peer.ok("PATCH", SERVICES + "/s", patch, media=MERGE)["spec"]
    assert "clusterIP" not in changed and "ipFamilies" not in changed
    assert peer.post(SERVICES, service("t", clusterIP=address))["spec"]["clusterIP"] == address


def test_protocols_share_a_node_port(peer: Peer) -> None:
    ports = [{"name": "t", "port": 53, "protocol": "TCP"}, {"name": "u", "port": 53, "protocol": "UDP"}]
    made = peer.post(SERVICES, service(type="NodePort", ports=ports))
    first, second = made["spec"]["ports"]
    assert first["nodePort"] == second["nodePort"]


def test_families_come_and_go() -> None:
    peer = Peer(ServerConfig(service_cidrs=("10.96.0.0/16", "fd00:10:96::/112")))
    try:
        assert peer.post(SERVICES, service())["spec"]["ipFamilies"] == ["IPv4"]
        patch = {"spec": {"ipFamilyPolicy": "PreferDualStack"}}
        both = peer.ok("PATCH", SERVICES + "/s", patch, media=MERGE)["spec"]
        assert both["ipFamilies"] == ["IPv4", "IPv6"] and len(both["clusterIPs"]) == 2
        patch = {"spec": {"ipFamilyPolicy": "SingleStack"}}
        one = peer.ok("PATCH", SERVICES + "/s", patch, media=MERGE)["spec"]
        assert one["clusterIPs"] == both["clusterIPs"][:1]
        assert peer.server._addresses._addresses["IPv6"].free(int.from_bytes(_packed(both["clusterIPs"][1])))
    finally:
        peer.close()


def _packed(address: str) -> bytes:

    return ip_address(address).packed
