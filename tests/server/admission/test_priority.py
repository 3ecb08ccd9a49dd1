"""Priority classes: one default, and those of the system stay."""

from __future__ import annotations

from typing import Any

from tests.server.peer import Peer

CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
MERGE = "application/merge-patch+json"


def priority_class(name: str, value: int, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "value": value, **more}


def test_there_is_one_default(peer: Peer) -> None:
    peer.post(CLASSES, priority_class("first", 1, globalDefault=True))
    peer.post(CLASSES, priority_class("second", 2))
    text = (
        'priorityclasses.scheduling.k8s.io "{}" is forbidden: PriorityClass first is already marked as default. '
        "Only one default can exist"
    )
    refused = peer.refused("POST", CLASSES, priority_class("third", 3, globalDefault=True))
    assert refused == (403, text.format("third"))
    refused = peer.refused("PATCH", CLASSES + "/second", {"globalDefault": True}, media=MERGE)
    assert refused == (403, text.format("second"))
    peer.ok("PATCH", CLASSES + "/first", {"description": "still the default"}, media=MERGE)


def test_the_classes_of_the_system_stay(peer: Peer) -> None:
    assert peer.refused("DELETE", CLASSES + "/system-node-critical") == (
        403,
        'priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: '
        "this is a system priority class and cannot be deleted",
    )
    assert peer.get(CLASSES + "/system-node-critical")["value"] == 2_000_001_000
