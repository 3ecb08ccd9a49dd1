"""Resizing running pods in place: decisions as tables, and whole resizes against the API server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from navarch.api.views.base import decode
from navarch.api.views.pod import Pod
from navarch.client.contract import Client, PatchType
from navarch.node import resizing
from navarch.node.memory import Waiting
from navarch.node.runtime.fake import FakeRuntime
from navarch.node.statuses import PODS
from navarch.schema.types import Tree
from tests.node.cluster import Node, container, pod, simulate
from tests.node.test_with_api_server import bound, read, with_cluster

ALLOCATABLE = {"cpu": 2000, "memory": 1000}


def sized(cpu: str, memory: str = "100") -> Tree:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}


def asking(cpu: str, memory: str = "100") -> Pod:
    return decode(Pod, msgspec.json.encode(pod("p", container("c", resources=sized(cpu, memory)))))


@pytest.mark.parametrize(
    ("wanted", "had", "others", "expected"),
    [
        (asking("1"), asking("500m"), [], None),
        (asking("500m"), asking("1"), [asking("2")], None),
        (
            asking("3"),
            asking("1"),
            [],
            Waiting("Infeasible", "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000"),
        ),
        (
            asking("3", "2000"),
            asking("1", "100"),
            [],
            Waiting("Infeasible", "Node didn't have enough capacity: memory, requested: 2000, capacity: 1000"),
        ),
        (
            asking("1500m"),
            asking("1"),
            [asking("1")],
            Waiting("Deferred", "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000"),
        ),
    ],
)
def test_what_stands_in_the_way(wanted: Pod, had: Pod, others: list[Pod], expected: Waiting | None) -> None:
    assert resizing.obstacle(wanted, had, others, ALLOCATABLE) == expected


@pytest.mark.parametrize(
    ("before", "after", "quota_us", "memory_bytes"),
    [("1", "2", 200_000, 100), ("2", "1", 200_000, 100)],
)
def test_the_pods_cgroup_is_wide_enough_for_both(before: str, after: str, quota_us: int, memory_bytes: int) -> None:
    limits = resizing.widest(asking(after), asking(before))
    assert (limits.cpu_quota_us, limits.memory_limit_bytes) == (quota_us, memory_bytes)


async def resize(admin: Client, name: str, resources: Mapping[str, Any]) -> None:
    patch = {"spec": {"containers": [{"name": "c", "resources": resources}]}}
    await admin.patch(PODS, name, patch, PatchType.STRATEGIC, "default", subresource="resize")


def shown(tree: Tree) -> tuple[str, str, int, str]:
    """(allocated cpu, cpu limit in force, restarts, reason of a resize that waits) of the first container."""
    (status,) = tree["status"]["containerStatuses"]
    waits = [c["reason"] for c in tree["status"]["conditions"] if c["type"] == "PodResizePending"]
    return (
        status["allocatedResources"]["cpu"],
        status["resources"]["limits"]["cpu"],
        status["restartCount"],
        "".join(waits),
    )


def test_a_resize_without_a_restart() -> None:
    async def scenario(admin: Client, runtime: FakeRuntime) -> None:
        await admin.create(PODS, bound("web", containers=[container("c", resources=sized("1"))]), "default")
        await asyncio.sleep(2)
        before = (await read(admin, "web"))["status"]["containerStatuses"][0]["containerID"]
        await resize(admin, "web", sized("2"))
        await asyncio.sleep(2)
        after = await read(admin, "web")
        assert shown(after) == ("2", "2", 0, "")
        assert after["status"]["containerStatuses"][0]["containerID"] == before
        assert after["status"]["observedGeneration"] == after["metadata"]["generation"]

    with_cluster(scenario)


def test_a_policy_that_asks_for_a_restart() -> None:
    async def scenario(admin: Client, runtime: FakeRuntime) -> None:
        policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
        made = container("c", resources=sized("1"), resizePolicy=policy)
        await admin.create(PODS, bound("web", containers=[made]), "default")
        await asyncio.sleep(2)
        await resize(admin, "web", sized("2"))
        await asyncio.sleep(60)
        assert shown(await read(admin, "web")) == ("2", "2", 1, "")

    with_cluster(scenario)


def test_a_resize_that_does_not_fit_waits_and_says_so() -> None:
    async def scenario(admin: Client, runtime: FakeRuntime) -> None:
        for name in ("web", "other"):
            await admin.create(PODS, bound(name, containers=[container("c", resources=sized("3"))]), "default")
        await asyncio.sleep(2)
        await resize(admin, "web", sized("100"))
        await asyncio.sleep(2)
        assert shown(await read(admin, "web")) == ("3", "3", 0, "Infeasible")
        await resize(admin, "web", sized("6"))
        await asyncio.sleep(2)
        assert shown(await read(admin, "web")) == ("3", "3", 0, "Deferred")
        await admin.delete(PODS, "other", "default")
        await asyncio.sleep(60)
        assert shown(await read(admin, "web")) == ("6", "6", 0, "")

    with_cluster(scenario)


def test_a_resize_while_the_kubelet_is_away() -> None:
    async def scenario(node: Node) -> None:
        await node.run_pod(pod("web", container("c", resources=sized("1"))))
        await asyncio.sleep(2)
        await node.kill()
        tree = node.api.pod("web")
        tree["spec"]["containers"][0]["resources"] = sized("2")
        tree["metadata"]["generation"] += 1
        await node.api.put("pods", tree)
        await node.start()
        await asyncio.sleep(2)
        assert node.container("web")["resources"]["limits"]["cpu"] == "2"
        (cgroup,) = [limits for path, limits in node.host.cgroups.items() if "/pod" in path]
        assert cgroup.cpu_quota_us == 200_000

    simulate(scenario, cgroup_root="/kubepods")
