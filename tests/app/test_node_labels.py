"""The labels that nodes get from the cluster they are in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson

from navarch.app.config import Place
from navarch.app.node_labels import NODES, NodeLabels
from navarch.launch.profile import DriverName, Profile
from navarch.schema.types import Tree
from tests.fakes.api import FakeApi
from tests.fakes.seeded import seeded
from tests.fakes.virtual import run


def node(name: str) -> Tree:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kept": "yes"}}}


def test_every_node_is_labelled_those_too_that_join_later() -> None:
    async def main() -> None:
        seams = seeded(1)
        api = FakeApi(seams)
        profile, _ = Profile("web", DriverName.NETNS).with_node()
        await api.create(NODES, node("web"))
        task = asyncio.create_task(NodeLabels(api, seams, Place(Path(), profile)).run())
        await asyncio.sleep(1)
        await api.create(NODES, node("web-m02"))
        await asyncio.sleep(1)
        labels = {name: orjson.loads(await api.get(NODES, name))["metadata"]["labels"] for name in ("web", "web-m02")}
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        assert labels["web"]["node-role.kubernetes.io/control-plane"] == ""
        assert labels["web"]["minikube.k8s.io/primary"] == "true"
        assert "node-role.kubernetes.io/control-plane" not in labels["web-m02"]
        assert labels["web-m02"]["minikube.k8s.io/name"] == "web"
        assert labels["web-m02"]["minikube.k8s.io/primary"] == "false"
        assert labels["web-m02"]["minikube.k8s.io/version"].startswith("v")
        assert labels["web-m02"]["kept"] == "yes"

    run(main())
