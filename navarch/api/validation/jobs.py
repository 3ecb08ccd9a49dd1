"""Jobs and CronJobs."""

from __future__ import annotations

import zoneinfo
from typing import Any, Final

from navarch.api.validation.go_form import shown
from navarch.api.validation.job_policies import failure_policy_errors, success_policy_errors
from navarch.api.validation.labels import matches, selector_errors
from navarch.api.validation.pod_spec import template_errors
from navarch.api.validation.rules import Errors, not_negative, one_of, supported
from navarch.api.validation.schedules import schedule_fault
from navarch.base import names
from navarch.base.field import FieldError, immutable, invalid_value, not_supported, required
from navarch.schema.types import Tree

_COUNTS: Final = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_UID_LABELS: Final = ("controller-uid", "batch.kubernetes.io/controller-uid")
_NAME_LABELS: Final = ("job-name", "batch.kubernetes.io/job-name")
_INDEXED_ONLY: Final = "requires indexed completion mode"
#: A CronJob appends eleven characters to its name.
_CRON_NAME_MAX: Final = 52


def job_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    return _generated_errors(tree, labels or {}) + _own_spec_errors(spec)


def _own_spec_errors(spec: Tree) -> Errors:
    """The spec of a Job, which unlike that of a CronJob's Jobs has a selector."""
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    selector = spec.get("selector")
    errors = job_spec_errors(spec, "spec")
    found = [required("spec.selector")] if selector is None else selector_errors(selector, "spec.selector")
    errors += found
    if selector is None or (not found and not matches(selector, labels)):
        text = "`selector` does not match template `labels`"
        errors.append(invalid_value("spec.template.metadata.labels", labels, text))
    return errors


def new_job_errors(tree: Tree) -> Errors:
    """Those of any Job, and that its indexes make names of pods."""
    spec, name = tree.get("spec") or {}, tree["metadata"].get("name", "")
    errors = job_errors(tree)
    if spec.get("completionMode") == "Indexed" and (spec.get("completions") or 0) > 0:
        last = f"{name}-{spec['completions'] - 1}"
        if names.dns1123_label_errors(last):
            text = f"will not able to create pod with invalid DNS label: {last}"
            errors.append(invalid_value("metadata.name", name, text))
    return errors


def job_update_errors(new: Tree, old: Tree) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = _own_spec_errors(spec) + _completions_errors(spec, before)
    for key in ("selector", "template", "completionMode", "podFailurePolicy", "backoffLimitPerIndex"):
        if spec.get(key) != before.get(key) and not (key == "template" and _may_change_template(spec, before)):
            errors.append(
                _frozen_template(spec, before) if key == "template" else immutable(f"spec.{key}", spec.get(key))
            )
    errors += [
        immutable(f"spec.{key}", spec.get(key))
        for key in ("managedBy", "successPolicy")
        if spec.get(key) != before.get(key)
    ]
    return errors


def _frozen_template(spec: Tree, before: Tree) -> FieldError:
    """A suspended Job's template may change in part: there the fault is in the pod's spec."""
    template = spec.get("template") or {}
    if before.get("suspend"):
        return immutable("spec.template.spec", shown("PodSpec", template.get("spec") or {}))
    return immutable("spec.template", shown("PodTemplateSpec", template))


def cron_job_errors(tree: Tree) -> Errors:
    spec, name = tree.get("spec") or {}, tree["metadata"].get("name", "")
    errors = _schedule_errors(spec.get("schedule", ""))
    errors += not_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    policy = spec.get("concurrencyPolicy")
    errors += one_of("spec.concurrencyPolicy", policy, ("Allow", "Forbid", "Replace"), needed=True)
    errors += _zone_errors(spec.get("timeZone"))
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += not_negative(f"spec.{key}", spec.get(key))
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    if job.get("manualSelector"):
        errors.append(not_supported("spec.jobTemplate.spec.manualSelector", True, ("nil", "false")))
    errors += job_spec_errors(job, "spec.jobTemplate.spec")
    if len(name) > _CRON_NAME_MAX:
        errors.append(invalid_value("metadata.name", name, names.max_length(_CRON_NAME_MAX)))
    return errors


