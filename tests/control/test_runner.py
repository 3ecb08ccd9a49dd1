"""The runner's promises: never a key twice at once, never before its own writes are seen, back-off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from navarch.base import errors
from navarch.base.resource import ObjectKey
from navarch.client.contract import PatchType
from navarch.control.barrier import Barrier
from navarch.control.execute import guarded
from navarch.control.intents import Create, Delete, Look, Patch, Plan
from navarch.control.sources import CONFIGMAPS, SERVICEACCOUNTS
from navarch.control.world import Controller, Reconcile, Watch, World, same_key
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate
from tests.control.worlds import world

KEY = ObjectKey("default", "a")


def config_map(name: str) -> Tree:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {}}


def controller(reconcile: Reconcile) -> Controller:
    watches = (Watch(CONFIGMAPS, same_key), Watch(SERVICEACCOUNTS, lambda w, k, o, n: ()))
    return Controller("test", watches, reconcile)


@pytest.mark.parametrize("seed", range(5))
def test_own_writes_are_seen_before_the_next_look(seed: int) -> None:
    """One child per config map, generated names: without the barrier there would be many."""

    def reconcile(w: World, key: ObjectKey, _now: float) -> Plan:
        if w[CONFIGMAPS].get(key) is None or any(True for _ in w[SERVICEACCOUNTS].values()):
            return Plan()
        tree: Tree = {"metadata": {"generateName": "child-"}}
        return Plan((Create(SERVICEACCOUNTS.resource, tree, "default"),))

    async def body(cluster: Cluster) -> None:
        await cluster.create(CONFIGMAPS.resource, config_map("a"))
        for i in range(30):
            patch = {"data": {"n": str(i)}}
            await cluster.api.patch(CONFIGMAPS.resource, "a", patch, PatchType.MERGE, "default")
            await asyncio.sleep(0.2)
        await asyncio.sleep(30)
        assert len(cluster.api.trees(SERVICEACCOUNTS.resource)) == 1

    simulate([controller(reconcile)], body, seed=seed, max_delay_s=5.0)


def test_failures_back_off_and_are_forgotten_after_success() -> None:
    tries: list[float] = []

    def reconcile(w: World, key: ObjectKey, now: float) -> Plan:
        tries.append(now)
        return Plan((Create(SERVICEACCOUNTS.resource, {"metadata": {"name": "x"}}, "default"),))

    async def body(cluster: Cluster) -> None:
        def refuse(verb: str, resource: object, what: object) -> None:
            if verb == "create" and resource == SERVICEACCOUNTS.resource:
                raise errors.internal_error("no")

        cluster.api.refuse = refuse
        await cluster.create(CONFIGMAPS.resource, config_map("a"))
        await asyncio.sleep(60)

    simulate([controller(reconcile)], body)
    gaps = [round(b - a, 3) for a, b in pairwise(tries)]
    assert gaps[:5] == [0.005, 0.01, 0.02, 0.04, 0.08]
    assert len(tries) < 20


def test_a_look_is_answered_in_the_next_round() -> None:
    answers: list[dict[object, str]] = []

    def reconcile(w: World, key: ObjectKey, _now: float) -> Plan:
        if key not in w.seen:
            there = Look(CONFIGMAPS.resource, KEY)
            return Plan((there, Look(CONFIGMAPS.resource, ObjectKey("default", "none"))))
        answers.append(dict(w.seen[key]))
        return Plan()

    async def body(cluster: Cluster) -> None:
        await cluster.create(CONFIGMAPS.resource, config_map("a"))
        await asyncio.sleep(1)

    cluster = simulate([controller(reconcile)], body)
    tree = cluster.api.tree(CONFIGMAPS.resource, "a")
    assert tree is not None
    assert list(answers[0].values()) == [tree["metadata"]["uid"], ""]


def test_creates_start_slowly_and_stop_at_the_first_failure() -> None:
    def reconcile(w: World, key: ObjectKey, _now: float) -> Plan:
        tree: Tree = {"metadata": {"generateName": "x-"}}
        return Plan(tuple([Create(SERVICEACCOUNTS.resource, tree, "default")] * 100))

    async def body(cluster: Cluster) -> None:
        allowed = 2

        def refuse(verb: str, resource: object, what: object) -> None:
            nonlocal allowed
            if verb == "create" and resource == SERVICEACCOUNTS.resource:
                allowed -= 1
                if allowed < 0:
                    raise errors.forbidden("serviceaccounts", "", "quota")

        cluster.api.refuse = refuse
        await cluster.create(CONFIGMAPS.resource, config_map("a"))
        await asyncio.sleep(0.001)
        tried = [c for c in cluster.api.calls if c[:2] == ("create", SERVICEACCOUNTS.resource)]
        assert len(tried) == 3

    simulate([controller(reconcile)], body)


def test_deleting_what_is_gone_is_no_failure() -> None:
    rounds: list[None] = []

    def reconcile(w: World, key: ObjectKey, _now: float) -> Plan:
        rounds.append(None)
        return Plan((Delete(SERVICEACCOUNTS.resource, KEY, "uid"),))

    async def body(cluster: Cluster) -> None:
        await cluster.create(CONFIGMAPS.resource, config_map("a"))
        await asyncio.sleep(10)

    simulate([controller(reconcile)], body)
    assert len(rounds) == 1


def test_patches_carry_their_preconditions() -> None:
    merge = Patch(CONFIGMAPS.resource, KEY, {"data": {"a": "b"}}, uid="u", resource_version="7")
    assert guarded(merge) == {"data": {"a": "b"}, "metadata": {"uid": "u", "resourceVersion": "7"}}
    operations = [{"op": "remove", "path": "/data"}]
    json = Patch(CONFIGMAPS.resource, KEY, operations, PatchType.JSON, uid="u")
    assert guarded(json) == [{"op": "test", "path": "/metadata/uid", "value": "u"}, *operations]


def test_barrier_waits_for_revisions_and_departures() -> None:
    cache = world({CONFIGMAPS: [config_map("a")]})[CONFIGMAPS]
    cache.revision = 5
    barrier = Barrier()
    waits: list[Callable[[], None]] = [
        lambda: barrier.wait_revision("k", cache, 5),
        lambda: barrier.wait_revision("k", cache, 7),
        lambda: barrier.wait_going("k", cache, KEY, "configmaps-a"),
        lambda: barrier.wait_going("k", cache, KEY, "another"),
    ]
    for wait in waits:
        wait()
    assert barrier.holds("k")
    cache.revision = 6
    assert barrier.reached(cache) == []
    cache.revision = 8
    assert barrier.reached(cache) == []
    view = cache.get(KEY)
    assert barrier.changed(cache, KEY, view) == []
    assert barrier.changed(cache, KEY, None) == ["k"]
    assert not barrier.holds("k")
