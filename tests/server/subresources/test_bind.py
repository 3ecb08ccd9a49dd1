"""Bindings: a pod gets its node once."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.base.errors import StatusError
from navarch.server.subresources.bind import bound
from tests.server.peer import Peer

PODS = "/api/v1/namespaces/default/pods"
NOW = "2026-01-01T00:00:00Z"


def binding(node: str = "n1", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"} | metadata, "target": {"kind": "Node", "name": node}}


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "uid": "u"}, "spec": {"containers": [{"name": "c", "image": "i"}]} | spec}


def test_binding_bypasses_the_rules_of_updates(peer: Peer) -> None:
    peer.post(PODS, pod())
    answer = peer.post(PODS + "/p/binding", binding(labels={"topology.kubernetes.io/zone": "z"}))
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    live = peer.get(PODS + "/p")
    assert live["spec"]["nodeName"] == "n1"
    assert live["metadata"]["generation"] == 1
    assert live["metadata"]["labels"] == {"topology.kubernetes.io/zone": "z"}
    (scheduled,) = [c for c in live["status"]["conditions"] if c["type"] == "PodScheduled"]
    assert scheduled["status"] == "True"
    assert peer.refused("POST", PODS + "/p/binding", binding("n2"))[0] == 409


def test_the_older_collection_binds_too(peer: Peer) -> None:
    peer.post(PODS, pod())
    peer.post("/api/v1/namespaces/default/bindings", binding())
    assert peer.get(PODS + "/p")["spec"]["nodeName"] == "n1"


@pytest.mark.parametrize(
    ("spec", "metadata", "asked", "text"),
    [
        ({"nodeName": "n0"}, {}, {}, 'already assigned to node "n0"'),
        ({"schedulingGates": [{"name": "g"}]}, {}, {}, "non-empty .spec.schedulingGates"),
        ({}, {"deletionTimestamp": NOW}, {}, "is being deleted"),
        ({}, {}, {"uid": "other"}, "Precondition failed: UID in precondition: other"),
    ],
)
def test_pods_that_cannot_be_bound(
    spec: dict[str, Any], metadata: dict[str, Any], asked: dict[str, Any], text: str
) -> None:
    one = pod(**spec)
    one["metadata"] |= metadata
    with pytest.raises(StatusError, match=text.replace("(", r"\(")) as caught:
        bound(one, binding(**asked), NOW)
    assert caught.value.code == 409


def test_targets(peer: Peer) -> None:
    peer.post(PODS, pod())
    assert peer.refused("POST", PODS + "/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node"}})[0] == 422
    wrong = {"metadata": {"name": "p"}, "target": {"kind": "Pod", "name": "n"}}
    assert peer.refused("POST", PODS + "/p/binding", wrong)[0] == 422
