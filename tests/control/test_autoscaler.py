"""The autoscaler over slow links, with and without metrics."""

from __future__ import annotations

import asyncio

import pytest

from navarch.base.errors import no_such_resource
from navarch.base.resource import Resource
from navarch.base.times import format_time
from navarch.control import autoscaler, deployment, replicaset
from navarch.control.autoscaler import PODMETRICS
from navarch.control.sources import AUTOSCALERS, DEPLOYMENTS, PODS
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate

SELECTOR = {"matchLabels": {"app": "web"}}
CONTAINER = {"name": "c", "image": "c", "resources": {"requests": {"cpu": "100m"}}}


def scaler(name: str = "web") -> Tree:
    target = {"type": "Utilization", "averageUtilization": 50}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": 2,
        "maxReplicas": 7,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}


def workload(replicas: int) -> Tree:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [CONTAINER]}}
    metadata = {"name": "web", "namespace": "default"}
    return {"metadata": metadata, "spec": {"replicas": replicas, "selector": SELECTOR, "template": template}}


def condition(c: Cluster, type_: str) -> tuple[str, str, str]:
    tree = c.api.tree(AUTOSCALERS.resource, "web")
    found = tree.get("status", {}).get("conditions", []) if tree is not None else []
    return next(((k["status"], k["reason"], k["message"]) for k in found if k["type"] == type_), ("", "", ""))


def replicas(c: Cluster) -> int:
    tree = c.api.tree(DEPLOYMENTS.resource, "web")
    assert tree is not None
    number: int = tree["spec"]["replicas"]
    assert 1 <= number <= 7
    return number


async def measure(c: Cluster, milli_each: int) -> None:
    """Be the metrics server: every running pod uses so much."""
    c.api.objects.pop(PODMETRICS, None)
    for pod in c.ready():
        metadata = {"name": pod["metadata"]["name"], "namespace": "default", "labels": {"app": "web"}}
        usage = {"cpu": f"{milli_each}m", "memory": "1Mi"}
        sample = {"timestamp": format_time(c.seams.clock.now()), "window": "30s"}
        await c.create(PODMETRICS, {"metadata": metadata, **sample, "containers": [{"name": "c", "usage": usage}]})


CONTROLLERS = (deployment.CONTROLLER, replicaset.CONTROLLER)


@pytest.mark.parametrize("seed", range(3))
def test_a_workload_follows_its_use(seed: int) -> None:
    async def body(c: Cluster) -> None:
        await c.create(DEPLOYMENTS.resource, workload(1))
        await c.create(AUTOSCALERS.resource, scaler())
        await c.until(lambda: replicas(c) == 2 and len(c.ready()) == 2)
        for pod in c.ready():
            assert pod["metadata"]["labels"]["app"] == "web"
        # Without a start time a pod's use of the processor is taken for that of starting.
        assert condition(c, "AbleToScale")[0] == "True"

        async def started() -> None:
            for pod in c.api.trees(PODS.resource):
                pod["status"]["startTime"] = format_time(c.seams.clock.now() - 3600)
                for each in pod["status"].get("conditions", []):
                    each["lastTransitionTime"] = format_time(c.seams.clock.now() - 3000)
                c.api._commit("MODIFIED", PODS.resource, pod)

        await started()
        await measure(c, 100)
        await c.until(lambda: replicas(c) == 4)
        assert condition(c, "ScalingActive")[:2] == ("True", "ValidMetricFound")
        await c.until(lambda: len(c.ready()) == 4)
        await started()
        await measure(c, 10)
        await asyncio.sleep(100)
        assert replicas(c) == 4, "shrinking waits"
        assert condition(c, "AbleToScale")[1] == "ScaleDownStabilized"
        await c.until(lambda: replicas(c) == 2)
        await c.until(lambda: condition(c, "ScalingLimited")[1] == "TooFewReplicas")

    simulate((autoscaler.controller(), *CONTROLLERS), body, seed=seed, max_delay_s=0.5)


def test_the_first_look_comes_a_period_after_the_creation() -> None:
    async def body(c: Cluster) -> None:
        await c.create(DEPLOYMENTS.resource, workload(1))
        created = format_time(c.seams.clock.now())
        tree = scaler()
        tree["metadata"]["creationTimestamp"] = created
        await c.create(AUTOSCALERS.resource, tree)
        await asyncio.sleep(10)
        assert replicas(c) == 1
        await asyncio.sleep(10)
        assert replicas(c) == 2

    simulate((autoscaler.controller(), *CONTROLLERS), body, seed=1, max_delay_s=0.5)


def test_without_the_metrics_api_the_conditions_say_so() -> None:
    def refuse(verb: str, resource: Resource, _what: object) -> None:
        if resource == PODMETRICS:
            raise no_such_resource()

    async def body(c: Cluster) -> None:
        c.api.refuse = refuse
        await c.create(DEPLOYMENTS.resource, workload(3))
        await c.create(AUTOSCALERS.resource, scaler())
        await c.until(lambda: condition(c, "ScalingActive")[0] == "False")
        assert condition(c, "ScalingActive")[1:] == (
            "FailedGetResourceMetric",
            "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for "
            "resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested "
            "resource (get pods.metrics.k8s.io)",
        )
        assert condition(c, "AbleToScale")[:2] == ("True", "SucceededGetScale")
        lists = sum(call[1] == PODMETRICS for call in c.api.calls)
        await asyncio.sleep(60)
        assert sum(call[1] == PODMETRICS for call in c.api.calls) - lists in (3, 4, 5)
        assert replicas(c) == 3

    simulate((autoscaler.controller(), *CONTROLLERS), body)


def test_without_its_target_it_cannot_scale() -> None:
    async def body(c: Cluster) -> None:
        await c.create(AUTOSCALERS.resource, scaler("nobody"))
        await c.until(lambda: condition(c, "AbleToScale")[:2] == ("False", "FailedGetScale"))
        assert condition(c, "AbleToScale")[2].endswith('deployments.apps "nobody" not found')

    simulate((autoscaler.controller(),), body)
