"""Garbage and namespace collectors against the fake API server, over slow links."""

from __future__ import annotations

import pytest

from navarch.base.resource import Resource
from navarch.client.contract import PatchType
from navarch.control.catalog import controllers
from navarch.control.config import Config
from navarch.control.sources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    NAMESPACES,
    PODS,
    REPLICASETS,
    SERVICEACCOUNTS,
    SERVICES,
)
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate
from tests.control.test_rollout_simulation import all_ready, web

SECRETS = Resource("", "v1", "secrets", "Secret", True)
SOURCES = (CONFIGMAPS, DEPLOYMENTS, ENDPOINTSLICES, NAMESPACES, PODS, REPLICASETS, SERVICEACCOUNTS, SERVICES)
RESOURCES = (*(s.resource for s in SOURCES), SECRETS)
CONTROLLERS = controllers(Config(RESOURCES, root_ca="PEM"))


def thing(name: str, *owner_refs: Tree, finalizers: tuple[str, ...] = ()) -> Tree:
    metadata: Tree = {"name": name, "namespace": "default"}
    if owner_refs:
        metadata["ownerReferences"] = list(owner_refs)
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


def owned_by(cluster: Cluster, name: str, *, blocking: bool = True) -> Tree:
    tree = cluster.api.tree(SECRETS, name)
    assert tree is not None
    uid = tree["metadata"]["uid"]
    return {"apiVersion": "v1", "kind": "Secret", "name": name, "uid": uid, "blockOwnerDeletion": blocking}


def secrets(cluster: Cluster) -> list[str]:
    return sorted(t["metadata"]["name"] for t in cluster.api.trees(SECRETS))


async def delete_web(cluster: Cluster, propagation: str) -> None:
    await cluster.create(DEPLOYMENTS.resource, web(5))
    await cluster.until(lambda: all_ready(cluster, 5, "web:1"))
    await cluster.api.delete(DEPLOYMENTS.resource, "web", "default", propagation=propagation)


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
@pytest.mark.parametrize("seed", range(3))
def test_a_deleted_deployment_takes_all_with_it(seed: int, propagation: str) -> None:
    async def body(cluster: Cluster) -> None:
        last: list[str] = []

        def note() -> None:
            last.append(cluster.api.log[-1][1].plural)

        cluster.api.watch_invariant = note
        await delete_web(cluster, propagation)
        left = (DEPLOYMENTS, REPLICASETS, PODS)
        await cluster.until(lambda: not any(cluster.api.trees(s.resource) for s in left))
        if propagation == "Foreground":
            assert [p for p in last if p in ("deployments", "replicasets", "pods")][-1] == "deployments"

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=1.0)


def test_orphans_stay_and_lose_their_owner() -> None:
    async def body(cluster: Cluster) -> None:
        await delete_web(cluster, "Orphan")
        await cluster.until(lambda: cluster.api.tree(DEPLOYMENTS.resource, "web") is None)
        (replica_set,) = cluster.api.trees(REPLICASETS.resource)
        assert "ownerReferences" not in replica_set["metadata"]
        assert len(cluster.pods()) == 5

    simulate(CONTROLLERS, body)


def test_an_object_with_one_owner_left_stays() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(SECRETS, thing("a"))
        await cluster.create(SECRETS, thing("b"))
        await cluster.create(SECRETS, thing("c", owned_by(cluster, "a"), owned_by(cluster, "b")))
        await cluster.api.delete(SECRETS, "a", "default")

        def one_owner() -> bool:
            tree = cluster.api.tree(SECRETS, "c")
            assert tree is not None
            return [r["name"] for r in tree["metadata"]["ownerReferences"]] == ["b"]

        await cluster.until(one_owner)
        await cluster.api.delete(SECRETS, "b", "default")
        await cluster.until(lambda: secrets(cluster) == [])

    simulate(CONTROLLERS, body, max_delay_s=1.0)


def test_an_owner_that_never_was_is_gone() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(SECRETS, thing("a"))
        reference = {**owned_by(cluster, "a"), "uid": "another"}
        await cluster.create(SECRETS, thing("b", reference))
        await cluster.until(lambda: secrets(cluster) == ["a"])

    simulate(CONTROLLERS, body, max_delay_s=1.0)


def test_a_circle_does_not_wait_for_itself() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(SECRETS, thing("a"))
        await cluster.create(SECRETS, thing("b", owned_by(cluster, "a")))
        await cluster.create(SECRETS, thing("c", owned_by(cluster, "b")))
        patch = {"metadata": {"ownerReferences": [owned_by(cluster, "c")]}}
        await cluster.api.patch(SECRETS, "a", patch, PatchType.MERGE, "default")
        await cluster.api.delete(SECRETS, "a", "default", propagation="Foreground")
        await cluster.until(lambda: secrets(cluster) == [])

    simulate(CONTROLLERS, body)


def namespace(name: str) -> Tree:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name},
        "spec": {"finalizers": ["kubernetes"]},
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_namespace_is_furnished_and_then_emptied(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(NAMESPACES.resource, namespace("default"))
        for source, name in ((SERVICEACCOUNTS, "default"), (CONFIGMAPS, "kube-root-ca.crt")):
            await cluster.until(lambda s=source, n=name: cluster.api.tree(s.resource, n) is not None)
        await cluster.api.delete(SERVICEACCOUNTS.resource, "default", "default")
        await cluster.until(lambda: cluster.api.tree(SERVICEACCOUNTS.resource, "default") is not None)
        await cluster.api.patch(
            CONFIGMAPS.resource, "kube-root-ca.crt", {"data": {"x": "y"}}, PatchType.MERGE, "default"
        )
        await cluster.until(
            lambda: (cluster.api.tree(CONFIGMAPS.resource, "kube-root-ca.crt") or {}).get("data") == {"ca.crt": "PEM"}
        )
        await cluster.create(SECRETS, thing("held", finalizers=("example.com/hold",)))
        await cluster.create(SECRETS, thing("free"))
        await cluster.create(DEPLOYMENTS.resource, web(3))
        await cluster.until(lambda: all_ready(cluster, 3, "web:1"))
        await cluster.api.delete(NAMESPACES.resource, "default", propagation="")

        def explained() -> bool:
            tree = cluster.api.tree(NAMESPACES.resource, "default") or {}
            messages = [c["message"] for c in tree.get("status", {}).get("conditions", [])]
            return any("example.com/hold in 1 resource instances" in m for m in messages) and any(
                m == "Some resources are remaining: secrets. has 1 resource instances" for m in messages
            )

        await cluster.until(explained)
        assert secrets(cluster) == ["held"]
        await cluster.api.patch(SECRETS, "held", {"metadata": {"finalizers": None}}, PatchType.MERGE, "default")
        await cluster.until(lambda: cluster.api.tree(NAMESPACES.resource, "default") is None)
        assert not [k for r in RESOURCES for k in cluster.api.objects.get(r, {}) if k.namespace == "default"]

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=1.0)
