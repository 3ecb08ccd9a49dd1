"""Claims and volumes find each other, are provisioned, protected and given up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from navarch.client.contract import PatchType
from navarch.control import hostpath_provisioner, volume_binder, volume_protection
from navarch.control.hostpath_provisioner import STANDARD_CLASS
from navarch.control.intents import Event
from navarch.control.sources import CLAIMS, NODES, PODS, STORAGECLASSES, VOLUMES
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate
from tests.control.worlds import patches, world

CONTROLLERS = (
    volume_binder.CONTROLLER,
    hostpath_provisioner.CONTROLLER,
    volume_protection.CLAIMS_CONTROLLER,
    volume_protection.VOLUMES_CONTROLLER,
)


def claim(name: str, size: str = "1Gi", **spec: Any) -> Tree:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": ""}
    metadata = {"name": name, "namespace": "default"}
    return {"metadata": metadata, "spec": {**wanted, **spec}, "status": {"phase": "Pending"}}


def volume(name: str, size: str = "1Gi", **spec: Any) -> Tree:
    given = {"accessModes": ["ReadWriteOnce", "ReadOnlyMany"], "capacity": {"storage": size}}
    keep = {"persistentVolumeReclaimPolicy": "Retain"}
    return {"metadata": {"name": name}, "spec": {**given, **keep, **spec}, "status": {"phase": "Available"}}


NODE: Tree = {"metadata": {"name": "n1", "labels": {"kubernetes.io/hostname": "host1"}}}


def chosen(claims: Tree, *volumes: Tree) -> str:
    """The volume that the binder takes for a claim."""
    seen = world({CLAIMS: [claims], VOLUMES: list(volumes), STORAGECLASSES: [STANDARD_CLASS], NODES: [NODE]})
    (key,) = seen[CLAIMS].keys()
    plan = volume_binder.reconcile(seen, key, 0.0)
    return next((i.key.name for i in plan.intents if getattr(i, "resource", None) == VOLUMES.resource), "")


@pytest.mark.parametrize(
    ("asked", "offered", "expected"),
    [
        (claim("c"), [volume("big", "5Gi"), volume("fit", "2Gi"), volume("small", "1Mi")], "fit"),
        (claim("c", storageClassName="fast"), [volume("plain"), volume("fast", storageClassName="fast")], "fast"),
        (claim("c", accessModes=["ReadWriteMany"]), [volume("v")], ""),
        (claim("c", volumeMode="Block"), [volume("v"), volume("block", volumeMode="Block")], "block"),
        (claim("c", selector={"matchLabels": {"tier": "db"}}), [volume("v")], ""),
        (claim("c"), [volume("taken", claimRef={"namespace": "default", "name": "other", "uid": "u"})], ""),
        (
            claim("c"),
            [volume("free"), volume("reserved", "9Gi", claimRef={"namespace": "default", "name": "c"})],
            "reserved",
        ),
        (claim("c", volumeName="named"), [volume("free"), volume("named")], "named"),
        (claim("c", storageClassName="standard"), [volume("v", storageClassName="standard")], ""),
    ],
)
def test_the_smallest_volume_that_fits_is_taken(asked: Tree, offered: list[Tree], expected: str) -> None:
    assert chosen(asked, *offered) == expected


def test_a_claim_without_class_gets_the_default_one() -> None:
    asked = claim("c")
    del asked["spec"]["storageClassName"]
    seen = world({CLAIMS: [asked], VOLUMES: [], STORAGECLASSES: [STANDARD_CLASS], NODES: []})
    (key,) = seen[CLAIMS].keys()
    assert patches(volume_binder.reconcile(seen, key, 0.0).intents) == [{"spec": {"storageClassName": "standard"}}]


@pytest.mark.parametrize(
    ("class_name", "reason"),
    [("", "FailedBinding"), ("none", "ProvisioningFailed"), ("standard", "WaitForFirstConsumer")],
)
def test_a_claim_without_volume_is_told_why(class_name: str, reason: str) -> None:
    seen = world(
        {CLAIMS: [claim("c", storageClassName=class_name)], VOLUMES: [], STORAGECLASSES: [STANDARD_CLASS], NODES: []}
    )
    (key,) = seen[CLAIMS].keys()
    plan = volume_binder.reconcile(seen, key, 0.0)
    assert [i.reason for i in plan.intents if isinstance(i, Event)] == [reason]


def phase(c: Cluster, source: Any, name: str) -> str:
    tree = c.api.tree(source.resource, name)
    return tree["status"].get("phase", "") if tree is not None else "gone"


@pytest.mark.parametrize("seed", range(5))
def test_many_claims_never_share_a_volume(seed: int) -> None:
    async def body(c: Cluster) -> None:
        for number in range(6):
            await c.create(VOLUMES.resource, volume(f"v{number}", f"{number + 1}Gi"))
        for number in range(6):
            await c.create(CLAIMS.resource, claim(f"c{number}"))
        await c.until(lambda: all(phase(c, CLAIMS, f"c{n}") == "Bound" for n in range(6)))
        pairs = {t["spec"]["volumeName"]: t["metadata"]["name"] for t in c.api.trees(CLAIMS.resource)}
        assert len(pairs) == 6
        for tree in c.api.trees(VOLUMES.resource):
            assert tree["spec"]["claimRef"]["name"] == pairs[tree["metadata"]["name"]]
            assert tree["status"]["phase"] == "Bound"
        await c.api.delete(CLAIMS.resource, "c0", "default")
        name = next(v for v, owner in pairs.items() if owner == "c0")
        await c.until(lambda: phase(c, VOLUMES, name) == "Released")
        assert phase(c, CLAIMS, "c0") == "gone"

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=1.0)


@pytest.mark.parametrize("seed", range(3))
def test_a_directory_is_provisioned_where_the_pod_goes_and_given_up_with_the_claim(seed: int) -> None:
    async def body(c: Cluster) -> None:
        await c.create(STORAGECLASSES.resource, STANDARD_CLASS)
        await c.create(NODES.resource, NODE)
        await c.create(CLAIMS.resource, claim("data", storageClassName="standard"))
        await asyncio.sleep(5)
        assert c.api.trees(VOLUMES.resource) == []
        selected = {"metadata": {"annotations": {volume_binder.SELECTED_NODE: "n1"}}}
        await c.api.patch(CLAIMS.resource, "data", selected, PatchType.MERGE, "default")
        await c.until(lambda: phase(c, CLAIMS, "data") == "Bound")
        (made,) = c.api.trees(VOLUMES.resource)
        (term,) = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
        assert term["matchExpressions"][0]["values"] == ["host1"]
        assert made["spec"]["hostPath"]["path"].endswith("_default_data")
        pod = {
            "metadata": {"name": "p", "namespace": "default"},
            "spec": {"nodeName": "n1", "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]},
        }
        await c.create(PODS.resource, pod)
        await asyncio.sleep(5)
        await c.api.delete(CLAIMS.resource, "data", "default")
        await asyncio.sleep(10)
        assert phase(c, CLAIMS, "data") == "Bound", "a pod uses it"
        await c.api.delete(PODS.resource, "p", "default")
        await c.until(lambda: not c.api.trees(CLAIMS.resource) and not c.api.trees(VOLUMES.resource))

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=1.0)


def test_a_claim_whose_volume_is_gone_is_lost() -> None:
    asked = claim("c", volumeName="v")
    asked["metadata"]["annotations"] = {volume_binder.BOUND: "yes"}
    asked["status"] = {"phase": "Bound"}
    seen = world({CLAIMS: [asked], VOLUMES: [], STORAGECLASSES: [], NODES: []})
    (key,) = seen[CLAIMS].keys()
    plan = volume_binder.reconcile(seen, key, 0.0)
    assert patches(plan.intents, "status") == [{"status": {"phase": "Lost"}}]
    assert [i.reason for i in plan.intents if isinstance(i, Event)] == ["ClaimLost"]
