"""FlowSchemas tell whether their priority level exists."""

from __future__ import annotations

from typing import Any

from tests.server.peer import Peer

FLOW_CONTROL = "/apis/flowcontrol.apiserver.k8s.io/v1/"


def condition(peer: Peer, name: str) -> dict[str, Any]:
    (found,) = peer.get(f"{FLOW_CONTROL}flowschemas/{name}")["status"]["conditions"]
    found.pop("lastTransitionTime")
    return dict(found)


def test_the_condition_follows_the_level(peer: Peer) -> None:
    spec = {"priorityLevelConfiguration": {"name": "later"}, "matchingPrecedence": 500}
    peer.post(FLOW_CONTROL + "flowschemas", {"metadata": {"name": "s"}, "spec": spec})
    text = 'This FlowSchema references the PriorityLevelConfiguration object named "later" '
    missing = {
        "type": "Dangling",
        "status": "True",
        "reason": "NotFound",
        "message": text + "but there is no such object",
    }
    assert condition(peer, "s") == missing
    limited = {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}
    level = {"metadata": {"name": "later"}, "spec": {"type": "Limited", "limited": limited}}
    peer.post(FLOW_CONTROL + "prioritylevelconfigurations", level)
    assert condition(peer, "s") == {
        "type": "Dangling",
        "status": "False",
        "reason": "Found",
        "message": text + "and it exists",
    }
    peer.ok("DELETE", FLOW_CONTROL + "prioritylevelconfigurations/later")
    assert condition(peer, "s") == missing


def test_the_status_is_applied_once(peer: Peer) -> None:
    schema = peer.get(FLOW_CONTROL + "flowschemas/probes")
    (entry,) = [e for e in schema["metadata"]["managedFields"] if e["operation"] == "Apply"]
    assert entry["manager"] == "api-priority-and-fairness-config-consumer-v1" and entry["subresource"] == "status"
    revision = peer.store.index.revision
    peer.restart()
    peer.get(FLOW_CONTROL + "flowschemas/probes")
    assert peer.store.index.revision == revision


def test_a_level_that_goes_while_the_status_is_written_is_noticed(peer: Peer) -> None:
    limited = {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}
    level = {"metadata": {"name": "brief"}, "spec": {"type": "Limited", "limited": limited}}
    peer.post(FLOW_CONTROL + "prioritylevelconfigurations", level)
    spec = {"priorityLevelConfiguration": {"name": "brief"}, "matchingPrecedence": 500}

    async def at_once() -> None:
        await peer.ask("POST", FLOW_CONTROL + "flowschemas", {"metadata": {"name": "s"}, "spec": spec})
        await peer.ask("DELETE", FLOW_CONTROL + "prioritylevelconfigurations/brief")

    peer.loop.run_until_complete(at_once())
    assert condition(peer, "s")["reason"] == "NotFound"
