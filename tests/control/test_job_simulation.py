"""Jobs over slow links: every pod is counted exactly once, and every job ends as it should."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.client.contract import PatchType
from navarch.client.recorder import EVENTS
from navarch.control import job, job_indexes, ttlafterfinished
from navarch.control.sources import JOBS, PODS
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate

CONTROLLERS = (job.CONTROLLER, ttlafterfinished.CONTROLLER)
NAMES = {"batch.kubernetes.io/job-name": "work", "job-name": "work"}


def work(restart: str = "Never", **spec: Any) -> Tree:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "work", "namespace": "default"},
        "spec": {
            "parallelism": 1,
            "completions": 1,
            "backoffLimit": 6,
            "completionMode": "NonIndexed",
            "podReplacementPolicy": "TerminatingOrFailed",
            "selector": {"matchLabels": NAMES},
            "template": {
                "metadata": {"labels": NAMES},
                "spec": {"restartPolicy": restart, "containers": [{"name": "c", "image": "c"}]},
            },
            **spec,
        },
    }


def status(cluster: Cluster) -> Tree:
    tree = cluster.api.tree(JOBS.resource, "work") or {}
    found: Tree = tree.get("status", {})
    return found


def condition(cluster: Cluster, type_: str) -> Tree | None:
    return next(
        (c for c in status(cluster).get("conditions", []) if c["type"] == type_ and c["status"] == "True"), None
    )


def succeed(_pod: Tree) -> str:
    return "Succeeded"


def fail(_pod: Tree) -> str:
    return "Failed"


@pytest.mark.parametrize("seed", range(6))
def test_all_completions_are_counted_once_and_parallelism_holds(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.ends = succeed
        most = 0

        def note() -> None:
            nonlocal most
            active = [p for p in cluster.pods() if p.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
            most = max(most, len(active))

        cluster.api.watch_invariant = note
        await cluster.create(JOBS.resource, work(parallelism=3, completions=8))
        await cluster.until(lambda: condition(cluster, "Complete") is not None)
        assert most <= 3
        assert status(cluster)["succeeded"] == 8
        assert status(cluster)["uncountedTerminatedPods"] == {}
        assert len(cluster.api.trees(PODS.resource)) == 8
        assert not any(p["metadata"].get("finalizers") for p in cluster.api.trees(PODS.resource))
        assert condition(cluster, "SuccessCriteriaMet") is not None
        assert "completionTime" in status(cluster)
        assert any(e["reason"] == "Completed" for e in cluster.api.trees(EVENTS))

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=2.0)


@pytest.mark.parametrize("seed", range(3))
def test_failures_are_retried_with_growing_pauses_up_to_the_limit(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        cluster.ends = fail
        begun = cluster.seams.clock.now()
        await cluster.create(JOBS.resource, work(backoffLimit=3))
        await cluster.until(lambda: condition(cluster, "Failed") is not None)
        failed = condition(cluster, "Failed")
        assert failed is not None
        assert failed["reason"] == "BackoffLimitExceeded"
        assert status(cluster)["failed"] == 4
        assert cluster.seams.clock.now() - begun > 10 + 20 + 40

    simulate(CONTROLLERS, body, seed=seed, max_delay_s=1.0)


def test_indexes_are_each_done_once() -> None:
    async def body(cluster: Cluster) -> None:
        cluster.ends = lambda pod: "Succeeded"
        await cluster.create(JOBS.resource, work(completionMode="Indexed", completions=5, parallelism=2))
        await cluster.until(lambda: condition(cluster, "Complete") is not None)
        assert status(cluster)["completedIndexes"] == "0-4"
        pods = cluster.api.trees(PODS.resource)
        assert sorted(p["metadata"]["annotations"][job_indexes.INDEX] for p in pods) == list("01234")
        assert all(
            p["metadata"]["name"].startswith(f"work-{p['metadata']['labels'][job_indexes.INDEX]}-") for p in pods
        )
        assert pods[0]["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"

    simulate(CONTROLLERS, body, max_delay_s=1.0)


def test_an_index_that_fails_too_often_fails_the_job_at_the_end() -> None:
    async def body(cluster: Cluster) -> None:
        cluster.ends = lambda pod: "Failed" if pod["metadata"]["annotations"][job_indexes.INDEX] == "1" else "Succeeded"
        spec = {"completionMode": "Indexed", "completions": 3, "parallelism": 3, "backoffLimitPerIndex": 1}
        await cluster.create(JOBS.resource, work(backoffLimit=1000, **spec))
        await cluster.until(lambda: condition(cluster, "Failed") is not None)
        assert status(cluster)["failedIndexes"] == "1"
        assert status(cluster)["completedIndexes"] == "0,2"
        assert (condition(cluster, "Failed") or {})["reason"] == "FailedIndexes"
        assert status(cluster)["failed"] == 2

    simulate(CONTROLLERS, body)


def test_suspend_and_resume() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(JOBS.resource, work(parallelism=2, completions=2))
        await cluster.until(lambda: len(cluster.ready()) == 2)
        await cluster.api.patch(JOBS.resource, "work", {"spec": {"suspend": True}}, PatchType.MERGE, "default")
        await cluster.until(
            lambda: not cluster.api.trees(PODS.resource) and condition(cluster, "Suspended") is not None
        )
        assert "startTime" not in status(cluster)
        cluster.ends = succeed
        await cluster.api.patch(JOBS.resource, "work", {"spec": {"suspend": False}}, PatchType.MERGE, "default")
        await cluster.until(lambda: condition(cluster, "Complete") is not None)

    simulate(CONTROLLERS, body)


def test_the_deadline_ends_a_job_and_the_ttl_removes_it() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.create(JOBS.resource, work(activeDeadlineSeconds=30))
        await cluster.until(lambda: condition(cluster, "Failed") is not None, 60)
        assert (condition(cluster, "Failed") or {})["reason"] == "DeadlineExceeded"
        patch = {"spec": {"ttlSecondsAfterFinished": 50}}
        await cluster.api.patch(JOBS.resource, "work", patch, PatchType.MERGE, "default")
        await cluster.until(
            lambda: bool(cluster.api.tree(JOBS.resource, "work")["metadata"].get("deletionTimestamp")), 70
        )  # type: ignore[index]

    simulate(CONTROLLERS, body)


def test_the_failure_policy_can_end_a_job_at_once_or_ignore() -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3]}}
    ignore = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}

    async def body(cluster: Cluster) -> None:
        cluster.ends = fail
        await cluster.create(JOBS.resource, work(podFailurePolicy={"rules": [ignore, rule]}))
        await cluster.until(lambda: condition(cluster, "Failed") is not None)
        failed = condition(cluster, "Failed")
        assert failed is not None
        name = cluster.api.trees(PODS.resource)[0]["metadata"]["name"]
        assert failed["reason"] == "PodFailurePolicy"
        assert failed["message"] == (
            f"Container c for pod default/{name} failed with exit code 3 matching FailJob rule at index 1"
        )

    simulate(CONTROLLERS, body)


def test_enough_indexes_may_be_a_success() -> None:
    async def body(cluster: Cluster) -> None:
        cluster.ends = lambda pod: "Succeeded" if pod["metadata"]["annotations"][job_indexes.INDEX] == "2" else ""
        policy = {"rules": [{"succeededIndexes": "2-3", "succeededCount": 1}]}
        await cluster.create(
            JOBS.resource, work(completionMode="Indexed", completions=4, parallelism=4, successPolicy=policy)
        )
        await cluster.until(lambda: condition(cluster, "Complete") is not None)
        assert (condition(cluster, "SuccessCriteriaMet") or {})["message"] == "Matched rules at index 0"

    simulate(CONTROLLERS, body)


@given(st.sets(st.integers(0, 60)))
def test_index_texts_read_back(indexes: set[int]) -> None:
    assert job_indexes.parse(job_indexes.text(indexes)) == indexes


@pytest.mark.parametrize(
    ("indexes", "expected"),
    [(set(), ""), ({1}, "1"), ({1, 2}, "1,2"), ({1, 2, 3}, "1-3"), ({1, 3, 4, 5, 7}, "1,3-5,7")],
)
def test_index_texts(indexes: set[int], expected: str) -> None:
    assert job_indexes.text(indexes) == expected
