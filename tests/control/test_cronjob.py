from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from navarch.base.resource import ObjectKey
from navarch.client.contract import PatchType
from navarch.control import cronjob, job
from navarch.control.cron import Schedule
from navarch.control.intents import Create, Event
from navarch.control.sources import CRONJOBS, JOBS
from navarch.schema.types import Tree
from tests.control.cluster import Cluster, simulate
from tests.control.worlds import world


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("*/15 * * * *", "2026-01-01 00:00", "2026-01-01 00:15"),
        ("0 9 * * mon-fri", "2026-01-02 10:00", "2026-01-05 09:00"),
        ("@monthly", "2026-01-15 00:00", "2026-02-01 00:00"),
        ("30 4 1,15 * 5", "2026-01-02 05:00", "2026-01-09 04:30"),
        ("0 0 29 feb *", "2026-01-01 00:00", "2028-02-29 00:00"),
        ("5/20 1 * * 7", "2026-01-01 00:00", "2026-01-04 01:05"),
    ],
)
def test_next_time(text: str, after: str, expected: str) -> None:
    def epoch(value: str) -> float:
        return datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()

    assert Schedule(text).next_after(epoch(after)) == epoch(expected)


def test_never_and_elsewhere() -> None:
    assert Schedule("0 0 30 2 *").next_after(0) is None
    tokyo: tzinfo = ZoneInfo("Asia/Tokyo")
    noon = Schedule("0 12 * * *").next_after(0, tokyo)
    assert noon == datetime(1970, 1, 1, 12, tzinfo=tokyo).timestamp()


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "* * * * mon-xyz", "5-1 * * * *", "*/0 * * * *"])
def test_not_a_schedule(text: str) -> None:
    with pytest.raises(ValueError, match=r"fields|within|invalid"):
        Schedule(text)


def every_minute(**spec: object) -> Tree:
    pods = {"metadata": {"labels": {"a": "b"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c"}]}}
    job_spec = {"completions": 1, "parallelism": 1, "selector": {"matchLabels": {"a": "b"}}, "template": pods}
    template = {"spec": job_spec}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {"schedule": "* * * * *", "jobTemplate": template, "concurrencyPolicy": "Allow", **spec},
    }


CONTROLLERS = (cronjob.CONTROLLER, job.CONTROLLER)


def jobs(cluster: Cluster) -> list[str]:
    return sorted(t["metadata"]["name"] for t in cluster.api.trees(JOBS.resource))


def test_one_job_a_minute_and_a_short_history() -> None:
    async def body(cluster: Cluster) -> None:
        cluster.ends = lambda pod: "Succeeded"
        made: set[str] = set()
        cluster.api.watch_invariant = lambda: made.update(jobs(cluster))
        begun = cluster.seams.clock.now()
        await cluster.create(CRONJOBS.resource, every_minute(successfulJobsHistoryLimit=2))
        await cluster.until(lambda: len(made) == 6)
        first = int(begun // 60) + 1
        assert made == {f"tick-{first + i}" for i in range(6)}
        await cluster.until(lambda: len(jobs(cluster)) == 2)

    simulate(CONTROLLERS, body, max_delay_s=1.0)


@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
def test_never_two_at_once(policy: str) -> None:
    async def body(cluster: Cluster) -> None:
        made: set[str] = set()
        cluster.api.watch_invariant = lambda: made.update(jobs(cluster))
        await cluster.create(CRONJOBS.resource, every_minute(concurrencyPolicy=policy))
        await cluster.until(lambda: len(jobs(cluster)) == 1)
        seen = cluster.seams.clock.now()
        await cluster.until(lambda: cluster.seams.clock.now() - seen > 200)
        assert len(jobs(cluster)) == 1
        assert (len(made) == 1) == (policy == "Forbid")
        await cluster.api.patch(CRONJOBS.resource, "tick", {"spec": {"suspend": True}}, PatchType.MERGE, "default")

    simulate(CONTROLLERS, body)


OWNER = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "tick", "uid": "u", "controller": True}


def a_job(name: str, **status: object) -> Tree:
    metadata = {"name": name, "namespace": "default", "uid": name, "ownerReferences": [OWNER]}
    return {"metadata": metadata, "spec": {}, "status": status}


def plan_at(seconds: float, cron_job: Tree, jobs: list[Tree]) -> list[Create | Event]:
    found = {**cron_job, "metadata": {**cron_job["metadata"], "uid": "u", "creationTimestamp": "1970-01-01T00:00:00Z"}}
    plan = cronjob.reconcile(world({CRONJOBS: [found], JOBS: jobs}), ObjectKey("default", "tick"), seconds)
    return [intent for intent in plan.intents if isinstance(intent, Create | Event)]


def test_a_job_that_somebody_else_made_of_it_does_not_count() -> None:
    """`kubectl create job --from`: it has the owner, not the time that it was scheduled at."""
    create, event = plan_at(120.0, every_minute(concurrencyPolicy="Forbid"), [a_job("manual")])
    assert isinstance(create, Create) and create.tree["metadata"]["name"] == "tick-2"
    assert isinstance(event, Event) and event.reason == "UnexpectedJob"


def test_the_end_of_an_active_job_is_told() -> None:
    active = [{"name": name, "uid": name} for name in ("done", "gone")]
    done = a_job("done", conditions=[{"type": "Complete", "status": "True"}])
    intents = plan_at(10.0, {**every_minute(), "status": {"active": active}}, [done])
    assert [intent.message for intent in intents if isinstance(intent, Event)] == [
        "Saw completed job: done, condition: Complete",
        "Active job went missing: gone",
    ]
