"""A server's lease: made at its start, renewed, and taken away when nobody renews it."""

from __future__ import annotations

import asyncio

from navarch.server.identity_lease import DURATION_S, RENEW_S, IdentityLease, lease_name
from tests.server.peer import Peer

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"


def test_a_lease_is_renewed_and_those_of_the_dead_go(peer: Peer) -> None:
    lease = IdentityLease(peer.server, "vm", "192.0.2.1:6443")
    peer.loop.run_until_complete(lease.renew())
    path = f"{LEASES}/{lease_name('vm')}"
    first = peer.get(path)
    assert first["metadata"]["annotations"] == {"kubernetes.io/peer-advertise-address": "192.0.2.1:6443"}
    peer.loop.run_until_complete(IdentityLease(peer.server, "other", "192.0.2.2:6443").renew())
    peer.post(LEASES, {"metadata": {"name": "somebodys"}, "spec": {}})
    keeping = peer.loop.create_task(lease.keep())
    peer.seams.clock.jump(DURATION_S + 1)
    peer.loop.advance(DURATION_S)
    keeping.cancel()
    peer.loop.run_until_complete(asyncio.sleep(0))
    second = peer.get(path)
    assert second["spec"]["holderIdentity"] == first["spec"]["holderIdentity"]
    assert second["spec"]["renewTime"] > first["spec"]["renewTime"]
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert {item["metadata"]["name"] for item in peer.get(LEASES)["items"]} == {lease_name("vm"), "somebodys"}
    assert RENEW_S < DURATION_S


def test_a_server_that_comes_back_takes_up_its_lease(peer: Peer) -> None:
    for _ in range(2):
        peer.loop.run_until_complete(IdentityLease(peer.server, "vm", "192.0.2.1:6443").renew())
    assert len(peer.get(LEASES)["items"]) == 1
