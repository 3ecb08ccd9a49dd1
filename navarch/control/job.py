"""The Job controller: runs pods to completion and counts each exactly once.

Pods carry a finalizer until they are counted. A finished pod's uid goes into `uncountedTerminatedPods`,
then the finalizer is taken off, then uid turns into a count: whatever is lost in between, no pod is
counted twice or forgotten.

Source: Kubernetes' job controller, KEP-2307 (finalizer tracking), KEP-2214 (indexed), KEP-3329 (failure policy).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.base.selector import from_label_selector
from navarch.base.times import format_time, parse
from navarch.client.cache import key_of
from navarch.client.recorder import reference
from navarch.control import job_indexes, job_policy
from navarch.control.intents import DONE, Create, Delete, Event, Intent, Patch, Plan
from navarch.control.job_indexes import index_of
from navarch.control.ownership import claim, keys_of_owner
from navarch.control.pods import is_active, is_ready, is_terminating, pod_tree, restarts
from navarch.control.ranking import to_delete
from navarch.control.sources import JOBS, PODS
from navarch.control.views import Job, to_tree
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree

FINALIZER: Final = "batch.kubernetes.io/job-tracking"
#: Uids noted and finalizers taken off in one go.
TRACK_BATCH: Final = 500
BURST: Final = 500


def reconcile(world: World, key: ObjectKey, now: float) -> Plan:
    job = world[JOBS].get(key)
    pods = world[PODS]
    if job is None:
        named = pods.by_index("label", (key.namespace, "batch.kubernetes.io/job-name", key.name))
        return Plan(tuple(_untrack(p) for p in named if FINALIZER in p.metadata.finalizers))
    if job.spec.template is None or job.spec.managedBy not in ("", "kubernetes.io/job-controller"):
        return DONE
    if job.metadata.deletionTimestamp is not None or finished(job):
        owned = pods.by_index("owner", job.metadata.uid)
        return Plan(tuple(_untrack(p) for p in owned if FINALIZER in p.metadata.finalizers))
    mine, claims = claim(
        JOBS.resource,
        job,
        from_label_selector(job.spec.selector),
        PODS.resource,
        pods.by_index("owner", job.metadata.uid),
        pods.by_index("orphan", key.namespace),
    )
    if claims:
        return Plan(tuple(claims))
    return _Round(job, sorted(mine, key=lambda p: p.metadata.name), now).plan()


def finished(job: Job) -> bool:
    return any(c.type in ("Complete", "Failed") and c.status == "True" for c in job.status.conditions)


class _Round:
    """One look at a running job."""

    def __init__(self, job: Job, pods: Sequence[Pod], now: float) -> None:
        self.job = job
        self.now = now
        self.active = [p for p in pods if is_active(p)]
        self.terminating = [p for p in pods if is_terminating(p)]
        self.succeeded = [p for p in pods if p.status.phase == "Succeeded"]
        self.rulings = {p.metadata.uid: job_policy.ruling(job, p) for p in pods if job_policy.is_failed(job, p)}
        self.failed = [p for p in pods if p.metadata.uid in self.rulings]
        self.indexed = job.spec.completionMode == "Indexed"
        self.conditions: list[Tree] = [to_tree(c) for c in job.status.conditions]
        self.about = reference(JOBS.resource, job.metadata)
        self.wait_s: float | None = None
        self.events: list[Intent] = []
        self._track(pods)
        self._count_indexes()

    # --- counting
    def _track(self, pods: Sequence[Pod]) -> None:
        """Derive the counters, the uids still to be counted, and the finalizers to take off."""
        status = self.job.status
        noted = status.uncountedTerminatedPods
        held = {p.metadata.uid: p for p in pods if FINALIZER in p.metadata.finalizers}
        old_good, old_bad = (noted.succeeded, noted.failed) if noted is not None else ((), ())
        self.good = [u for u in old_good if u in held]
        self.bad = [u for u in old_bad if u in held]
        self.status_succeeded = status.succeeded + len(old_good) - len(self.good)
        self.status_failed = status.failed + len(old_bad) - len(self.bad)
        self.release = [held[u] for u in (*self.good, *self.bad)]
        known = {*old_good, *old_bad}
        new_good = [p.metadata.uid for p in self.succeeded if p.metadata.uid in held and p.metadata.uid not in known]
        ended = [p.metadata.uid for p in self.failed if p.metadata.uid in held and p.metadata.uid not in known]
        new_bad = [u for u in ended if self.rulings[u].action != "Ignore"]
        self.release += [held[u] for u in ended if self.rulings[u].action == "Ignore"]
        self.good += new_good[:TRACK_BATCH]
        self.bad += new_bad[:TRACK_BATCH]
        self.total_succeeded = self.status_succeeded + len(self.good)
        self.total_failed = self.status_failed + len(self.bad)

    def _count_indexes(self) -> None:
        self.completed: set[int] = set()
        self.failed_indexes: set[int] = set()
        if not self.indexed:
            return
        completions = self.job.spec.completions or 0
        self.completed = job_indexes.parse(self.job.status.completedIndexes)
        self.completed |= {i for p in self.succeeded if (i := index_of(p)) is not None and i < completions}
        limit = self.job.spec.backoffLimitPerIndex
        if limit is not None:
            self.failed_indexes = job_indexes.parse(self.job.status.failedIndexes)
            for pod in self.failed:
                index = index_of(pod)
                action = self.rulings[pod.metadata.uid].action
                over = action == "FailIndex" or (action != "Ignore" and job_indexes.failures_of(pod) >= limit)
                if index is not None and over:
                    self.failed_indexes.add(index)
            self.failed_indexes -= self.completed
        self.total_succeeded = len(self.completed)

    # --- the decision
    def plan(self) -> Plan:
        changes: list[Intent] = []
        suspended = bool(self.job.spec.suspend)
        verdict = self._standing_verdict() or self._failure() or self._success()
        if verdict is not None:
            changes = self._end(*verdict)
        elif suspended:
            changes = [self._delete(p) for p in self.active]
        else:
            changes = self._manage()
        if verdict is None:
            self._note_suspension(suspended)
        status = self._status(suspended, ended=finished_in(self.conditions))
        untrack = [_untrack(p) for p in self.release]
        return Plan((*status, *self.events, *untrack, *changes), self.wait_s)

    def _standing_verdict(self) -> tuple[str, str, str] | None:
        for condition in self.conditions:
            if condition["type"] in ("FailureTarget", "SuccessCriteriaMet") and condition["status"] == "True":
                return condition["type"], condition.get("reason", ""), condition.get("message", "")
        return None

    def _failure(self) -> tuple[str, str, str] | None:
        spec = self.job.spec
        for ruling in self.rulings.values():
            if ruling.action == "FailJob":
                return "FailureTarget", "PodFailurePolicy", ruling.message
        limit = 6 if spec.backoffLimit is None else spec.backoffLimit
        if self.total_failed > limit or self._restarted_too_often(limit):
            return "FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        if spec.activeDeadlineSeconds is not None and self.job.status.startTime and not spec.suspend:
            left = parse(self.job.status.startTime) + spec.activeDeadlineSeconds - self.now
            if left <= 0:
                return "FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline"
            self.wait_s = left
        if spec.maxFailedIndexes is not None and len(self.failed_indexes) > spec.maxFailedIndexes:
            text = "Job has exceeded the specified maximal number of failed indexes"
            return "FailureTarget", "MaxFailedIndexesExceeded", text
        if self.failed_indexes and len(self.failed_indexes | self.completed) >= (spec.completions or 0):
            return "FailureTarget", "FailedIndexes", "Job has failed indexes"
        return None

    def _restarted_too_often(self, limit: int) -> bool:
        template = self.job.spec.template or {}
        if (template.get("spec") or {}).get("restartPolicy") != "OnFailure":
            return False
        total = sum(restarts(p) for p in self.active if p.status.phase == "Running")
        return total > 0 if limit == 0 else total >= limit

    def _success(self) -> tuple[str, str, str] | None:
        rule = job_policy.success_rule(self.job.spec.successPolicy, self.completed)
        if rule is not None:
            return "SuccessCriteriaMet", "SuccessPolicy", f"Matched rules at index {rule}"
        completions = self.job.spec.completions
        if completions is None:
            reached = self.total_succeeded > 0 and not self.active and not self.terminating
        else:
            reached = self.total_succeeded >= completions
        if not reached:
            return None
        return "SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods"

    def _end(self, target: str, reason: str, message: str) -> list[Intent]:
        """Stop what runs; once nothing does and all is counted, say how it ended."""
        self._set(target, "True", reason, message)
        if self.active or self.terminating or self.good or self.bad:
            return [self._delete(p) for p in self.active]
        if target == "FailureTarget":
            self._set("Failed", "True", reason, message)
            self.events.append(Event(self.about, "Warning", reason, message))
        else:
            self._set("Complete", "True", reason, message)
            self.events.append(Event(self.about, "Normal", "Completed", "Job completed"))
        return []

    # --- pods
    def _manage(self) -> list[Intent]:
        spec = self.job.spec
        parallelism = 1 if spec.parallelism is None else spec.parallelism
        wanted = parallelism
        if spec.completions is not None:
            wanted = min(parallelism, spec.completions - self.total_succeeded - len(self.failed_indexes))
        elif self.total_succeeded:
            wanted = min(parallelism, len(self.active))
        surplus = len(self.active) - max(wanted, 0)
        if surplus > 0:
            return [self._delete(p) for p in to_delete(self.active, self.active, surplus, self.now)]
        waits = spec.podReplacementPolicy == "Failed" or spec.podFailurePolicy is not None
        missing = wanted - len(self.active) - (len(self.terminating) if waits else 0)
        if missing <= 0:
            return []
        counted = [p for p in self.failed if self.rulings[p.metadata.uid].action != "Ignore"]
        due = job_policy.replacement_at(counted, self.succeeded)
        if due > self.now:
            self.wait_s = min(self.wait_s or due - self.now, due - self.now)
            return []
        return self._create_indexed(missing) if self.indexed else [self._create(self._tree())] * min(missing, BURST)

    def _create_indexed(self, missing: int) -> list[Intent]:
        held = [*self.active, *(self.terminating if self.job.spec.podReplacementPolicy == "Failed" else ())]
        taken = {index_of(p) for p in held} | self.completed | self.failed_indexes
        free = [i for i in range(self.job.spec.completions or 0) if i not in taken]
        intents: list[Intent] = []
        for index in free[: min(missing, BURST)]:
            failures = None
            if self.job.spec.backoffLimitPerIndex is not None:
                before = [job_indexes.failures_of(p) + 1 for p in self.failed if index_of(p) == index]
                failures = max(before, default=0)
            tree = self._tree()
            job_indexes.give_index(tree, self.job.metadata.name, index, failures)
            intents.append(self._create(tree))
        return intents

    def _tree(self) -> Tree:
        tree = pod_tree(self.job.spec.template or {}, JOBS.resource, self.job)
        tree["metadata"]["finalizers"] = [FINALIZER]
        return tree

    def _create(self, tree: Tree) -> Create:
        done = Event(self.about, "Normal", "SuccessfulCreate", "Created pod: {name}")
        failed = Event(self.about, "Warning", "FailedCreate", "Error creating: {error}")
        return Create(PODS.resource, tree, self.job.metadata.namespace, done, failed)

    def _delete(self, pod: Pod) -> Delete:
        done = Event(self.about, "Normal", "SuccessfulDelete", "Deleted pod: {name}")
        return Delete(PODS.resource, key_of(pod), pod.metadata.uid, on_success=done)

    # --- status
    def _set(self, type_: str, status: str, reason: str, message: str) -> bool:
        for condition in self.conditions:
            if condition["type"] == type_:
                if condition["status"] == status:
                    return False
                self.conditions.remove(condition)
                break
        stamp = format_time(self.now)
        tree = {"type": type_, "status": status, "reason": reason, "message": message}
        self.conditions.append({**tree, "lastProbeTime": stamp, "lastTransitionTime": stamp})
        return True

    def _note_suspension(self, suspended: bool) -> None:
        standing = next((c for c in self.conditions if c["type"] == "Suspended"), None)
        if suspended:
            if self._set("Suspended", "True", "JobSuspended", "Job suspended"):
                self.events.append(Event(self.about, "Normal", "Suspended", "Job suspended"))
        elif standing is not None and self._set("Suspended", "False", "JobResumed", "Job resumed"):
            self.events.append(Event(self.about, "Normal", "Resumed", "Job resumed"))

    def _status(self, suspended: bool, *, ended: bool) -> list[Intent]:
        old = self.job.status
        start = old.startTime
        if suspended and not ended:
            start = None
        elif start is None:
            start = format_time(self.now)
            if self.job.spec.activeDeadlineSeconds is not None:
                self.wait_s = float(self.job.spec.activeDeadlineSeconds)
        complete = any(c["type"] == "Complete" for c in self.conditions)
        uncounted = {k: v for k, v in (("succeeded", self.good), ("failed", self.bad)) if v}
        new: Tree = {
            "active": len(self.active),
            "ready": sum(1 for p in self.active if is_ready(p)),
            "terminating": len(self.terminating),
            "succeeded": len(self.completed) if self.indexed else self.status_succeeded,
            "failed": self.status_failed,
            "completedIndexes": job_indexes.text(self.completed),
            "failedIndexes": job_indexes.text(self.failed_indexes),
            "startTime": start,
            "completionTime": format_time(self.now) if complete else None,
            "conditions": self.conditions,
        }
        noted = old.uncountedTerminatedPods
        before = {k: v for k, v in to_tree(noted).items() if v} if noted is not None else None
        same = before == uncounted and all(getattr(old, k) == v for k, v in new.items() if k not in ("conditions",))
        if same and [to_tree(c) for c in old.conditions] == self.conditions:
            return []
        always = ("ready", "terminating")
        status = {k: v if v or k in always else None for k, v in new.items()}
        # Lists in a merge patch are replaced, absent ones must be named to go.
        status["uncountedTerminatedPods"] = {"succeeded": None, "failed": None, **uncounted}
        metadata = self.job.metadata
        return [
            Patch(
                JOBS.resource,
                key_of(self.job),
                {"status": status},
                subresource="status",
                uid=metadata.uid,
                by_update=True,
            )
        ]


def finished_in(conditions: Sequence[Tree]) -> bool:
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions)


def _untrack(pod: Pod) -> Patch:
    metadata = pod.metadata
    kept = [f for f in metadata.finalizers if f != FINALIZER]
    patch = {"metadata": {"finalizers": kept or None}}
    return Patch(PODS.resource, key_of(pod), patch, uid=metadata.uid, resource_version=metadata.resourceVersion)


CONTROLLER = Controller("job-controller", (Watch(JOBS, same_key), Watch(PODS, keys_of_owner("Job"))), reconcile)
