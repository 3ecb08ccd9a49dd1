"""What every cluster holds comes back when somebody takes it away."""

from __future__ import annotations

import asyncio
import json

from navarch.server.bootstrap import KEEP_UP_S, BootstrapConfig, bootstrap, keep_up
from tests.server.peer import Peer

SERVICE = "/api/v1/namespaces/default/services/kubernetes"
ENDPOINTS = "/api/v1/namespaces/default/endpoints/kubernetes"
SLICE = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
FLOW_SCHEMA = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/service-accounts"
AUTHENTICATION = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
LASTING = (SERVICE, ENDPOINTS, SLICE, FLOW_SCHEMA, AUTHENTICATION)


def test_what_is_taken_away_comes_back_and_what_is_there_stays(peer: Peer) -> None:
    config = BootstrapConfig(address="192.0.2.1", client_ca="authority")
    peer.loop.run_until_complete(bootstrap(peer.server, config))
    keeping = peer.loop.create_task(keep_up(peer.server, config))
    revision = peer.store.index.revision
    peer.loop.advance(3 * KEEP_UP_S)
    assert peer.store.index.revision == revision, "nothing was missing"
    before = {path: peer.get(path) for path in LASTING}
    for path in LASTING:
        peer.ok("DELETE", path)
    peer.ok("DELETE", "/api/v1/namespaces/kube-node-lease")
    peer.ok("PUT", "/api/v1/namespaces/kube-node-lease/finalize", {"metadata": {"name": "kube-node-lease"}, "spec": {}})
    assert peer.send("GET", "/api/v1/namespaces/kube-node-lease").status == 404
    peer.loop.advance(KEEP_UP_S)
    for path in LASTING:
        after = peer.get(path)
        assert after["metadata"]["uid"] != before[path]["metadata"]["uid"]
        for part in ("spec", "subsets", "endpoints", "data"):
            assert json.dumps(after.get(part)) == json.dumps(before[path].get(part))
    assert peer.get("/api/v1/namespaces/kube-node-lease")["status"] == {"phase": "Active"}
    keeping.cancel()
    peer.loop.run_until_complete(asyncio.sleep(0))


def test_a_moved_endpoint_is_put_right(peer: Peer) -> None:
    config = BootstrapConfig(address="192.0.2.1")
    peer.loop.run_until_complete(bootstrap(peer.server, config))
    keeping = peer.loop.create_task(keep_up(peer.server, config))
    stray = {"subsets": [{"addresses": [{"ip": "192.0.2.9"}], "ports": [{"port": 1}]}]}
    peer.ok("PATCH", ENDPOINTS, stray, media="application/merge-patch+json")
    peer.loop.advance(KEEP_UP_S)
    assert peer.get(ENDPOINTS)["subsets"][0]["addresses"] == [{"ip": "192.0.2.1"}]
    keeping.cancel()
    peer.loop.run_until_complete(asyncio.sleep(0))
