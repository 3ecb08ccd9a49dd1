"""The CronJob controller: makes a Job at each scheduled time, and keeps a few of those that are done.

Source: Kubernetes' cron job controller (names `<cron job>-<minutes since the epoch>`, events, limits).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from navarch.api.views.pod import ObjectReference
from navarch.base.resource import ObjectKey
from navarch.base.times import format_time, parse
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control.cron import Schedule
from navarch.control.intents import DONE, Create, Delete, Event, Intent, Patch, Plan
from navarch.control.job import finished
from navarch.control.ownership import keys_of_owner
from navarch.control.pods import owner_reference
from navarch.control.sources import CRONJOBS, JOBS
from navarch.control.views import CronJob, Job
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

SCHEDULED_AT: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"
#: More missed times than this are reported as a problem.
MANY_MISSED: Final = 100


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    cron_job = world[CRONJOBS].get(key)
    if cron_job is None or cron_job.metadata.deletionTimestamp is not None:
        return DONE
    jobs = sorted(world[JOBS].by_index("owner", cron_job.metadata.uid), key=lambda j: j.status.startTime or "")
    active = [j for j in jobs if _expected(j) and not finished(j)]
    about = reference(CRONJOBS.resource, cron_job.metadata)
    history: list[Intent] = [*_noticed(cron_job, jobs, about), *_surplus(cron_job, jobs)]
    try:
        schedule, zone = Schedule(cron_job.spec.schedule), _zone(cron_job.spec.timeZone)
    except (ValueError, ZoneInfoNotFoundError) as error:
        text = f"unparseable schedule: {cron_job.spec.schedule} : {error}"
        return Plan((Event(about, "Warning", "UnparseableSchedule", text), *history))
    upcoming = schedule.next_after(now, zone)
    if upcoming is None and not cron_job.spec.suspend:
        text = f"invalid schedule: {cron_job.spec.schedule} : {_NEVER}"
        return Plan((Event(about, "Warning", "InvalidSchedule", text), *history))
    wait_s = None if upcoming is None else upcoming - now
    due = None if cron_job.spec.suspend else _due(cron_job, schedule, zone, now)
    starts: list[Intent] = []
    scheduled = cron_job.status.lastScheduleTime
    if due is not None:
        name = f"{key.name}-{int(due // 60)}"
        known = world[JOBS].get(ObjectKey(key.namespace, name)) is not None
        if not known and active and cron_job.spec.concurrencyPolicy == "Forbid":
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            refused = Event(about, "Normal", "JobAlreadyActive", text)
            return Plan((*_status(cron_job, active, jobs, scheduled), refused, *history), wait_s)
        if not known:
            if cron_job.spec.concurrencyPolicy == "Replace":
                starts += [_delete(j) for j in active]
            done = Event(about, "Normal", "SuccessfulCreate", "Created job {name}")
            failed = Event(about, "Warning", "FailedCreate", "Error creating job: {error}")
            starts.append(Create(JOBS.resource, _job(cron_job, name, due), key.namespace, done, failed))
        scheduled = format_time(due)
    return Plan((*starts, *_status(cron_job, active, jobs, scheduled), *history), wait_s)


def _expected(job: Job) -> bool:
    """Whether the controller made it. `kubectl create job --from` makes jobs of the same owner that do not count."""
    return SCHEDULED_AT in job.metadata.annotations


def _noticed(cron_job: CronJob, jobs: Sequence[Job], about: ObjectReference) -> list[Event]:
    """What has become of the jobs that the status calls active, and those that somebody else made."""
    known = {job.metadata.uid: job for job in jobs}
    out: list[Event] = []
    for active in cron_job.status.active:
        job = known.get(active.uid)
        if job is None:
            out.append(Event(about, "Normal", "MissingJob", f"Active job went missing: {active.name}"))
        elif finished(job):
            text = f"Saw completed job: {active.name}, condition: {_outcome(job)}"
            out.append(Event(about, "Normal", "SawCompletedJob", text))
    for job in jobs:
        if not _expected(job) and not finished(job):
            text = f"Saw a job that the controller did not create or forgot: {job.metadata.name}"
            out.append(Event(about, "Warning", "UnexpectedJob", text))
    return out


def _outcome(job: Job) -> str:
    return "Complete" if _ended(job, "Complete") else "Failed"


#: What a day that no month has, like the 31st of February, means to Kubernetes' reckoning.
_NEVER = "time difference between two schedules is less than 1 second"


def _zone(name: str) -> tzinfo:
    return ZoneInfo(name) if name else UTC


def _due(cron_job: CronJob, schedule: Schedule, zone: tzinfo, now: float) -> float | None:
    """The latest scheduled time that has come and was not served."""
    last = cron_job.status.lastScheduleTime or cron_job.metadata.creationTimestamp
    at = parse(last) if last else now
    deadline_s = cron_job.spec.startingDeadlineSeconds
    if deadline_s is not None:
        at = max(at, now - deadline_s)
    due = None
    for missed in range(MANY_MISSED * 1000):
        following = schedule.next_after(at, zone)
        if following is None or following > now:
            break
        due = at = following
        if missed >= MANY_MISSED:
            # Long asleep: go on near the end instead of walking through all of it.
            at = max(at, now - 86400.0)
    return due


def _job(cron_job: CronJob, name: str, due: float) -> Tree:
    template = cron_job.spec.jobTemplate or {}
    source = template.get("metadata") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": cron_job.metadata.namespace,
            "labels": dict(source.get("labels") or {}),
            "annotations": {**(source.get("annotations") or {}), SCHEDULED_AT: format_time(due)},
            "ownerReferences": [owner_reference(CRONJOBS.resource, cron_job)],
        },
        "spec": template.get("spec") or {},
    }


def _delete(job: Job) -> Delete:
    return Delete(JOBS.resource, key_of(job), job.metadata.uid, propagation="Background")


def _surplus(cron_job: CronJob, jobs: Sequence[Job]) -> list[Delete]:
    """Finished jobs beyond the history limits, oldest first."""
    out: list[Delete] = []
    limits = (
        ("Complete", cron_job.spec.successfulJobsHistoryLimit, 3),
        ("Failed", cron_job.spec.failedJobsHistoryLimit, 1),
    )
    for type_, limit, default in limits:
        done = [j for j in jobs if _ended(j, type_)]
        kept = default if limit is None else limit
        out += [_delete(j) for j in done[: max(len(done) - kept, 0)] if j.metadata.deletionTimestamp is None]
    return out


def _ended(job: Job, type_: str) -> bool:
    return any(c.type == type_ and c.status == "True" for c in job.status.conditions)


def _status(cron_job: CronJob, active: Sequence[Job], jobs: Sequence[Job], scheduled: str | None) -> list[Intent]:
    old = cron_job.status
    names = [(j.metadata.name, j.metadata.uid) for j in active]
    successes = [j.status.completionTime for j in jobs if _ended(j, "Complete") and j.status.completionTime]
    successful = max([*successes, *([old.lastSuccessfulTime] if old.lastSuccessfulTime else [])], default=None)
    unchanged = [(r.name, r.uid) for r in old.active] == names
    if unchanged and (old.lastScheduleTime, old.lastSuccessfulTime) == (scheduled, successful):
        return []
    references = [
        {"apiVersion": "batch/v1", "kind": "Job", "namespace": cron_job.metadata.namespace, "name": n, "uid": u}
        for n, u in names
    ]
    status = {"active": references or None, "lastScheduleTime": scheduled, "lastSuccessfulTime": successful}
    key, uid = key_of(cron_job), cron_job.metadata.uid
    return [Patch(CRONJOBS.resource, key, {"status": status}, subresource="status", uid=uid, by_update=True)]


CONTROLLER = Controller(
    "cronjob-controller", (Watch(CRONJOBS, same_key), Watch(JOBS, keys_of_owner("CronJob"))), reconcile
)
