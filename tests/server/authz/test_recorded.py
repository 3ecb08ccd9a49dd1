"""The recorded decisions of a real API server, replayed on the evaluator without a server."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.base.errors import StatusError
from navarch.server.authz import escalation
from navarch.server.authz.attributes import Attributes, of_request, refusal
from navarch.server.authz.bootstrap_policy import bootstrap_objects
from navarch.server.authz.chain import Chain, superusers
from navarch.server.authz.node import NodeAuthorizer
from navarch.server.authz.node_graph import NodeGraph
from navarch.server.authz.rbac import Rbac
from navarch.server.request_info import request_info
from navarch.wire.messages import Request, User
from tests.server import recorded


class World:
    """A fresh cluster's authorizers."""

    def __init__(self) -> None:
        self.rbac = Rbac()
        for tree in bootstrap_objects():
            self.rbac.put(tree["kind"], tree)
        self.graph = NodeGraph()
        self.authorize = Chain(
            (superusers, NodeAuthorizer(self.graph), self.rbac.authorize),
        )


def question(record: dict[str, Any]) -> Attributes:
    path, _, query = record["request"]["path"].partition("?")
    request = Request(record["request"]["method"], path, query, user=recorded.user_of(record))
    request.info = request_info(request.method, path, query)
    return of_request(request)


def _is_upstream(record: dict[str, Any]) -> bool:
    """The recording server let everybody read /.well-known, and explained nodes/proxy its own way."""
    request, text = record["request"], str(record["response"]["body"])
    return not request["path"].startswith("/.well-known") and "unsafeproxy" not in text


AUTHENTICATED = [r for r in recorded.lines("authz", "forbidden") if r["response"]["status"] != 401 and _is_upstream(r)]


@recorded.needs_corpus
@pytest.mark.parametrize("record", AUTHENTICATED, ids=lambda r: r["id"])
def test_every_recorded_decision_and_its_words(record: dict[str, Any]) -> None:
    asked = question(record)
    decision = World().authorize(asked)
    answer = record["response"]
    if answer["status"] == 403:
        assert not decision.allowed
        assert refusal(asked, decision.reason).to_dict() == answer["body"]
    else:
        assert decision.allowed


@recorded.needs_corpus
def test_the_recorded_sequence_of_grants_and_escalations() -> None:
    world = World()
    seen = 0
    for record in recorded.lines("authz", "escalate"):
        path, answer = record["request"]["path"], record["response"]
        body = answer["body"]
        if path.startswith("/apis/authorization.k8s.io"):
            seen += _check_review(world, record)
            continue
        refused = _refused(world, record)
        if answer["status"] in (403, 404) and (refused is not None or "rbac" in path):
            assert refused is not None and refused.to_dict() == body, record["id"]
            seen += 1
        else:
            assert refused is None, record["id"]
        if answer["status"] in (200, 201) and body["kind"] in ("Role", "RoleBinding"):
            world.rbac.put(body["kind"], body)
    assert seen > 20


def _refused(world: World, record: dict[str, Any]) -> StatusError | None:
    asked = question(record)
    decision = world.authorize(asked)
    if not decision.allowed:
        return refusal(asked, decision.reason)
    tree = record["request"].get("body")
    if asked.group != "rbac.authorization.k8s.io" or tree is None:
        return None
    tree["metadata"]["namespace"] = asked.namespace
    try:
        escalation.check(tree["kind"], tree, None, asked.user, world.rbac, world.authorize)
    except StatusError as error:
        return error
    return None


def _check_review(world: World, record: dict[str, Any]) -> int:
    """A SubjectAccessReview is a question with the answer beside it."""
    spec, body = record["request"]["body"]["spec"], record["response"]["body"]
    if body["kind"] != "SubjectAccessReview" or record["response"]["status"] != 201:
        return 0
    user = User(spec.get("user", ""), groups=tuple(spec.get("groups") or ()))
    if "resourceAttributes" in spec:
        a = spec["resourceAttributes"]
        asked = Attributes(
            user,
            a.get("verb", ""),
            a.get("group", ""),
            a.get("version", ""),
            a.get("resource", ""),
            a.get("subresource", ""),
            a.get("namespace", ""),
            a.get("name", ""),
        )
    else:
        a = spec["nonResourceAttributes"]
        asked = Attributes(user, a.get("verb", ""), path=a.get("path", ""))
    decision = world.authorize(asked)
    assert decision.allowed == body["status"]["allowed"], record["id"]
    if record.get("unstable") != "text":
        assert decision.reason == body["status"].get("reason", ""), record["id"]
    return 1
