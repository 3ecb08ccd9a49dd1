"""The kubelet against our own API server, as the node's identity: what a user of the cluster reads back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from navarch.base.errors import StatusError
from navarch.base.resource import Resource
from navarch.client.contract import Client
from navarch.client.direct import direct_client
from navarch.node.config import NodeConfig
from navarch.node.host.memory import MemoryHost
from navarch.node.kubelet import Kubelet
from navarch.node.runtime.fake import FakeRuntime
from navarch.node.runtime.script import Scripts
from navarch.node.statuses import PODS
from navarch.schema.types import Tree
from navarch.seams.sim import sim_seams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.store.memory import MemoryStore
from navarch.wire.messages import User
from tests.node.cluster import container

ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", True)
MASTER = User("admin", groups=("system:masters", "system:authenticated"))
NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))


def with_cluster(scenario: Callable[[Client, FakeRuntime], Awaitable[None]], **config: Any) -> None:
    seams = sim_seams(1)
    asyncio.set_event_loop(seams.loop)

    async def main() -> None:
        store = MemoryStore()
        await store.start()
        server = ApiServer(store, seams, ServerConfig())
        await bootstrap(server, BootstrapConfig())
        admin = direct_client(server.handle_as, MASTER, "test")
        await admin.create(ACCOUNTS, {"metadata": {"name": "default"}}, "default")
        host = MemoryHost()
        runtime = FakeRuntime("n1", seams.clock, ["10.244.1.0/24"], Scripts(), host)
        client = direct_client(server.handle_as, NODE, "kubelet")
        addresses = (("InternalIP", "192.168.49.2"),)
        kubelet = Kubelet(client, seams, NodeConfig("n1", addresses=addresses, **config), runtime, host, runtime)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(kubelet.run())
            await kubelet.started.wait()
            await scenario(admin, runtime)
            task.cancel()
        await runtime.close()
        server.close()

    try:
        seams.loop.run_until_complete(main())
    finally:
        asyncio.set_event_loop(None)
        seams.loop.close()


async def read(client: Client, name: str, namespace: str = "default") -> Tree:
    tree: Tree = msgspec.json.decode(await client.get(PODS, name, namespace))
    return tree


def bound(name: str, **spec: Any) -> Tree:
    spec = {"nodeName": "n1", "automountServiceAccountToken": False, "containers": [container("c")], **spec}
    return {"metadata": {"name": name}, "spec": spec}


def test_life_of_a_pod() -> None:
    async def scenario(admin: Client, runtime: FakeRuntime) -> None:
        await admin.create(PODS, bound("web", initContainers=[container("s", restartPolicy="Always")]), "default")
        await asyncio.sleep(2)
        status = (await read(admin, "web"))["status"]
        assert (status["phase"], status["podIP"], status["qosClass"]) == ("Running", "10.244.1.2", "BestEffort")
        assert {(c["type"], c["status"], "reason" in c) for c in status["conditions"]} == {
            (t, "True", False)
            for t in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
        }
        runtime.crash("default", "web", "c", exit_code=4)
        await asyncio.sleep(2)
        (shown,) = (await read(admin, "web"))["status"]["containerStatuses"]
        assert (shown["restartCount"], shown["lastState"]["terminated"]["exitCode"], shown["ready"]) == (1, 4, True)
        await admin.delete(PODS, "web", "default")
        await asyncio.sleep(2)
        with pytest.raises(StatusError) as caught:
            await read(admin, "web")
        assert caught.value.reason == "NotFound"
        assert not await runtime.list_sandboxes()

    with_cluster(scenario)


def test_mirror_pod_is_admitted() -> None:
    manifest = {"metadata": {"name": "etcd", "namespace": "kube-system"}, "spec": {"containers": [container("etcd")]}}

    async def scenario(admin: Client, runtime: FakeRuntime) -> None:
        await asyncio.sleep(1)
        mirror = await read(admin, "etcd-n1", "kube-system")
        assert mirror["status"]["phase"] == "Running"
        assert mirror["metadata"]["ownerReferences"][0]["kind"] == "Node"

    with_cluster(scenario, static_pods=(manifest,))
