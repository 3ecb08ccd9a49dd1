"""The simulated cluster as a test author uses it."""

from __future__ import annotations

import gc
import ipaddress

import pytest

from navarch.base.errors import StatusError, UsageError
from navarch.testing import Cluster, Script
from navarch.testing.builders import deployment


@pytest.fixture
def c():
    with Cluster(nodes=2, seed=1) as cluster:
        yield cluster


def test_a_fresh_cluster_has_ready_nodes_and_its_namespaces(c):
    c.settle()
    assert [n.condition("Ready").status for n in c.list("nodes")] == ["True", "True"]
    assert {n.name for n in c.list("ns")} == {"default", "kube-node-lease", "kube-public", "kube-system"}
    assert c.get("sa", "default").name == "default"
    assert "ca.crt" in c.get("cm", "kube-root-ca.crt").data


def test_objects_are_applied_from_dicts_and_text(c):
    c.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1"}})
    both = c.apply(TWO)
    assert c.get("configmap", "a").data.k == "1"
    assert [o.kind for o in both] == ["ConfigMap", "Namespace"]
    assert c.find("configmap", "nowhere") is None


def test_a_deployment_gets_its_pods(c):
    c.apply(DEPLOYMENT)
    c.settle()
    assert len(c.list("pods", "default", labels="app=web")) == 3


def test_time_passes_only_when_told(c):
    before = c.now
    c.advance("30d")
    assert c.now - before == pytest.approx(30 * 86400)
    assert [n.condition("Ready").status for n in c.list("nodes")] == ["True", "True"]


def test_a_dead_node_is_noticed(c):
    c.settle()
    c.kill_node("node-1")
    c.settle()
    assert c.get("node", "node-1").condition("Ready").status == "Unknown"
    c.start_node("node-1")
    c.settle()
    assert c.get("node", "node-1").condition("Ready").status == "True"


def test_one_seed_gives_one_history():
    def history(seed: int) -> str:
        with Cluster(nodes=2, seed=seed) as cluster:
            cluster.apply(DEPLOYMENT)
            cluster.settle()
            return cluster.event_hash()

    assert history(3) == history(3)
    assert history(3) != history(4)


def test_a_fork_goes_its_own_way(c):
    c.apply(DEPLOYMENT)
    c.settle()
    twin = c.fork()
    twin.delete("deployment", "web")
    twin.settle()
    assert twin.list("pods", "default") == []
    assert len(c.list("pods", "default")) == 3
    twin.close()


def test_mistakes_are_named(c):
    with pytest.raises(UsageError, match="there is no node 'nobody'; there are node-1, node-2"):
        c.kill_node("nobody")
    with pytest.raises(UsageError, match="is no duration"):
        c.advance("soon")
    with pytest.raises(UsageError, match="did you mean"):
        c.get("deploymnt", "web")
    with pytest.raises(StatusError, match='configmaps "x" not found'):
        c.get("configmap", "x")
    c.close()
    with pytest.raises(UsageError, match="closed"):
        c.settle()


TWO = """
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
---
apiVersion: v1
kind: Namespace
metadata: {name: x}
"""

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: nginx}]
"""


def test_a_fork_has_logs_faults_and_ids_of_its_own(cluster: Cluster) -> None:
    cluster.scripts.image("web:1", Script(log=("hello",)))
    cluster.apply(deployment("web", 1, "web:1"))
    cluster.settle()
    cluster.partition("node-2")
    known = {o.metadata.uid for o in cluster.list("pods") + cluster.list("namespaces") + cluster.list("nodes")}
    with cluster.fork() as fork:
        (pod,) = fork.pods_of("deployment", "web")
        assert fork.logs(pod.metadata.name).strip() == "hello"
        assert fork.links["node-2"].cut
        assert (
            fork.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}}).metadata.uid
            not in known
        )


def test_ids_are_unique_from_the_first_moment() -> None:
    with Cluster(nodes=2, seed=0) as c:
        c.settle()
        kinds = ("namespaces", "nodes", "clusterroles", "serviceaccounts", "configmaps", "leases", "priorityclasses")
        uids = [o.metadata.uid for kind in kinds for o in c.list(kind)]
        assert len(set(uids)) == len(uids)


def test_pods_have_addresses_of_their_nodes_range(c):
    c.apply(deployment("web", 4))
    c.settle()
    ranges = {n.name: ipaddress.ip_network(n.spec.podCIDR) for n in c.list("nodes")}
    pods = c.list("pods")
    assert len(pods) == 4
    assert all(ipaddress.ip_address(p.status.podIP) in ranges[p.spec.nodeName] for p in pods)


def test_a_cluster_that_is_dropped_open_ends_without_noise(capsys):
    dropped = Cluster(nodes=2)
    dropped.apply(deployment("web", 2))
    dropped.settle()
    fork = dropped.fork()
    fork.list("pods")
    del dropped, fork
    gc.collect()
    assert capsys.readouterr().err == ""
