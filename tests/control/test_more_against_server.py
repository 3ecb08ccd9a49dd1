"""The controllers of storage, policy and certificates against the real API server, under their own roles."""

from __future__ import annotations

import pytest

from navarch.client.contract import PatchType
from navarch.control.hostpath_provisioner import STANDARD_CLASS
from navarch.control.sources import CLAIMS, NODES, PODS, STORAGECLASSES, VOLUMES
from navarch.control.volume_binder import SELECTED_NODE
from navarch.schema.types import Tree
from tests.control.test_against_server import Whole, open_shop, whole


def test_a_claim_is_served_and_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def body(w: Whole) -> None:
        await open_shop(w)
        asked: Tree = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "shop"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        # The class comes later than the claim, and is its class all the same.
        await w.client.create(CLAIMS.resource, asked, "shop")
        await w.client.create(STORAGECLASSES.resource, STANDARD_CLASS)

        async def classed() -> bool:
            (tree,) = await w.trees(CLAIMS.resource, "shop")
            return bool(tree["spec"].get("storageClassName") == "standard")

        await w.until(classed)
        await w.client.create(NODES.resource, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
        selected = {"metadata": {"annotations": {SELECTED_NODE: "n1"}}}
        await w.client.patch(CLAIMS.resource, "data", selected, PatchType.MERGE, "shop")

        async def bound() -> bool:
            (tree,) = await w.trees(CLAIMS.resource, "shop")
            volumes = await w.trees(VOLUMES.resource)
            phases = [t["status"]["phase"] for t in (tree, *volumes)]
            return phases == ["Bound", "Bound"] and tree["status"]["capacity"] == {"storage": "1Gi"}

        await w.until(bound)
        await w.client.delete(CLAIMS.resource, "data", "shop")

        async def gone() -> bool:
            return not await w.trees(VOLUMES.resource) and not await w.trees(CLAIMS.resource, "shop")

        await w.until(gone)
        assert await w.trees(PODS.resource) == []

    whole(body, caplog)
