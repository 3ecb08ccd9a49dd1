"""The pod network between hosts: what each is told, in which order, and what it forgets."""

from __future__ import annotations

import pytest

from navarch.node.podnet import Mode, Peer, State, changes, device, masquerade, wanted

A, B, C = (Peer(name, f"10.0.0.{n}", f"10.244.{n}.0/24") for n, name in enumerate("abc", 1))


def test_by_routes_a_range_is_behind_its_host() -> None:
    state = wanted("a", [A, B, C], Mode.ROUTES)
    assert state == State({"10.244.2.0/24": "via 10.0.0.2", "10.244.3.0/24": "via 10.0.0.3"})
    assert changes(State(), state) == (
        ["route replace 10.244.2.0/24 via 10.0.0.2", "route replace 10.244.3.0/24 via 10.0.0.3"],
        [],
    )


def test_a_tunnel_needs_no_more_than_the_nodes_tell() -> None:
    addresses, bridge = changes(State(), wanted("a", [A, B], Mode.VXLAN))
    assert addresses == [
        "neighbour replace 10.244.2.0 lladdr 02:00:0a:00:00:02 dev navarch.vx nud permanent",
        "route replace 10.244.2.0/24 via 10.244.2.0 dev navarch.vx onlink",
    ]
    assert bridge == ["fdb replace 02:00:0a:00:00:02 dev navarch.vx dst 10.0.0.2"]
    assert device(B, "eth0")[0].startswith("link add navarch.vx address 02:00:0a:00:00:02 type vxlan")


@pytest.mark.parametrize("mode", [Mode.ROUTES, Mode.VXLAN])
def test_only_what_changed_is_said_and_what_is_gone_is_taken_back(mode: Mode) -> None:
    before, after = wanted("a", [A, B], mode), wanted("a", [A, B, C], mode)
    assert changes(before, before) == ([], [])
    more = "\n".join(line for part in changes(before, after) for line in part)
    assert "10.244.3.0" in more and "10.244.2.0" not in more
    less = "\n".join(line for part in changes(after, before) for line in part)
    assert "route del 10.244.3.0/24" in less and "10.244.2.0" not in less


def test_a_host_that_moved_is_found_again() -> None:
    moved = Peer("b", "10.0.0.9", B.pod_cidr)
    addresses, bridge = changes(wanted("a", [A, B], Mode.VXLAN), wanted("a", [A, moved], Mode.VXLAN))
    assert addresses == ["neighbour replace 10.244.2.0 lladdr 02:00:0a:00:00:09 dev navarch.vx nud permanent"]
    assert bridge == [
        "fdb replace 02:00:0a:00:00:09 dev navarch.vx dst 10.0.0.9",
        "fdb del 02:00:0a:00:00:02 dev navarch.vx",
    ]


def test_pods_keep_their_address_within_the_cluster() -> None:
    text = masquerade(A, [A, B])
    assert "elements = { 10.0.0.1/32, 10.0.0.2/32, 10.244.1.0/24, 10.244.2.0/24 }" in text
    assert "ip saddr 10.244.1.0/24 ip daddr != @inside masquerade" in text


def test_without_a_network_of_ours_nothing_is_said() -> None:
    assert wanted("a", [A, B, C], Mode.NONE) == State()
