"""StatefulSets over slow links: order, identity, partitions, claims, and updates that heal."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.client.contract import PatchType
from navarch.control import statefulset
from navarch.control.sources import CLAIMS, PODS, STATEFULSETS
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate

CONTROLLERS = (statefulset.CONTROLLER,)


def db(replicas: int = 3, image: str = "a:1", **spec: Any) -> Tree:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "selector": {"matchLabels": {"app": "db"}},
            "template": {
                "metadata": {"labels": {"app": "db"}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
            **spec,
        },
    }


def names(cluster: Cluster) -> list[str]:
    return sorted(p["metadata"]["name"] for p in cluster.pods())


def ready(cluster: Cluster) -> list[str]:
    return sorted(p["metadata"]["name"] for p in cluster.ready())


def images(cluster: Cluster) -> dict[str, str]:
    return {p["metadata"]["name"]: p["spec"]["containers"][0]["image"] for p in cluster.ready()}


def status(cluster: Cluster) -> Tree:
    found: Tree = (cluster.api.tree(STATEFULSETS.resource, "db") or {}).get("status", {})
    return found


async def change(cluster: Cluster, **spec: Any) -> None:
    await cluster.api.patch(STATEFULSETS.resource, "db", {"spec": spec}, PatchType.MERGE, "default")


def template(image: str) -> Tree:
    return {"spec": {"containers": [{"name": "c", "image": image}]}}


@pytest.mark.parametrize("seed", range(3))
def test_pods_come_one_by_one_with_their_identity(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(STATEFULSETS.resource, db())
        seen: list[list[str]] = []

        def done() -> bool:
            if not seen or seen[-1] != names(cluster):
                seen.append(names(cluster))
                assert len(ready(cluster)) >= len(names(cluster)) - 1
            return ready(cluster) == ["db-0", "db-1", "db-2"]

        await cluster.until(done)
        first = next(p for p in cluster.pods() if p["metadata"]["name"] == "db-1")
        assert first["spec"]["hostname"] == "db-1"
        assert first["spec"]["subdomain"] == "db"
        assert first["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
        assert first["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-1"
        await cluster.until(lambda: status(cluster).get("availableReplicas") == 3)
        assert status(cluster)["currentRevision"] == status(cluster)["updateRevision"]

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=1.0)


def test_scaling_down_takes_the_last_first() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(STATEFULSETS.resource, db())
        await cluster.until(lambda: len(ready(cluster)) == 3)
        await change(cluster, replicas=1)
        await cluster.until(lambda: names(cluster) == ["db-0"])

    simulate(CONTROLLERS, body, max_delay_s=1.0)


def test_a_deleted_pod_comes_back_under_its_name() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(STATEFULSETS.resource, db())
        await cluster.until(lambda: len(ready(cluster)) == 3)
        await cluster.api.delete(PODS.resource, "db-1", "default")
        await cluster.until(lambda: ready(cluster) == ["db-0", "db-1", "db-2"])

    simulate(CONTROLLERS, body, max_delay_s=1.0)


def test_an_update_stops_at_the_partition() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(STATEFULSETS.resource, db())
        await cluster.until(lambda: status(cluster).get("availableReplicas") == 3)
        await change(
            cluster,
            template=template("a:2"),
            updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
        )
        await cluster.until(lambda: images(cluster) == {"db-0": "a:1", "db-1": "a:1", "db-2": "a:2"})
        await cluster.api.delete(PODS.resource, "db-0", "default")
        await cluster.until(lambda: images(cluster).get("db-0") == "a:1")
        await change(cluster, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
        await cluster.until(lambda: set(images(cluster).values()) == {"a:2"} and len(ready(cluster)) == 3)
        await cluster.until(lambda: status(cluster)["currentRevision"] == status(cluster)["updateRevision"])

    simulate(CONTROLLERS, body, max_delay_s=1.0)


def test_on_delete_waits_for_somebody_to_delete() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(STATEFULSETS.resource, db(updateStrategy={"type": "OnDelete"}))
        await cluster.until(lambda: len(ready(cluster)) == 3)
        await change(cluster, template=template("a:2"))
        await cluster.until(lambda: status(cluster)["currentRevision"] != status(cluster)["updateRevision"])
        await cluster.api.delete(PODS.resource, "db-2", "default")
        await cluster.until(lambda: images(cluster).get("db-2") == "a:2")
        assert images(cluster)["db-0"] == "a:1"

    simulate(CONTROLLERS, body, max_delay_s=1.0)


def test_claims_are_made_and_kept() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}

    async def body(cluster: Cluster) -> None:
        await cluster.create(STATEFULSETS.resource, db(2, volumeClaimTemplates=[claim]))
        await cluster.until(lambda: len(ready(cluster)) == 2)
        assert sorted(t["metadata"]["name"] for t in cluster.api.trees(CLAIMS.resource)) == ["data-db-0", "data-db-1"]
        (volume,) = cluster.pods()[0]["spec"]["volumes"]
        assert volume["persistentVolumeClaim"]["claimName"].startswith("data-db-")
        await change(cluster, replicas=1)
        await cluster.until(lambda: names(cluster) == ["db-0"])
        assert len(cluster.api.trees(CLAIMS.resource)) == 2

    simulate(CONTROLLERS, body, max_delay_s=1.0)


def test_parallel_sets_do_not_wait() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(STATEFULSETS.resource, db(4, podManagementPolicy="Parallel", ordinals={"start": 5}))
        await cluster.until(lambda: len(names(cluster)) == 4)
        assert ready(cluster) != names(cluster)
        await cluster.until(lambda: ready(cluster) == ["db-5", "db-6", "db-7", "db-8"])

    simulate(CONTROLLERS, body, max_delay_s=0.1)


def test_a_fixed_template_heals_a_set_that_is_stuck() -> None:
    async def body(cluster: Cluster) -> None:
        cluster.ends = lambda pod: "" if pod["spec"]["containers"][0]["image"] != "bad" else "Failed"
        await cluster.create(STATEFULSETS.resource, db(2, image="bad"))
        await cluster.until(lambda: len(names(cluster)) == 1)
        await change(cluster, template=template("good"))
        await cluster.until(lambda: set(images(cluster).values()) == {"good"} and len(ready(cluster)) == 2)

    simulate(CONTROLLERS, body, max_delay_s=1.0)
