"""Deployment -> ReplicaSet -> Pod over slow links: promises kept at every write, and the end is reached."""

from __future__ import annotations

import pytest

from navarch.client.contract import PatchType
from navarch.client.recorder import EVENTS
from navarch.control import deployment, replicaset
from navarch.control.sources import DEPLOYMENTS, PODS, REPLICASETS
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate

CONTROLLERS = (deployment.CONTROLLER, replicaset.CONTROLLER)


def web(replicas: int, image: str = "web:1", **strategy: object) -> Tree:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 2,
            "strategy": strategy
            or {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


def image_of(pod: Tree) -> str:
    image: str = pod["spec"]["containers"][0]["image"]
    return image


async def set_image(cluster: Cluster, image: str) -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}
    await cluster.api.patch(DEPLOYMENTS.resource, "web", patch, PatchType.MERGE, "default")


def progressing(cluster: Cluster) -> str:
    tree = cluster.api.tree(DEPLOYMENTS.resource, "web") or {}
    return next((c["reason"] for c in tree.get("status", {}).get("conditions", []) if c["type"] == "Progressing"), "")


def all_ready(cluster: Cluster, count: int, image: str) -> bool:
    ready = cluster.ready()
    return (
        len(ready) == len(cluster.pods()) == count
        and all(image_of(p) == image for p in ready)
        and progressing(cluster) == "NewReplicaSetAvailable"
    )


@pytest.mark.parametrize("seed", range(12))
def test_rolling_update_keeps_its_promises(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(DEPLOYMENTS.resource, web(10))
        most = 0
        fewest = 10

        def count_most() -> None:
            nonlocal most
            most = max(most, len(cluster.pods()))

        cluster.api.watch_invariant = count_most
        await cluster.until(lambda: all_ready(cluster, 10, "web:1"))
        assert most == 10

        def count_both() -> None:
            nonlocal most, fewest
            most = max(most, len(cluster.pods()))
            fewest = min(fewest, len(cluster.ready()))

        cluster.api.watch_invariant = count_both
        await set_image(cluster, "web:2")
        if seed % 3 == 0:
            await cluster.until(lambda: any(image_of(p) == "web:2" for p in cluster.ready()))
            await set_image(cluster, "web:3")
            await cluster.until(lambda: all_ready(cluster, 10, "web:3"))
        else:
            await cluster.until(lambda: all_ready(cluster, 10, "web:2"))
        assert most <= 13
        assert fewest >= 8

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=2.0)


@pytest.mark.parametrize("seed", range(4))
def test_recreate_never_runs_old_and_new_together(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(DEPLOYMENTS.resource, web(4, type="Recreate"))
        await cluster.until(lambda: all_ready(cluster, 4, "web:1"))

        def never_both() -> None:
            assert len({image_of(p) for p in cluster.pods()}) <= 1

        cluster.api.watch_invariant = never_both
        await set_image(cluster, "web:2")
        await cluster.until(lambda: all_ready(cluster, 4, "web:2"))

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=1.0)


@pytest.mark.parametrize("seed", range(4))
def test_pods_come_back_when_they_are_deleted_and_their_number_follows(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(DEPLOYMENTS.resource, web(5))
        await cluster.until(lambda: all_ready(cluster, 5, "web:1"))
        victim = cluster.pods()[0]["metadata"]["name"]
        await cluster.api.delete(PODS.resource, victim, "default")
        await cluster.until(lambda: len(cluster.ready()) == 5)
        for wanted in (20, 3):
            await cluster.api.patch(
                DEPLOYMENTS.resource, "web", {"spec": {"replicas": wanted}}, PatchType.MERGE, "default"
            )
            await cluster.until(lambda wanted=wanted: all_ready(cluster, wanted, "web:1"))

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=2.0)


def test_history_revisions_and_events() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(DEPLOYMENTS.resource, web(3))
        await cluster.until(lambda: all_ready(cluster, 3, "web:1"))
        for image in ("web:2", "web:3", "web:4", "web:2"):
            await set_image(cluster, image)
            await cluster.until(lambda image=image: all_ready(cluster, 3, image))
        await cluster.until(lambda: len(cluster.api.trees(REPLICASETS.resource)) == 3)
        revision = "deployment.kubernetes.io/revision"
        tree = cluster.api.tree(DEPLOYMENTS.resource, "web")
        assert tree is not None
        assert tree["metadata"]["annotations"][revision] == "5"
        sets = {
            image_of(s["spec"]["template"] | {"spec": s["spec"]["template"]["spec"]}): s["metadata"]["annotations"]
            for s in cluster.api.trees(REPLICASETS.resource)
        }
        assert {k: v[revision] for k, v in sets.items()} == {"web:2": "5", "web:3": "3", "web:4": "4"}
        assert sets["web:2"]["deployment.kubernetes.io/revision-history"] == "2"
        name = next(
            s["metadata"]["name"]
            for s in cluster.api.trees(REPLICASETS.resource)
            if s["metadata"]["annotations"][revision] == "5"
        )
        messages = [e["message"] for e in cluster.api.trees(EVENTS) if e["reason"] == "ScalingReplicaSet"]
        assert f"Scaled up replica set {name} from 0 to 1" in messages
        status = tree["status"]
        assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (3, 3, 3)
        assert status["terminatingReplicas"] == 0
        assert "unavailableReplicas" not in status

    simulate(CONTROLLERS, body)


def test_a_refused_pod_shows_in_conditions_and_is_retried() -> None:
    from navarch.base import errors

    async def body(cluster: Cluster) -> None:
        def refuse(verb: str, resource: object, what: object) -> None:
            if verb == "create" and resource == PODS.resource:
                raise errors.forbidden("pods", "", "exceeded quota: q")

        cluster.api.refuse = refuse

        def failed() -> bool:
            tree = cluster.api.tree(DEPLOYMENTS.resource, "web") or {}
            found = [c for c in tree.get("status", {}).get("conditions", []) if c["type"] == "ReplicaFailure"]
            return bool(found) and found[0]["reason"] == "FailedCreate" and "exceeded quota" in found[0]["message"]

        await cluster.create(DEPLOYMENTS.resource, web(2))
        await cluster.until(failed)
        calls = len([c for c in cluster.api.calls if c[0] == "create"])
        assert calls < 60, "creates are not backed off"
        cluster.api.refuse = lambda verb, resource, what: None
        await cluster.until(lambda: all_ready(cluster, 2, "web:1"))
        await cluster.until(lambda: not failed())

    simulate(CONTROLLERS, body)
