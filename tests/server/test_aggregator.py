"""Who follows APIServices and their backends: on the virtual loop, where no remote ever answers."""

from __future__ import annotations

import asyncio
from typing import Any

from navarch.server.aggregation import PASSED
from tests.server.peer import Peer

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
BACKENDS = "/api/v1/namespaces/default/services"
MERGE = "application/merge-patch+json"

Tree = dict[str, Any]


def api_service(version: str, service: str) -> Tree:
    spec = {
        "group": "ex.example.com",
        "version": version,
        "service": {"namespace": "default", "name": service, "port": 443},
        "groupPriorityMinimum": 2000,
        "versionPriority": 200,
    }
    return {"metadata": {"name": f"{version}.ex.example.com"}, "spec": spec}


def backend(name: str) -> Tree:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 443}]}}


def reason(peer: Peer, version: str) -> str:
    tree = peer.get(f"{SERVICES}/{version}.ex.example.com")
    found: str = tree["status"]["conditions"][0]["reason"]
    return found


def later(peer: Peer, seconds: float) -> None:
    peer.loop.run_until_complete(asyncio.sleep(seconds))


def test_each_remote_hears_of_its_own_backend(peer: Peer) -> None:
    for version, service in (("v1", "one"), ("v2", "two")):
        peer.post(SERVICES, api_service(version, service))
    assert [reason(peer, version) for version in ("v1", "v2")] == ["ServiceNotFound"] * 2
    peer.post(BACKENDS, backend("two"))
    later(peer, 0.2)
    assert [reason(peer, version) for version in ("v1", "v2")] == ["ServiceNotFound", "EndpointsNotFound"]


def test_a_changed_apiservice_is_checked_anew(peer: Peer) -> None:
    peer.post(BACKENDS, backend("two"))
    peer.post(SERVICES, api_service("v1", "one"))
    assert reason(peer, "v1") == "ServiceNotFound"
    change = {"spec": {"service": {"name": "two"}}}
    peer.ok("PATCH", f"{SERVICES}/v1.ex.example.com", change, media=MERGE)
    assert reason(peer, "v1") == "EndpointsNotFound"


def test_what_was_found_of_an_earlier_remote_is_not_written(peer: Peer) -> None:
    aggregator = peer.server.aggregator
    peer.post(SERVICES, api_service("v1", "one"))
    (before,) = aggregator.remotes.values()
    peer.ok("PATCH", f"{SERVICES}/v1.ex.example.com", {"spec": {"service": {"port": 444}}}, media=MERGE)
    (after,) = aggregator.remotes.values()
    peer.loop.run_until_complete(aggregator.note(before, PASSED))
    assert reason(peer, "v1") == "ServiceNotFound"
    peer.loop.run_until_complete(aggregator.note(after, PASSED))
    assert reason(peer, "v1") == "Passed"


def test_a_condition_that_somebody_else_wrote_is_put_right(peer: Peer) -> None:
    peer.post(SERVICES, api_service("v1", "one"))
    path = f"{SERVICES}/v1.ex.example.com/status"
    condition = {"type": "Available", "status": "True", "reason": "Wished", "lastTransitionTime": None}
    peer.ok("PATCH", path, {"status": {"conditions": [condition]}}, media=MERGE)
    later(peer, 0.2)
    assert reason(peer, "v1") == "ServiceNotFound"


def test_backends_matter_while_there_are_remotes(peer: Peer) -> None:
    aggregator = peer.server.aggregator
    assert not aggregator._forget_backends
    peer.post(SERVICES, api_service("v1", "one"))
    peer.post(SERVICES, api_service("v2", "one"))
    assert len(aggregator._forget_backends) == 2
    peer.ok("DELETE", f"{SERVICES}/v1.ex.example.com")
    assert len(aggregator._forget_backends) == 2
    peer.ok("DELETE", f"{SERVICES}/v2.ex.example.com")
    assert not aggregator._forget_backends and not aggregator._checks
