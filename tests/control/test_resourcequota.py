"""What a namespace uses of its quotas is counted again from the objects that are there."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.base.resource import ObjectKey, Resource
from navarch.control import resourcequota
from navarch.control.graph import bare_sources
from navarch.control.intents import Update
from navarch.control.sources import CLAIMS, PODS, RESOURCEQUOTAS, SERVICES
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate
from tests.control.worlds import world

KEY = ObjectKey("default", "quota")
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", True)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", True)
BARE = bare_sources((CONFIGMAPS, DEPLOYMENTS))


def named(name: str, **rest: Any) -> Tree:
    return {"metadata": {"name": name, "namespace": "default"}, **rest}


def pod(name: str, cpu: str = "", phase: str = "Running") -> Tree:
    resources = {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}} if cpu else {}
    return named(
        name, spec={"containers": [{"name": "c", "image": "c", "resources": resources}]}, status={"phase": phase}
    )


def quota(hard: Tree, **spec: Any) -> Tree:
    return named("quota", spec={"hard": hard, **spec})


def used(hard: tuple[str, ...], objects: dict[Any, list[Tree]], **spec: Any) -> Tree:
    empty: dict[Any, list[Tree]] = {s: [] for s in (PODS, SERVICES, CLAIMS, *BARE.values())}
    seen = world({**empty, **objects, RESOURCEQUOTAS: [quota(dict.fromkeys(hard, "10"), **spec)]})
    counter = resourcequota.Counter(BARE)
    (update,) = counter.reconcile(seen, KEY, 0.0).intents
    assert isinstance(update, Update) and update.subresource == "status"
    assert counter.reconcile(seen, KEY, 10.0).intents == (update,), "what is remembered counts the same"
    assert update.tree["status"]["hard"] == dict.fromkeys(hard, "10")
    found: Tree = update.tree["status"]["used"]
    return found


PODS_OF = [pod("a", "250m"), pod("b", "500m"), pod("c"), pod("over", "9", "Succeeded")]


@pytest.mark.parametrize(
    ("hard", "objects", "spec", "expected"),
    [
        (("pods", "cpu"), {PODS: PODS_OF}, {}, {"pods": "3", "cpu": "750m"}),
        (("count/pods",), {PODS: PODS_OF}, {}, {"count/pods": "4"}),
        (("pods",), {PODS: PODS_OF}, {"scopes": ["BestEffort"]}, {"pods": "1"}),
        (("pods",), {PODS: PODS_OF}, {"scopes": ["NotBestEffort"]}, {"pods": "2"}),
        (
            ("configmaps", "count/deployments.apps", "example.com/never"),
            {BARE[CONFIGMAPS]: [named("a"), named("b")], BARE[DEPLOYMENTS]: [named("d")]},
            {},
            {"configmaps": "2", "count/deployments.apps": "1", "example.com/never": "0"},
        ),
        (
            ("services.nodeports", "services"),
            {SERVICES: [named("s", spec={"type": "NodePort", "ports": [{"port": 1}, {"port": 2}]})]},
            {},
            {"services.nodeports": "2", "services": "1"},
        ),
        (
            ("requests.storage",),
            {CLAIMS: [named("c", spec={"resources": {"requests": {"storage": "2Gi"}}})]},
            {},
            {"requests.storage": "2Gi"},
        ),
    ],
)
def test_used(hard: tuple[str, ...], objects: dict[Any, list[Tree]], spec: Tree, expected: Tree) -> None:
    assert used(hard, objects, **spec) == expected


def test_a_burst_of_changes_is_counted_once() -> None:
    status = {"hard": {"pods": "5"}, "used": {"pods": "9"}}
    contents: dict[Any, list[Tree]] = {s: [] for s in (PODS, SERVICES, CLAIMS, *BARE.values())}
    seen = world({**contents, RESOURCEQUOTAS: [{**quota({"pods": "5"}), "status": status}]})
    counter = resourcequota.Counter(BARE)
    assert counter.reconcile(seen, KEY, 100.0).intents
    paused = counter.reconcile(seen, KEY, 100.25)
    assert (paused.intents, paused.requeue_after_s) == ((), 0.75)
    assert counter.reconcile(seen, KEY, 101.0).intents


@pytest.mark.parametrize("seed", range(3))
def test_what_goes_is_given_back(seed: int) -> None:
    async def body(c: Cluster) -> None:
        await c.create(RESOURCEQUOTAS.resource, quota({"pods": "5", "configmaps": "5"}))
        for number in range(3):
            await c.create(PODS.resource, pod(f"p{number}", phase=""))
        await c.create(CONFIGMAPS, named("c"))

        def shows(pods: str, maps: str) -> bool:
            tree = c.api.tree(RESOURCEQUOTAS.resource, "quota")
            return tree is not None and tree.get("status", {}).get("used") == {"pods": pods, "configmaps": maps}

        await c.until(lambda: shows("3", "1"))
        c.ends = lambda tree: "Failed" if tree["metadata"]["name"] == "p0" else ""
        await c.api.delete(PODS.resource, "p1", "default")
        await c.api.delete(CONFIGMAPS, "c", "default")
        await c.until(lambda: shows("1", "0"))

    simulate((resourcequota.controller(BARE),), body, seed=seed, max_delay_s=1.0)