def job_spec_errors(spec: Tree, path: str) -> Errors:
    errors: Errors = []
    for key in _COUNTS:
        errors += not_negative(f"{path}.{key}", spec.get(key))
    errors += _mode_errors(spec, path)
    template = spec.get("template") or {}
    policy = (template.get("spec") or {}).get("restartPolicy", "")
    failure = spec.get("podFailurePolicy")
    if failure is not None:
        if policy != "Never":
            text = 'only "Never" is supported when podFailurePolicy is specified'
            errors.append(invalid_value(f"{path}.template.spec.restartPolicy", policy, text))
        errors += failure_policy_errors(failure, template.get("spec") or {}, f"{path}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        errors += success_policy_errors(spec, f"{path}.successPolicy")
    replacements = ("Failed",) if failure is not None else ("Failed", "TerminatingOrFailed")
    if (replacement := spec.get("podReplacementPolicy")) is not None:
        errors += supported(f"{path}.podReplacementPolicy", replacement, replacements)
    if (manager := spec.get("managedBy")) is not None:
        domain, slash, rest = manager.partition("/")
        if not slash or not rest or names.dns1123_subdomain_errors(domain):
            text = 'must be a domain-prefixed path (such as "acme.io/foo")'
            errors.append(invalid_value(f"{path}.managedBy", manager, text))
    errors += template_errors(template, f"{path}.template")
    if policy in ("", "Always"):
        errors.append(required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        errors.append(not_supported(f"{path}.template.spec.restartPolicy", policy, ("OnFailure", "Never")))
    return errors


def _mode_errors(spec: Tree, path: str) -> Errors:
    mode, completions = spec.get("completionMode"), spec.get("completions")
    per_index, failed = spec.get("backoffLimitPerIndex"), spec.get("maxFailedIndexes")
    errors: Errors = []
    if mode is not None and mode not in ("NonIndexed", "Indexed"):
        errors.append(not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed")))
    if mode == "Indexed":
        if completions is None:
            errors.append(required(f"{path}.completions", "when completion mode is Indexed"))
        elif failed is not None and failed > completions:
            text = "must be less than or equal to completions"
            errors.append(invalid_value(f"{path}.maxFailedIndexes", failed, text))
    if mode == "NonIndexed":
        errors += [
            invalid_value(f"{path}.{key}", spec[key], _INDEXED_ONLY)
            for key in ("backoffLimitPerIndex", "maxFailedIndexes")
            if spec.get(key) is not None
        ]
    if failed is not None and per_index is None:
        errors.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    return errors


def _generated_errors(tree: Tree, labels: dict[str, str]) -> Errors:
    """Selector and labels of a Job whose selector the server made."""
    spec, metadata = tree.get("spec") or {}, tree["metadata"]
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    errors: Errors = []
    uid = metadata.get("uid", "")
    for keys, expected in ((_UID_LABELS, uid), (_NAME_LABELS, metadata.get("name", ""))):
        for key in keys:
            where = f"spec.template.metadata.labels[{key}]"
            if key not in labels:
                errors.append(required(where, f"must be '{expected}'"))
            elif labels[key] != expected:
                errors.append(invalid_value(where, labels, f"must be '{expected}'"))
    selector = spec["selector"]
    generated = dict.fromkeys(_UID_LABELS, uid) | dict.fromkeys(_NAME_LABELS, metadata.get("name", ""))
    if not selector_errors(selector, "") and not matches(selector, generated):
        errors.append(invalid_value("spec.selector", selector, "`selector` not auto-generated"))
    return errors


def _completions_errors(spec: Tree, before: Tree) -> Errors:
    now, was = spec.get("completions"), before.get("completions")
    if now == was:
        return []
    if spec.get("completionMode") != "Indexed":
        return [immutable("spec.completions", now)]
    if now is None:
        return []  # needed, and said so
    if now != spec.get("parallelism"):
        return [invalid_value("spec.completions", now, "can only be modified in tandem with spec.parallelism")]
    return []


def _may_change_template(spec: Tree, before: Tree) -> bool:
    """Where pods go may be changed while a Job that never started is suspended."""

    def frozen(template: Any) -> Any:
        placed = ("nodeSelector", "affinity", "tolerations", "schedulingGates")
        template = template or {}
        kept = {key: value for key, value in (template.get("spec") or {}).items() if key not in placed}
        return {key: value for key, value in template.items() if key not in ("spec", "metadata")} | {"spec": kept}

    return bool(before.get("suspend")) and frozen(spec.get("template")) == frozen(before.get("template"))


def _schedule_errors(schedule: str) -> Errors:
    if not schedule:
        return [required("spec.schedule")]
    if "TZ" in schedule:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        return [invalid_value("spec.schedule", schedule, text)]
    fault = schedule_fault(schedule)
    return [invalid_value("spec.schedule", schedule, fault)] if fault else []


def _zone_errors(zone: str | None) -> Errors:
    where = "spec.timeZone"
    if zone is None:
        return []
    if not zone:
        return [invalid_value(where, zone, "timeZone must be nil or non-empty string")]
    if zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        return [invalid_value(where, zone, text)]
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return [invalid_value(where, zone, f"unknown time zone {zone}")]
    return []
