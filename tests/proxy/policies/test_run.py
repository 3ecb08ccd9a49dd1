"""The runner against a simulated cluster: what it watches when, and what it commits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from navarch.client import identities
from navarch.proxy.config import ProxyConfig
from navarch.proxy.policies.run import Policies
from navarch.proxy.tables import ApplyError
from navarch.testing import Cluster
from navarch.testing.builders import pod

DENY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
}


class Node:
    """The enforcement of node-1, and the texts that its kernel was given. `refuse`: the next one is refused."""

    def __init__(self, cluster: Cluster) -> None:
        self.texts: list[str] = []
        self.refuse = False
        client = cluster.client_for("kube-proxy", identities.PROXY)
        self.policies = Policies(client, cluster.seams, ProxyConfig("node-1"), self.commit)
        self.task = cluster.loop.create_task(self.policies.run())

    def commit(self, text: str) -> str:
        if text.startswith("list"):
            return ""
        if self.refuse:
            self.refuse = False
            raise ApplyError("no")
        self.texts.append(text)
        return ""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as made:
        made.apply(pod("web", "nginx"))
        made.settle()
        yield made


@pytest.fixture
def node(cluster: Cluster) -> Iterator[Node]:
    made = Node(cluster)
    cluster.advance("1s")
    yield made
    made.task.cancel()
    cluster.loop.run_until_idle()


def address(cluster: Cluster, name: str = "web") -> str:
    found: str = cluster.get("pod", name).status.podIP
    return found


def test_rules_of_a_former_life_are_cleared_and_nothing_else_is_done(cluster: Cluster, node: Node) -> None:
    assert len(node.texts) == 1 and node.texts[0].startswith("add table ip navarch-policies\ndelete table")
    cluster.apply(pod("other", "nginx"))
    cluster.advance("1m")
    assert len(node.texts) == 1


def test_a_policy_comes_and_goes(cluster: Cluster, node: Node) -> None:
    cluster.apply(DENY)
    cluster.advance("1s")
    assert f"add element ip navarch-policies ingress-pods {{ {address(cluster)} : jump" in node.texts[-1]
    cluster.apply(pod("late", "nginx"))
    cluster.advance("5s")
    assert address(cluster, "late") in node.texts[-1] and "delete" not in node.texts[-1]
    count = len(node.texts)
    cluster.delete("networkpolicy", "deny")
    cluster.advance("1s")
    assert len(node.texts) == count + 1 and "delete chain" in node.texts[-1]


def test_a_refused_transaction_is_followed_by_a_full_one(cluster: Cluster, node: Node) -> None:
    node.refuse = True
    cluster.apply(DENY)
    cluster.advance("1s")
    assert node.texts[-1].startswith("add table") and address(cluster) in node.texts[-1]


def test_a_change_that_concerns_no_policy_commits_nothing(cluster: Cluster, node: Node) -> None:
    cluster.apply(DENY)
    cluster.advance("1s")
    count = len(node.texts)
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other", "labels": {"a": "b"}}})
    cluster.advance("1m")
    assert len(node.texts) == count
    assert not node.task.done()
