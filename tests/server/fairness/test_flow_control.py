"""FlowSchemas and priority levels through a whole server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from navarch.base.resource import Resource
from navarch.client.direct import direct_client
from navarch.server.fairness.levels import WAIT_S, Level
from navarch.server.fairness.schemas import classify, schemas_of
from navarch.wire.messages import RequestInfo, Response, User
from tests.server.peer import Peer

GROUP = "/apis/flowcontrol.apiserver.k8s.io/v1"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
ANN = User("ann", groups=("system:masters-not", "system:authenticated"))

Tree = dict[str, Any]


def level(queuing: Tree | None = None, shares: int = 1, **more: Any) -> Tree:
    response = {"type": "Queue", "queuing": queuing} if queuing else {"type": "Reject"}
    return {"type": "Limited", "limited": {"nominalConcurrencyShares": shares, "limitResponse": response, **more}}


def schema(name: str, to: str = "l", precedence: int = 1000, method: str = "", **rule: Any) -> Tree:
    everything = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}]
    subjects = [{"kind": "User", "user": {"name": "ann"}}]
    spec: Tree = {
        "priorityLevelConfiguration": {"name": to},
        "matchingPrecedence": precedence,
        "rules": [{"subjects": subjects, "resourceRules": everything, **rule}],
    }
    if method:
        spec["distinguisherMethod"] = {"type": method}
    return {"metadata": {"name": name}, "spec": spec}


def info(verb: str = "get", resource: str = "pods", namespace: str = "", subresource: str = "") -> RequestInfo:
    return RequestInfo(verb, True, "", "v1", resource, subresource, namespace)


NODES = {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes/status"], "clusterScope": True}
HEALTH = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez/*"]}


@pytest.mark.parametrize(
    ("rule", "user", "asked", "path", "taken"),
    [
        ({}, "ann", info(), "", True),
        ({}, "bob", info(), "", False),
        ({"subjects": [{"kind": "Group", "group": {"name": "g"}}]}, "bob", info(), "", True),
        ({"subjects": [{"kind": "User", "user": {"name": "*"}}]}, "bob", info(), "", True),
        (
            {"subjects": [{"kind": "ServiceAccount", "serviceAccount": {"namespace": "n", "name": "*"}}]},
            "system:serviceaccount:n:x",
            info(),
            "",
            True,
        ),
        (
            {"subjects": [{"kind": "ServiceAccount", "serviceAccount": {"namespace": "n", "name": "y"}}]},
            "system:serviceaccount:n:x",
            info(),
            "",
            False,
        ),
        ({"resourceRules": [NODES]}, "ann", info(resource="nodes", subresource="status"), "", True),
        ({"resourceRules": [NODES]}, "ann", info(resource="nodes"), "", False),
        ({"resourceRules": [{**NODES, "resources": ["pods"], "clusterScope": False}]}, "ann", info(), "", False),
        ({"resourceRules": [{**NODES, "resources": ["*"], "namespaces": ["n"]}]}, "ann", info(namespace="n"), "", True),
        ({"nonResourceRules": [HEALTH]}, "ann", RequestInfo("get", False), "/livez/ping", True),
        ({"nonResourceRules": [HEALTH]}, "ann", RequestInfo("get", False), "/healthz/ping", False),
        ({"nonResourceRules": [HEALTH]}, "ann", RequestInfo("post", False), "/healthz", False),
    ],
)
def test_which_requests_a_schema_takes(rule: Tree, user: str, asked: RequestInfo, path: str, taken: bool) -> None:
    schemas = schemas_of([schema("s", **rule)])
    assert (classify(schemas, User(user, groups=("g",)), asked, path) is not None) == taken


def test_the_lowest_precedence_comes_first_then_the_name() -> None:
    schemas = schemas_of([schema("b"), schema("c", precedence=1), schema("a")])
    assert [s.name for s in schemas] == ["c", "a", "b"]


def headers(response: Response) -> dict[str, str]:
    return dict(response.headers)


def test_answers_name_what_they_were_under(peer: Peer) -> None:
    catch_all = peer.get(f"{GROUP}/flowschemas/exempt")["metadata"]["uid"]
    exempt = peer.get(f"{GROUP}/prioritylevelconfigurations/exempt")["metadata"]["uid"]
    answered = headers(peer.send("GET", CONFIGMAPS))
    assert answered["X-Kubernetes-Pf-Flowschema-Uid"] == catch_all
    assert answered["X-Kubernetes-Pf-Prioritylevel-Uid"] == exempt


def test_schemas_say_whether_their_level_exists(peer: Peer) -> None:
    (condition,) = peer.get(f"{GROUP}/flowschemas/service-accounts")["status"]["conditions"]
    assert condition["message"] == (
        'This FlowSchema references the PriorityLevelConfiguration object named "workload-low" and it exists'
    )
    peer.post(f"{GROUP}/flowschemas", schema("mine"))
    (condition,) = peer.get(f"{GROUP}/flowschemas/mine")["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("True", "NotFound")
    peer.post(f"{GROUP}/prioritylevelconfigurations", {"metadata": {"name": "l"}, "spec": level()})
    (condition,) = peer.get(f"{GROUP}/flowschemas/mine")["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "Found")


def let_ann_look(peer: Peer) -> None:
    binding = {
        "metadata": {"name": "ann"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "ann"}],
    }
    peer.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)


def busy(peer: Peer, spec: Tree) -> Level:
    """The priority level of what ann asks, all of its seats taken."""
    peer.post(f"{GROUP}/prioritylevelconfigurations", {"metadata": {"name": "l"}, "spec": spec})
    peer.post(f"{GROUP}/flowschemas", schema("mine", precedence=5))
    let_ann_look(peer)
    found = peer.server.flow_control.levels["l"]
    for _ in range(found.nominal):
        assert found.take(1)
    return found


def test_a_level_that_rejects_answers_429(peer: Peer) -> None:
    found = busy(peer, level(shares=5, borrowingLimitPercent=0))
    response = peer.send("GET", CONFIGMAPS, user=ANN)
    assert (response.status, headers(response)["Retry-After"]) == (429, "1")
    found.leave(1)
    assert peer.send("GET", CONFIGMAPS, user=ANN).status == 200
    assert found.in_use == found.nominal - 1


def test_a_level_that_queues_lets_requests_wait_their_time(peer: Peer) -> None:
    found = busy(peer, level({"queues": 1, "handSize": 1, "queueLengthLimit": 2}, borrowingLimitPercent=0))

    async def several() -> list[Response]:
        asked = [asyncio.ensure_future(peer.ask("GET", CONFIGMAPS, user=ANN)) for _ in range(3)]
        await asyncio.sleep(1)
        # Two wait, the third finds the queue full.
        assert [one.done() for one in asked] == [False, False, True]
        assert found.waiting == 2
        found.leave(1)
        await asyncio.sleep(WAIT_S)
        return [await one for one in asked]

    statuses = [response.status for response in peer.loop.run_until_complete(several())]
    # The first seat serves both waiting requests, one after the other.
    assert statuses == [200, 200, 429]
    assert found.in_use == found.nominal - 1


def test_who_waits_too_long_is_turned_away(peer: Peer) -> None:
    found = busy(peer, level({"queues": 1, "handSize": 1, "queueLengthLimit": 2}, borrowingLimitPercent=0))
    assert peer.send("GET", CONFIGMAPS, user=ANN).status == 429
    assert found.rejected == {"time-out": 1}
    assert found.waiting == 0


def test_seats_that_others_lend_can_be_borrowed() -> None:
    lender, borrower, third = Level("a"), Level("b"), Level("c")
    lender.configure("", level(shares=2, lendablePercent=50))
    borrower.configure("", level(shares=1))
    third.configure("", level(shares=1, borrowingLimitPercent=0))
    for each in (lender, borrower, third):
        each.share(40, (lender, borrower, third))
    assert [each.nominal for each in (lender, borrower, third)] == [20, 10, 10]
    assert sum(borrower.take(1) for _ in range(100)) == 20
    assert sum(third.take(1) for _ in range(100)) == 10
    assert sum(lender.take(1) for _ in range(100)) == 20


def test_lists_take_seats_by_their_length(peer: Peer) -> None:
    for number in range(250):
        peer.post(CONFIGMAPS, {"metadata": {"name": f"c{number}"}})
    seats = []
    take = Level.take

    def counted(self: Level, count: int) -> bool:
        seats.append(count)
        return take(self, count)

    peer.post(f"{GROUP}/prioritylevelconfigurations", {"metadata": {"name": "l"}, "spec": level(shares=100)})
    peer.post(f"{GROUP}/flowschemas", schema("mine", precedence=5))
    found = peer.server.flow_control.levels["l"]
    object.__setattr__(found, "take", counted.__get__(found))
    let_ann_look(peer)
    for path in (CONFIGMAPS, f"{CONFIGMAPS}?limit=150", f"{CONFIGMAPS}/c1"):
        assert peer.send("GET", path, user=ANN).status == 200
    assert seats == [3, 2, 1]


def test_clients_come_again_when_there_was_no_seat(peer: Peer) -> None:
    found = busy(peer, level(borrowingLimitPercent=0))
    client = direct_client(peer.server.handle_as, ANN, "test")
    resource = Resource("", "v1", "configmaps", "ConfigMap", True)

    async def ask() -> None:
        asked = asyncio.ensure_future(client.list(resource, "default"))
        await asyncio.sleep(2.5)
        assert not asked.done()
        found.leave(1)
        await asyncio.sleep(1)
        assert asked.done()
        await asked

    peer.loop.run_until_complete(ask())
    assert found.rejected == {"concurrency-limit": 3}
