"""What policies let pass: the examples of Kubernetes' documentation."""

from __future__ import annotations

import pytest

from navarch.proxy.policies.members import Wanted
from navarch.proxy.policies.rules import Ports, merged
from tests.proxy.policies.packets import Tree, book, passes, pod, policy

A, B, OTHER, FAR, OUT = "10.244.0.2", "10.244.0.3", "10.244.0.4", "10.244.1.5", "192.0.2.7"
NAMESPACES = {"default": {"kubernetes.io/metadata.name": "default"}, "team": {"team": "operations"}}
PODS = (
    pod("a", A, app="a", role="db"),
    pod("b", B, app="b"),
    pod("other", OTHER, "team", app="monitor"),
    pod("far", FAR, node="node-2", app="far", role="frontend"),
)
ALL: Tree = {"podSelector": {}}


def wanted(*specs: Tree) -> Wanted:
    return book(PODS, [policy(spec) for spec in specs], NAMESPACES).wanted()


def test_without_policies_everything_passes() -> None:
    found = wanted()
    assert passes(found, A, B, 1) and not found.pods["ingress"] and not found.pods["egress"]


def test_default_deny() -> None:
    closed = wanted({**ALL, "policyTypes": ["Ingress"]})
    assert not passes(closed, B, A, 80) and not passes(closed, OUT, A, 80)
    assert passes(closed, A, OUT, 80), "outwards all is open"
    assert passes(closed, B, OTHER, 80), "another namespace is open"
    assert passes(closed, A, A, 80), "nobody is kept from itself"
    shut = wanted({**ALL, "policyTypes": ["Egress"]})
    assert not passes(shut, A, OUT, 80) and passes(shut, OUT, A, 80)


def test_allow_all_beside_a_default_deny() -> None:
    found = wanted({**ALL, "policyTypes": ["Ingress"]}, {**ALL, "ingress": [{}]})
    assert passes(found, OUT, A, 80) and passes(found, OUT, B, 53, "udp")


@pytest.mark.parametrize(
    ("peer", "let_in"),
    [
        ({"podSelector": {"matchLabels": {"role": "frontend"}}}, {FAR}),
        ({"podSelector": {}}, {B, FAR}),
        ({"namespaceSelector": {}}, {B, FAR, OTHER}),
        ({"namespaceSelector": {"matchLabels": {"team": "operations"}}}, {OTHER}),
        (
            {
                "namespaceSelector": {"matchLabels": {"team": "operations"}},
                "podSelector": {"matchLabels": {"app": "b"}},
            },
            set(),
        ),
        ({"ipBlock": {"cidr": "10.244.0.0/16", "except": ["10.244.1.0/24"]}}, {B, OTHER}),
        ({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16"]}}, {OUT}),
    ],
)
def test_peers(peer: Tree, let_in: set[str]) -> None:
    found = wanted({"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"from": [peer]}]})
    assert {source for source in (B, OTHER, FAR, OUT) if passes(found, source, A, 80)} == let_in


@pytest.mark.parametrize(
    ("port", "passing"),
    [
        ({"port": 6379}, {("tcp", 6379)}),
        ({"port": 32000, "endPort": 32768}, {("tcp", 32000), ("tcp", 32768)}),
        ({"protocol": "UDP"}, {("udp", 53), ("udp", 6379)}),
        ({"port": "web"}, {("tcp", 8080)}),
    ],
)
def test_ports(port: Tree, passing: set[tuple[str, int]]) -> None:
    found = wanted({"podSelector": {"matchLabels": {"app": "a"}}, "ingress": [{"ports": [port]}]})
    asked = [("tcp", 6379), ("tcp", 32000), ("tcp", 32768), ("udp", 53), ("udp", 6379), ("tcp", 8080), ("tcp", 9090)]
    assert {each for each in asked if passes(found, OUT, A, each[1], each[0])} == passing


def test_a_named_port_of_those_that_are_reached() -> None:
    spec = {"podSelector": {"matchLabels": {"app": "a"}}, "policyTypes": ["Egress"]}
    found = wanted({**spec, "egress": [{"to": [{"podSelector": {}}], "ports": [{"port": "web"}]}]})
    assert passes(found, A, B, 9090) and not passes(found, A, B, 8080) and passes(found, A, FAR, 8080)
    assert not passes(found, A, OTHER, 8080)
    anybody = wanted({**spec, "egress": [{"ports": [{"port": "web"}]}]})
    assert passes(anybody, A, OTHER, 8080) and not passes(anybody, A, OUT, 8080)


def test_a_name_that_no_container_has_opens_nothing() -> None:
    found = wanted({**ALL, "ingress": [{"ports": [{"port": "metrics"}]}]})
    assert not any(passes(found, OUT, A, port) for port in (80, 8080, 9090))


def test_pods_of_other_nodes_are_theirs() -> None:
    found = wanted({**ALL, "policyTypes": ["Ingress"]})
    assert set(found.pods["ingress"]) == {A, B}


def test_ranges_do_not_overlap() -> None:
    ports = [
        Ports("tcp", 80, 90),
        Ports("udp", 1, 2),
        Ports("tcp", 85, 100),
        Ports("tcp", 101, 101),
    ]
    assert merged(ports) == (Ports("tcp", 80, 101), Ports("udp", 1, 2))
