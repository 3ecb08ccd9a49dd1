"""Reviews against recorded answers."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.base.errors import StatusError
from navarch.schema.types import Tree
from navarch.server.authn.authenticate import Authenticator
from navarch.server.authn.keys import generate_key
from navarch.server.authn.static import StaticTokens
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.server.authz.bootstrap_policy import bootstrap_objects
from navarch.server.authz.chain import Chain, superusers
from navarch.server.authz.node import NodeAuthorizer
from navarch.server.authz.node_graph import NodeGraph
from navarch.server.authz.rbac import Rbac
from navarch.server.request_info import request_info
from navarch.server.reviews import KINDS, Judges, review
from tests.server import recorded

ISSUER = "https://kubernetes.default.svc.cluster.local"


def judges() -> Judges:
    rbac = Rbac()
    for tree in bootstrap_objects():
        rbac.put(tree["kind"], tree)
    tokens = ServiceAccountTokens(ISSUER, generate_key(), (), (ISSUER,), lambda *_: None, lambda: 0.0)
    users = Authenticator(tokens, (StaticTokens(recorded.USERS),))
    return Judges(users, Chain((superusers, NodeAuthorizer(NodeGraph()), rbac.authorize)), rbac)


def answered(record: dict[str, Any], by: Judges) -> Tree:
    tree: Tree = record["request"]["body"]
    path = record["request"]["path"].partition("?")[0]
    namespace = request_info("POST", path).namespace
    review(tree, recorded.user_of(record), namespace, by, 0.0)
    return tree


def is_review(record: dict[str, Any]) -> bool:
    body = record["request"].get("body")
    return isinstance(body, dict) and body.get("kind") in KINDS and record["request"]["method"] == "POST"


def is_about_its_content(record: dict[str, Any]) -> bool:
    """Not refused by the pipeline before: unknown fields, wrong types, metadata, protocol."""
    message = str(record["response"]["body"])
    before = ("cannot be handled as", "strict decoding", "metadata: Invalid")
    return is_review(record) and "proto-" not in record["id"] and not any(text in message for text in before)


@recorded.needs_corpus
@pytest.mark.parametrize("record", [r for r in recorded.lines("defaults") if is_review(r)], ids=lambda r: r["id"])
def test_valid_reviews(record: dict[str, Any]) -> None:
    assert answered(record, judges())["status"] == record["response"]["body"]["status"]


@recorded.needs_corpus
@pytest.mark.parametrize(
    "record", [r for r in recorded.lines("invalid") if is_about_its_content(r)], ids=lambda r: r["id"]
)
def test_invalid_reviews(record: dict[str, Any]) -> None:
    body = record["response"]["body"]
    if record["response"]["status"] == 201:
        assert answered(record, judges())["status"]["allowed"] == body["status"]["allowed"]
        return
    with pytest.raises(StatusError) as error:
        answered(record, judges())
    assert error.value.to_dict() == body


def comparable(rules: list[Tree]) -> list[str]:
    """Rules in no particular order, without the one that only the recording server had."""
    return sorted(str(sorted(rule.items())) for rule in rules if "/.well-known" not in rule.get("nonResourceURLs", ()))


@recorded.needs_corpus
def test_rules_reviews_and_bindings() -> None:
    by, seen = judges(), 0
    for record in recorded.lines("authz", "escalate"):
        answer = record["response"]
        if record["request"]["path"].endswith("selfsubjectrulesreviews") and answer["status"] in (201, 400):
            seen += 1
            if answer["status"] == 400:
                with pytest.raises(StatusError, match="no namespace on request"):
                    answered(record, by)
                continue
            ours, theirs = answered(record, by), answer["body"]
            assert ours["metadata"] == {} == ours["spec"]
            for key in ("resourceRules", "nonResourceRules"):
                assert comparable(ours["status"].pop(key)) == comparable(theirs["status"].pop(key)), record["id"]
            assert ours["status"] == theirs["status"]
        elif answer["status"] in (200, 201) and answer["body"]["kind"] in ("Role", "RoleBinding"):
            by.rbac.put(answer["body"]["kind"], answer["body"])
    assert seen > 10
