"""What single rules allow and cover, and how the evaluator follows changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.schema.types import Tree
from navarch.server.authz.attributes import Attributes
from navarch.server.authz.rbac import Rbac
from navarch.server.authz.rules import Rule, uncovered
from navarch.wire.messages import User

ALICE = User("alice", groups=("dev",))


def ask(verb: str = "get", resource: str = "pods", **more: str) -> Attributes:
    return Attributes(ALICE, verb, resource=resource, **more)


@pytest.mark.parametrize(
    ("rule", "question", "allowed"),
    [
        (Rule(("get",), ("",), ("pods",)), ask(), True),
        (Rule(("get",), ("",), ("pods",)), ask(subresource="log"), False),
        (Rule(("get",), ("",), ("pods/log",)), ask(subresource="log"), True),
        (Rule(("get",), ("",), ("pods/*",)), ask(subresource="log"), False),
        (Rule(("get",), ("",), ("*/scale",)), ask(subresource="scale"), True),
        (Rule(("get",), ("",), ("*",)), ask(subresource="log"), True),
        (Rule(("*",), ("*",), ("*",)), ask("x", "y", group="z"), True),
        (Rule(("get",), ("apps",), ("pods",)), ask(), False),
        (Rule(("get",), ("",), ("pods",), ("a",)), ask(name="a"), True),
        (Rule(("get",), ("",), ("pods",), ("a",)), ask(), False),
        (Rule(("get",), urls=("/healthz/*",)), Attributes(ALICE, "get", path="/healthz/x"), True),
        (Rule(("get",), urls=("/healthz/*",)), Attributes(ALICE, "get", path="/healthz"), False),
        (Rule(("get",), urls=("*",)), Attributes(ALICE, "get", path="/any"), True),
        (Rule(("*",), ("*",), ("*",)), Attributes(ALICE, "get", path="/any"), False),
    ],
)
def test_allows(rule: Rule, question: Attributes, allowed: bool) -> None:
    assert rule.allows(question) is allowed


words = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=2, unique=True).map(tuple)
rules = st.builds(Rule, words, words, words, st.sampled_from([(), ("n",), ("n", "m")]))


@given(rules, rules)
def test_a_rule_that_covers_another_allows_all_that_it_allows(one: Rule, other: Rule) -> None:
    if not one.covers(other):
        return
    for verb in ("a", "b", "c"):
        for name in ("", "n", "m"):
            question = Attributes(ALICE, verb, group="b", resource="a", name=name)
            assert one.allows(question) or not other.allows(question)


@given(st.lists(rules, max_size=3))
def test_rules_cover_themselves(held: list[Rule]) -> None:
    assert uncovered(held, held) == []


def binding(subject: Tree, role: str = "r", kind: str = "ClusterRole", namespace: str = "") -> Tree:
    metadata = {"name": "b"} | ({"namespace": namespace} if namespace else {})
    return {"metadata": metadata, "roleRef": {"kind": kind, "name": role}, "subjects": [subject]}


def test_decisions_follow_every_change() -> None:
    rbac = Rbac()
    role = {"metadata": {"name": "r"}, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]}
    assert not rbac.authorize(ask()).allowed
    rbac.put("ClusterRoleBinding", binding({"kind": "Group", "name": "dev"}))
    assert rbac.authorize(ask()).reason == 'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found'
    rbac.put("ClusterRole", role)
    assert rbac.authorize(ask()).reason == ('RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to Group "dev"')
    rbac.put("ClusterRoleBinding", binding({"kind": "User", "name": "bob"}))
    assert not rbac.authorize(ask()).allowed
    rbac.put("RoleBinding", binding({"kind": "User", "name": "alice"}, namespace="n"))
    assert rbac.authorize(ask(namespace="n")).allowed and not rbac.authorize(ask(namespace="m")).allowed
    rbac.remove("RoleBinding", "n", "b")
    assert not rbac.authorize(ask(namespace="n")).allowed


def test_a_service_account_is_bound_by_its_namespace_or_that_of_the_binding() -> None:
    rbac = Rbac()
    rbac.put(
        "Role", {"metadata": {"name": "r", "namespace": "n"}, "rules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}
    )
    rbac.put("RoleBinding", binding({"kind": "ServiceAccount", "name": "sa"}, kind="Role", namespace="n"))
    user = User("system:serviceaccount:n:sa")
    assert rbac.grants(user, "n").grants[0].source.endswith('to ServiceAccount "sa/n"')
    assert rbac.grants(user, "").grants == ()
