"""Which requests an audit policy takes, and what it says of them."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.server.audit.log import read_policy
from navarch.server.audit.policy import AuditPolicyError, policy_of
from navarch.wire.messages import RequestInfo, User

ANN = User("ann", groups=("sailors",))


def pods(verb: str = "get", subresource: str = "", name: str = "p", namespace: str = "default") -> RequestInfo:
    return RequestInfo(verb, True, "", "v1", "pods", subresource, namespace, name)


PATH = RequestInfo("get", False)


@pytest.mark.parametrize(
    ("rule", "info", "path", "taken"),
    [
        ({}, pods(), "", True),
        ({"users": ["ann"]}, pods(), "", True),
        ({"users": ["bob"]}, pods(), "", False),
        ({"userGroups": ["sailors"]}, pods(), "", True),
        ({"userGroups": ["cooks"]}, pods(), "", False),
        ({"verbs": ["list"]}, pods(), "", False),
        ({"resources": [{"group": ""}]}, pods(), "", True),
        ({"resources": [{"group": "apps"}]}, pods(), "", False),
        ({"resources": [{"group": "", "resources": ["pods"]}]}, pods(), "", True),
        ({"resources": [{"group": "", "resources": ["pods"]}]}, pods(subresource="log"), "", False),
        ({"resources": [{"group": "", "resources": ["pods/log"]}]}, pods(subresource="log"), "", True),
        ({"resources": [{"group": "", "resources": ["pods/*"]}]}, pods(subresource="log"), "", True),
        ({"resources": [{"group": "", "resources": ["*/log"]}]}, pods(subresource="log"), "", True),
        ({"resources": [{"group": "", "resources": ["*"]}]}, pods(subresource="log"), "", True),
        ({"resources": [{"group": "", "resources": ["pods"], "resourceNames": ["q"]}]}, pods(), "", False),
        ({"namespaces": ["kube-system"]}, pods(), "", False),
        ({"namespaces": [""], "resources": [{"group": ""}]}, pods(namespace=""), "", True),
        ({"nonResourceURLs": ["/api*", "/version"]}, PATH, "/apis", True),
        ({"nonResourceURLs": ["/healthz"]}, PATH, "/version", False),
        ({"nonResourceURLs": ["*"]}, pods(), "/api/v1/pods", False),
        ({"resources": [{"group": ""}]}, PATH, "/version", False),
    ],
)
def test_rules(rule: dict[str, Any], info: RequestInfo, path: str, taken: bool) -> None:
    policy = policy_of({"rules": [{"level": "Metadata", **rule}]})
    assert (policy.verdict(ANN, info, path).level == "Metadata") == taken


def test_the_first_rule_decides_and_stages_add_up() -> None:
    policy = read_policy(
        b"""
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: None
  users: [bob]
- level: Request
  omitStages: [Panic]
  omitManagedFields: false
"""
    )
    assert policy.verdict(User("bob"), pods(), "").level == "None"
    verdict = policy.verdict(ANN, pods(), "")
    assert (verdict.level, verdict.omit_stages) == ("Request", {"RequestReceived", "Panic"})
    assert not verdict.omit_managed_fields
    assert verdict.includes("Metadata")
    assert not verdict.includes("RequestResponse")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"rules: []", "loaded illegal policy with 0 rules"),
        (b"kind: Pod\nrules: [{level: None}]", "expected a Policy of audit.k8s.io/v1, got audit.k8s.io/v1, Kind=Pod"),
        (b"rules: [{level: All}]", 'rules[0].level: Unsupported value: "All"'),
        (b"rules: [{level: Request, omitStages: [x]}]", 'rules[0].omitStages: Unsupported value: "x"'),
        (
            b"rules: [{level: Request, nonResourceURLs: [/x], namespaces: [n]}]",
            "rules[0].nonResourceURLs: rules cannot",
        ),
        (b"{", "failed decoding: "),
        (b"[]", "the audit policy is no object"),
    ],
)
def test_what_is_no_policy(text: bytes, message: str) -> None:
    with pytest.raises(AuditPolicyError, match="^" + message.replace("[", r"\[").replace("]", r"\]")):
        read_policy(text)
