"""Cluster IPs and node ports of Services: what is given, kept, and given back."""

from __future__ import annotations

from collections.abc import Iterator
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
        assert both["clusterIPs"][1] not in parents(peer)
        peer.post(SERVICES, service("other", ipFamilies=["IPv6"], clusterIP=both["clusterIPs"][1]))
    finally:
        peer.close()


ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
CIDRS = "/apis/networking.k8s.io/v1/servicecidrs"


def parents(peer: Peer) -> dict[str, str]:
    """Each address with the object that it belongs to."""
    found = {i["metadata"]["name"]: i["spec"]["parentRef"] for i in peer.get(ADDRESSES)["items"]}
    return {name: "/".join([ref["resource"], ref["namespace"], ref["name"]]) for name, ref in found.items()}


def test_every_address_has_an_object_as_long_as_it_is_taken(peer: Peer) -> None:
    address = peer.post(SERVICES, service())["spec"]["clusterIP"]
    assert parents(peer) == {"10.96.0.1": "services/default/kubernetes", address: "services/default/s"}
    labels = peer.get(f"{ADDRESSES}/{address}")["metadata"]["labels"]
    assert labels == {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    peer.ok("DELETE", SERVICES + "/s")
    assert list(parents(peer)) == ["10.96.0.1"]


def test_objects_that_somebody_took_away_or_changed_come_back(peer: Peer) -> None:
    peer.post(SERVICES, service(clusterIP="10.96.3.3"))
    before = parents(peer)
    peer.ok("DELETE", f"{ADDRESSES}/10.96.3.3")
    assert parents(peer) == before
    peer.post(ADDRESSES, stray("10.96.3.4"))
    assert parents(peer) == before


def test_objects_are_mended_by_the_next_server(peer: Peer) -> None:
    peer.post(SERVICES, service(clusterIP="10.96.3.3"))
    before = parents(peer)
    peer.server.close()
    peer.loop.run_until_complete(
        peer.store.delete(f"{KEYS}10.96.3.3", peer.store.index.get(f"{KEYS}10.96.3.3").revision)
    )
    peer.restart()
    peer.get(CIDRS)
    assert parents(peer) == before


KEYS = "ipaddresses.networking.k8s.io/"


def stray(address: str) -> dict[str, Any]:
    labels = {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}
    return foreign(address) | {"metadata": {"name": address, "labels": labels}}


def foreign(address: str) -> dict[str, Any]:
    reference = {"group": "gateway.networking.k8s.io", "resource": "gateways", "namespace": "default", "name": "g"}
    return {"metadata": {"name": address}, "spec": {"parentRef": reference}}


def test_an_address_that_another_object_has_is_not_given_to_a_service(peer: Peer) -> None:
    peer.post(ADDRESSES, foreign("10.96.3.3"))
    code, text = peer.refused("POST", SERVICES, service(clusterIP="10.96.3.3"))
    assert code == 422 and "provided IP is already allocated" in text
    peer.ok("DELETE", f"{ADDRESSES}/10.96.3.3")
    peer.post(SERVICES, service(clusterIP="10.96.3.3"))


def test_a_full_range_is_helped_by_another(small: Peer) -> None:
    for number in range(13):
        small.post(SERVICES, service(f"s{number}"))
    assert small.send("POST", SERVICES, service("late")).status == 500
    small.post(CIDRS, {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/28"]}})
    assert small.post(SERVICES, service("late"))["spec"]["clusterIP"].startswith("10.97.0.")
    assert small.post(SERVICES, service("named", clusterIP="10.97.0.3"))["spec"]["clusterIP"] == "10.97.0.3"


def test_a_range_that_goes_away_gives_no_more_addresses(peer: Peer) -> None:
    peer.post(CIDRS, {"metadata": {"name": "more", "finalizers": ["x/y"]}, "spec": {"cidrs": ["10.97.0.0/28"]}})
    peer.post(SERVICES, service("a", clusterIP="10.97.0.3"))
    peer.ok("DELETE", f"{CIDRS}/more")
    code, text = peer.refused("POST", SERVICES, service("b", clusterIP="10.97.0.4"))
    assert code == 422 and "the provided network does not match the current range" in text
    peer.ok("PATCH", f"{SERVICES}/a", {"metadata": {"labels": {"a": "b"}}}, media=MERGE)


def test_a_trial_asks_only_who_has_a_node_port(peer: Peer) -> None:
    wanted = service(type="NodePort", ports=[{"port": 80, "nodePort": 80}])
    assert peer.post(SERVICES + "?dryRun=All", wanted)["spec"]["ports"][0]["nodePort"] == 80
    status, message = peer.refused("POST", SERVICES, wanted)
    assert status == 422 and "The range of valid ports is 30000-32767" in message


def test_an_address_needs_a_service_with_a_name(small: Peer) -> None:
    nameless = {"spec": service()["spec"]}
    for _ in range(10):  # more often than there are addresses
        status, message = small.refused("POST", SERVICES, nameless)
        assert status == 422 and message.endswith("is invalid: spec.parentRef.name: Required value")


def test_an_address_of_a_load_balancer_is_a_virtual_one_unless_told(peer: Peer) -> None:
    peer.post(SERVICES, service(type="LoadBalancer"))
    given = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}, {"hostname": "lb.example.com"}]}}}
    done = peer.ok("PATCH", SERVICES + "/s/status", given, media=MERGE)
    entries = [{"ip": "192.0.2.7", "ipMode": "VIP"}, {"hostname": "lb.example.com"}]
    assert done["status"]["loadBalancer"]["ingress"] == entries
    bad = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2"}]}}}
    status, message = peer.refused("PATCH", SERVICES + "/s/status", bad, media=MERGE)
    assert status == 422 and "must be a valid IP address" in message
