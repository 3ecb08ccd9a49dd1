"""`kubectl describe` of jobs and cron jobs."""

from __future__ import annotations

from navarch.base import times
from navarch.cli.output.describe.context import Context, Lines, rfc1123, selector_text, yes
from navarch.cli.output.describe.workloads import controlled_by, pod_template
from navarch.cli.selection import Found
from navarch.schema.types import Tree

_MAX_INDEXES = 50


def job(found: Found, context: Context) -> str:
    out = Lines()
    metadata, spec, status = found.tree["metadata"], found.tree["spec"], found.tree.get("status") or {}
    out.line(0, "Name:", found.name)
    out.line(0, "Namespace:", found.namespace)
    if spec.get("selector"):
        out.line(0, "Selector:", selector_text(spec["selector"]))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))
    controlled_by(out, metadata)
    _limits(out, spec)
    _progress(out, spec, status)
    pod_template(out, spec["template"])
    context.events(out, found)
    return out.render()


def _limits(out: Lines, spec: Tree) -> None:
    out.line(0, "Parallelism:", spec.get("parallelism", "<unset>"))
    out.line(0, "Completions:", spec.get("completions", "<unset>"))
    out.line(0, "Completion Mode:", spec.get("completionMode", "<unset>"))
    for title, key in (("Suspend", "suspend"), ("Backoff Limit", "backoffLimit"),
                       ("TTL Seconds After Finished", "ttlSecondsAfterFinished")):  # fmt: skip
        if key in spec:
            out.line(0, f"{title}:", yes(spec[key]) if key == "suspend" else spec[key])


def _progress(out: Lines, spec: Tree, status: Tree) -> None:
    started, ended = status.get("startTime"), status.get("completionTime")
    if started:
        out.line(0, "Start Time:", rfc1123(started))
    if ended:
        out.line(0, "Completed At:", rfc1123(ended))
    if started and ended:
        out.line(0, "Duration:", times.human_duration(times.parse(ended) - times.parse(started)))
    if (deadline := spec.get("activeDeadlineSeconds")) is not None:
        out.line(0, "Active Deadline Seconds:", f"{deadline}s")
    counts = [status.get(key, 0) for key in ("active", "succeeded", "failed")]
    ready = f" ({status['ready']} Ready)" if "ready" in status else ""
    out.line(0, "Pods Statuses:", f"{counts[0]} Active{ready} / {counts[1]} Succeeded / {counts[2]} Failed")
    if spec.get("completionMode") == "Indexed":
        indexes = status.get("completedIndexes") or "<none>"
        out.line(0, "Completed Indexes:", _shortened(indexes))


def _shortened(indexes: str) -> str:
    """Not more than a line of it, cut between two ranges."""
    if len(indexes) <= _MAX_INDEXES:
        return indexes
    return indexes[: indexes.rfind(",", 0, _MAX_INDEXES) + 1] + "..."


def cron_job(found: Found, context: Context) -> str:
    out = Lines()
    spec, status = found.tree["spec"], found.tree.get("status") or {}
    inner = spec["jobTemplate"].get("spec") or {}
    out.head(found)
    out.line(0, "Schedule:", spec.get("schedule", ""))
    out.line(0, "Concurrency Policy:", spec.get("concurrencyPolicy", ""))
    out.line(0, "Suspend:", "True" if spec.get("suspend") else "False")
    out.line(0, "Time Zone:", spec.get("timeZone") or "<unset>")
    out.line(0, "Successful Job History Limit:", spec.get("successfulJobsHistoryLimit", "<unset>"))
    out.line(0, "Failed Job History Limit:", spec.get("failedJobsHistoryLimit", "<unset>"))
    deadline = spec.get("startingDeadlineSeconds")
    out.line(0, "Starting Deadline Seconds:", "<unset>" if deadline is None else f"{deadline}s")
    selector = inner.get("selector")
    out.line(0, "Selector:", selector_text(selector) if selector else "<unset>")
    out.line(0, "Parallelism:", inner.get("parallelism", "<unset>"))
    out.line(0, "Completions:", inner.get("completions", "<unset>"))
    if (deadline := inner.get("activeDeadlineSeconds")) is not None:
        out.line(0, "Active Deadline Seconds:", f"{deadline}s")
    pod_template(out, inner.get("template") or {})
    last = status.get("lastScheduleTime")
    out.line(0, "Last Schedule Time:", rfc1123(last) if last else "<unset>")
    out.line(0, "Active Jobs:", ", ".join(job["name"] for job in status.get("active") or []) or "<none>")
    context.events(out, found)
    return out.render()
