"""All controllers against the real API server in one process: identities, validation, admission apply."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import orjson
import pytest

from navarch.api.catalog import KINDS
from navarch.base.errors import StatusError
from navarch.base.resource import Resource
from navarch.client.contract import Client, PatchType
from navarch.client.direct import direct_client
from navarch.client.recorder import EVENTS
from navarch.control.catalog import controllers
from navarch.control.config import Config
from navarch.control.runner import ControlPlane
from navarch.control.sources import (
    DAEMONSETS,
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    JOBS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SERVICEACCOUNTS,
    SERVICES,
)
from navarch.schema.types import Tree
from navarch.seams.sim import sim_seams
from navarch.server.app import ApiServer
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.store.memory import MemoryStore
from navarch.wire.messages import User

NEEDED = {"list", "watch", "delete"}
RESOURCES = tuple(k.resource for k in KINDS if set(k.verbs) >= NEEDED and k.kind != "Event")
CONFIG = Config(RESOURCES, root_ca="PEM")
ACCOUNTS = ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")
ADMIN = User("admin", groups=("system:masters", "system:authenticated"))


class Whole:
    """Server, controllers, and an administrator's client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def trees(self, resource: Resource, namespace: str = "") -> list[Tree]:
        page = await self.client.list(resource, namespace)
        return [orjson.loads(raw) for raw in page.items]

    async def until(self, check: Callable[[], Awaitable[bool]], limit_s: float = 120) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + limit_s
        while not await check():
            assert loop.time() < end, "did not converge"
            await asyncio.sleep(0.2)

    async def run_pod(self, pod: Tree, number: int, phase: str = "Running") -> None:
        """Be the kubelet for one pod."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        status: Tree = {"phase": phase, "podIP": f"10.0.0.{number + 2}", "podIPs": [{"ip": f"10.0.0.{number + 2}"}]}
        if phase == "Running":
            status["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
        patch = {"status": status}
        await self.client.patch(PODS.resource, name, patch, PatchType.STRATEGIC, namespace, subresource="status")

    async def run_all(self, namespace: str, phase: str = "Running") -> None:
        for number, pod in enumerate(await self.trees(PODS.resource, namespace)):
            if pod["status"].get("phase") == "Pending":
                await self.run_pod(pod, number, phase)


def whole(
    body: Callable[[Whole], Awaitable[None]],
    caplog: pytest.LogCaptureFixture,
    config: Config = CONFIG,
) -> None:
    seams = sim_seams(1)

    async def main() -> None:
        store = MemoryStore()
        await store.start()
        server = ApiServer(store, seams)
        await bootstrap(server, BootstrapConfig())

        def client_for(name: str) -> Client:
            user = User(f"system:serviceaccount:kube-system:{name}", groups=ACCOUNTS)
            return direct_client(server.handle_as, user, "kube-controller-manager")

        manager = User("system:kube-controller-manager", groups=("system:authenticated",))
        client = direct_client(server.handle_as, manager, "kube-controller-manager")
        plane = ControlPlane(client, seams, controllers(config), client_for=client_for)
        task = asyncio.create_task(plane.run())
        try:
            await body(Whole(direct_client(server.handle_as, ADMIN, "test")))
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            server.close()
            await store.close()

    with caplog.at_level(logging.WARNING, "navarch"):
        seams.loop.run_until_complete(main())
    assert [r.getMessage() for r in caplog.records if r.name.startswith("navarch.c")] == []


TEMPLATE: Tree = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 80}]}]},
}


def workload(kind: str, **spec: object) -> Tree:
    selector = {"matchLabels": {"app": "web"}}
    tree_spec = {"selector": selector, "template": TEMPLATE, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": "shop"}, "spec": tree_spec}


async def open_shop(w: Whole) -> None:
    await w.client.create(NAMESPACES.resource, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await w.until(lambda: _has(w, SERVICEACCOUNTS.resource, 1))


async def _has(w: Whole, resource: Resource, count: int) -> bool:
    return len(await w.trees(resource, "shop")) == count


async def _gone(w: Whole) -> bool:
    try:
        await w.client.get(NAMESPACES.resource, "shop")
    except StatusError as error:
        return error.code == 404
    return False


def test_a_shop_is_opened_served_rolled_and_closed(caplog: pytest.LogCaptureFixture) -> None:
    async def body(w: Whole) -> None:
        await open_shop(w)
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        }
        await w.client.create(SERVICES.resource, service, "shop")
        await w.client.create(DEPLOYMENTS.resource, workload("Deployment", replicas=3), "shop")
        await w.until(lambda: _has(w, PODS.resource, 3))
        await w.run_all("shop")

        async def served() -> bool:
            slices = await w.trees(ENDPOINTSLICES.resource, "shop")
            old = await w.trees(ENDPOINTS.resource, "shop")
            ready = [e for s in slices for e in s.get("endpoints") or [] if e["conditions"]["ready"]]
            return len(ready) == 3 and len(old[0].get("subsets", [{}])[0].get("addresses", [])) == 3

        await w.until(served)

        async def complete() -> bool:
            await w.run_all("shop")
            (tree,) = await w.trees(DEPLOYMENTS.resource, "shop")
            reasons = {c["type"]: c["reason"] for c in tree["status"].get("conditions", [])}
            return (
                reasons.get("Progressing") == "NewReplicaSetAvailable"
                and tree["status"]["observedGeneration"] == tree["metadata"]["generation"]
            )

        await w.until(complete)
        image = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}}
        await w.client.patch(DEPLOYMENTS.resource, "web", image, PatchType.STRATEGIC, "shop")
        await asyncio.sleep(1)
        await w.until(complete)
        sets = await w.trees(REPLICASETS.resource, "shop")
        assert sorted(s["spec"]["replicas"] for s in sets) == [0, 3]
        messages = [e["message"] for e in await w.trees(EVENTS, "shop") if e["reason"] == "ScalingReplicaSet"]
        assert any(m.endswith("from 0 to 3") for m in messages)
        await w.client.delete(DEPLOYMENTS.resource, "web", "shop")
        await w.until(lambda: _has(w, REPLICASETS.resource, 0))
        await w.client.delete(NAMESPACES.resource, "shop")

        async def closed() -> bool:
            for pod in await w.trees(PODS.resource, "shop"):
                if pod["metadata"].get("deletionTimestamp"):
                    await w.client.delete(PODS.resource, pod["metadata"]["name"], "shop", grace_period_s=0)
            return await _gone(w)

        await w.until(closed)

    whole(body, caplog)


def test_a_job_completes_and_a_daemon_runs(caplog: pytest.LogCaptureFixture) -> None:
    async def body(w: Whole) -> None:
        await open_shop(w)
        template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "c"}]}}
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "job", "namespace": "shop"},
            "spec": {"completions": 3, "parallelism": 2, "template": template},
        }
        await w.client.create(JOBS.resource, job, "shop")

        async def complete() -> bool:
            await w.run_all("shop", "Succeeded")
            (tree,) = await w.trees(JOBS.resource, "shop")
            return any(c["type"] == "Complete" for c in tree["status"].get("conditions", []))

        await w.until(complete)
        (tree,) = await w.trees(JOBS.resource, "shop")
        assert tree["status"]["succeeded"] == 3
        for name in ("n1", "n2"):
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
            await w.client.create(NODES.resource, node)
        # New nodes are tainted until their kubelet reports.
        spec = {**TEMPLATE["spec"], "tolerations": [{"operator": "Exists"}]}
        daemon = workload("DaemonSet", template={**TEMPLATE, "spec": spec})
        await w.client.create(DAEMONSETS.resource, daemon, "shop")
        await w.until(lambda: _has(w, PODS.resource, 5))

        async def addressed() -> bool:
            return all("podCIDR" in n["spec"] for n in await w.trees(NODES.resource))

        await w.until(addressed)

        async def silent() -> bool:
            nodes = await w.trees(NODES.resource)
            conditions = [c["status"] for n in nodes for c in n["status"].get("conditions", []) if c["type"] == "Ready"]
            return conditions == ["Unknown", "Unknown"]

        await w.until(silent)

    whole(body, caplog)
