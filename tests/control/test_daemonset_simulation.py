"""DaemonSets over slow links: one pod per fitting node, replaced within the allowance."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.client.contract import PatchType
from navarch.control import daemonset
from navarch.control.sources import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate

CONTROLLERS = (daemonset.CONTROLLER,)


def agent(image: str = "a:1", **rolling: Any) -> Tree:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}},
            "revisionHistoryLimit": 1,
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": rolling or {"maxUnavailable": 1, "maxSurge": 0},
            },
            "template": {
                "metadata": {"labels": {"app": "agent"}},
                "spec": {"containers": [{"name": "c", "image": image}], "nodeSelector": {"os": "linux"}},
            },
        },
    }


def target(pod: Tree) -> str:
    affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    name: str = affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0]
    return name


async def add_node(cluster: Cluster, name: str, os: str = "linux", taints: list[Tree] | None = None) -> None:
    tree: Tree = {"metadata": {"name": name, "labels": {"os": os}}, "spec": {"taints": taints or []}}
    await cluster.create(NODES.resource, tree)


def placed(cluster: Cluster, image: str = "a:1") -> list[str]:
    return sorted(target(p) for p in cluster.ready() if p["spec"]["containers"][0]["image"] == image)


def status(cluster: Cluster) -> Tree:
    found: Tree = (cluster.api.tree(DAEMONSETS.resource, "agent") or {}).get("status", {})
    return found


def test_every_fitting_node_has_one_and_tainted_ones_none() -> None:
    async def body(cluster: Cluster) -> None:
        await add_node(cluster, "n1")
        await add_node(cluster, "n2", os="plan9")
        await add_node(cluster, "n3", taints=[{"key": "k", "effect": "NoSchedule"}])
        await add_node(cluster, "n4", taints=[{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}])
        await cluster.create(DAEMONSETS.resource, agent())
        await cluster.until(lambda: placed(cluster) == ["n1", "n4"])
        await add_node(cluster, "n5")
        await cluster.until(lambda: placed(cluster) == ["n1", "n4", "n5"])
        await cluster.until(lambda: status(cluster).get("numberAvailable") == 3)
        assert status(cluster)["desiredNumberScheduled"] == 3
        patch = {"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}}
        await cluster.api.patch(NODES.resource, "n5", patch, PatchType.MERGE)
        await cluster.until(lambda: placed(cluster) == ["n1", "n4"])
        (first, *_) = cluster.pods()
        await cluster.api.delete(PODS.resource, first["metadata"]["name"], "default")
        await cluster.until(lambda: placed(cluster) == ["n1", "n4"])

    simulate(CONTROLLERS, body, max_delay_s=1.0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rolling", [{"maxUnavailable": 2, "maxSurge": 0}, {"maxUnavailable": 0, "maxSurge": 2}])
def test_rolling_update_keeps_its_promise(seed: int, rolling: Tree) -> None:
    async def body(cluster: Cluster) -> None:
        nodes = [f"n{i}" for i in range(6)]
        for name in nodes:
            await add_node(cluster, name)
        await cluster.create(DAEMONSETS.resource, agent(**rolling))
        await cluster.until(lambda: placed(cluster) == nodes and status(cluster).get("numberAvailable") == 6)
        fewest, most = 6, 0

        def note() -> None:
            nonlocal fewest, most
            fewest = min(fewest, len({target(p) for p in cluster.ready()}))
            most = max(most, len(cluster.pods()))

        cluster.api.watch_invariant = note
        patch = {"spec": {"template": agent("a:2")["spec"]["template"]}}
        await cluster.api.patch(DAEMONSETS.resource, "agent", patch, PatchType.MERGE, "default")
        await cluster.until(lambda: placed(cluster, "a:2") == nodes and len(cluster.pods()) == 6)
        assert fewest >= 6 - rolling["maxUnavailable"]
        assert most <= 6 + rolling["maxSurge"]
        revisions = sorted(r["revision"] for r in cluster.api.trees(CONTROLLERREVISIONS.resource))
        assert revisions == [1, 2]

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=1.0)


def test_a_failed_pod_is_replaced_but_not_in_a_spin() -> None:
    async def body(cluster: Cluster) -> None:
        await add_node(cluster, "n1")
        cluster.ends = lambda pod: "Failed"
        begun = cluster.seams.clock.now()
        await cluster.create(DAEMONSETS.resource, agent())
        made: set[str] = set()

        def five() -> bool:
            made.update(p["metadata"]["name"] for p in cluster.pods())
            return len(made) >= 5

        await cluster.until(five)
        assert cluster.seams.clock.now() - begun >= 4 * daemonset.RETRY_FAILED_S

    simulate(CONTROLLERS, body)
