"""What whoever writes the status of a Job may say: jobs may have controllers of their own. Pure.

Rules apply where what they speak of changes, so that a status that is wrong already can be written on.

Source: batch/v1 status validation of Kubernetes 1.36, KEP-4368 (managedBy).
"""

from __future__ import annotations

from typing import Final

from navarch.api.validation.job_policies import count_indexes
from navarch.api.validation.rules import Errors, not_negative
from navarch.base.field import NO_VALUE, FieldError, duplicate, invalid_value, required
from navarch.schema.types import Tree

_TERMINAL: Final = ("Failed", "Complete", "FailureTarget")
_COUNTS: Final = ("active", "succeeded", "failed", "ready", "terminating")


def job_status_errors(new: Tree, old: Tree) -> Errors:
    now, before = _Look(new), _Look(old)
    errors = [error for name in _COUNTS for error in not_negative(f"status.{name}", now.status.get(name))]
    errors += _uncounted_errors(now.uncounted)
    errors += _time_errors(now, before)
    errors += _finished_errors(now, before)
    errors += _index_errors(now, before)
    errors += _combination_errors(now, before)
    return errors + _change_errors(now, before)


class _Look:
    """The parts of a job that rules ask about."""

    def __init__(self, tree: Tree) -> None:
        self.spec: Tree = tree.get("spec") or {}
        self.status: Tree = tree.get("status") or {}
        conditions = self.status.get("conditions") or ()
        self.true = {each.get("type") for each in conditions if each.get("status") == "True"}

    @property
    def finished(self) -> bool:
        return bool(self.true & {"Complete", "Failed"})

    @property
    def indexed(self) -> bool:
        return bool(self.spec.get("completionMode") == "Indexed")

    @property
    def uncounted(self) -> Tree:
        return self.status.get("uncountedTerminatedPods") or {}

    def count(self, name: str) -> int:
        return self.status.get(name) or 0


def _changed(now: _Look, before: _Look, *names: str) -> bool:
    return any((now.status.get(name) or None) != (before.status.get(name) or None) for name in names)


def _turned(now: _Look, before: _Look, *conditions: str) -> bool:
    return any((each in now.true) != (each in before.true) for each in conditions)


def _conditions_error(text: str) -> FieldError:
    return invalid_value("status.conditions", NO_VALUE, text)


def _uncounted_errors(uncounted: Tree) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for part in ("succeeded", "failed"):
        for index, uid in enumerate(uncounted.get(part) or ()):
            path = f"status.uncountedTerminatedPods.{part}[{index}]"
            if not uid:
                errors.append(invalid_value(path, uid, "must not be empty"))
            elif uid in seen:
                errors.append(duplicate(path, uid))
            seen.add(uid)
    return errors


def _time_errors(now: _Look, before: _Look) -> Errors:
    errors: Errors = []
    complete = "Complete" in now.true
    if _turned(now, before, "Complete", "Failed") and {"Complete", "Failed"} <= now.true:
        errors.append(_conditions_error("cannot set Complete=True and Failed=true conditions"))
    if _turned(now, before, "Complete", "FailureTarget") and {"Complete", "FailureTarget"} <= now.true:
        errors.append(_conditions_error("cannot set Complete=True and FailureTarget=true conditions"))
    start, end = now.status.get("startTime"), now.status.get("completionTime")
    path = "status.completionTime"
    if _turned(now, before, "Complete") or _changed(now, before, "completionTime"):
        if end and not complete:
            errors.append(
                invalid_value(path, end, "cannot set completionTime when there is no Complete=True condition")
            )
        if complete and not end:
            errors.append(required(path, "completionTime is required for Complete jobs"))
    if _changed(now, before, "startTime", "completionTime") and start and end and end < start:
        errors.append(invalid_value(path, end, "completionTime cannot be set before startTime"))
    return errors


def _finished_errors(now: _Look, before: _Look) -> Errors:
    errors: Errors = []
    if _turned(now, before, "Failed", "FailureTarget") and "Failed" in now.true and "FailureTarget" not in now.true:
        errors.append(_conditions_error("cannot set Failed=True condition without the FailureTarget=true condition"))
    turned = _turned(now, before, "Complete", "SuccessCriteriaMet")
    if turned and "Complete" in now.true and "SuccessCriteriaMet" not in now.true:
        text = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        errors.append(_conditions_error(text))
    if not now.finished:
        return errors
    ended = not before.finished
    if (ended or _changed(now, before, "active")) and now.count("active") > 0:
        errors.append(invalid_value("status.active", now.count("active"), "active>0 is invalid for finished job"))
    if (ended or _changed(now, before, "startTime")) and not now.status.get("startTime"):
        errors.append(required("status.startTime", "startTime is required for finished job"))
    uncounted = now.uncounted
    if (ended or uncounted != before.uncounted) and any(uncounted.get(part) for part in ("succeeded", "failed")):
        text = "uncountedTerminatedPods needs to be empty for finished job"
        errors.append(invalid_value("status.uncountedTerminatedPods", uncounted, text))
    return errors


def _index_errors(now: _Look, before: _Look) -> Errors:
    errors: Errors = []
    completions = now.spec.get("completions")
    done, failed = now.status.get("completedIndexes") or "", now.status.get("failedIndexes")
    done_changed = _changed(now, before, "completedIndexes")
    failed_changed = now.status.get("failedIndexes") != before.status.get("failedIndexes")
    per_index = now.spec.get("backoffLimitPerIndex")
    path, other = "status.completedIndexes", "status.failedIndexes"
    if done_changed and completions is not None and (fault := _index_fault(done, completions)):
        errors.append(invalid_value(path, done, f"error parsing completedIndexes: {fault}"))
    told = failed is not None and completions is not None and per_index is not None
    if failed_changed and told and (fault := _index_fault(failed or "", completions or 0)):
        errors.append(invalid_value(other, failed, f"error parsing failedIndexes: {fault}"))
    if done_changed and done and not now.indexed:
        text = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(invalid_value(path, done, text))
    if failed_changed and failed is not None and per_index is None:
        text = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(invalid_value(other, failed, text))
    if (done_changed or failed_changed) and completions is not None and failed:
        both = sorted(_indexes(done) & _indexes(failed))
        if both:
            text = f"failedIndexes and completedIndexes overlap at index: {both[0]}"
            errors.append(invalid_value(other, failed, text))
    return errors


def _index_fault(text: str, completions: int) -> str:
    try:
        count_indexes(text, completions)
    except ValueError as error:
        return str(error)
    return ""


def _indexes(text: str) -> set[int]:
    """What can be read of a list of indexes."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, end = part.partition("-")
        if first.isdigit() and (end.isdigit() or not dash):
            found.update(range(int(first), int(end or first) + 1))
    return found


def _combination_errors(now: _Look, before: _Look) -> Errors:
    errors: Errors = []
    ended = now.finished and not before.finished
    terminating, ready = now.count("terminating"), now.count("ready")
    if now.finished and (ended or _changed(now, before, "terminating")) and terminating > 0:
        errors.append(invalid_value("status.terminating", terminating, "terminating>0 is invalid for finished job"))
    if _changed(now, before, "ready", "active") and ready > now.count("active"):
        errors.append(invalid_value("status.ready", ready, "cannot set more ready pods than active"))
    met = "SuccessCriteriaMet" in now.true
    for other in ("Failed", "FailureTarget"):
        if met and other in now.true:
            errors.append(_conditions_error(f"cannot set SuccessCriteriaMet=True and {other}=true conditions"))
    if now.spec.get("successPolicy") is not None and not met and "Complete" in now.true:
        text = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        errors.append(_conditions_error(text))
    return errors


def _change_errors(now: _Look, before: _Look) -> Errors:
    errors: Errors = [
        _conditions_error(f"cannot disable the terminal {each}=True condition")
        for each in _TERMINAL
        if each in before.true and each not in now.true
    ]
    if now.count("failed") < before.count("failed"):
        errors.append(invalid_value("status.failed", now.count("failed"), "cannot decrease the failed counter"))
    shrinks = now.indexed and now.spec.get("completions") == now.spec.get("parallelism")
    if not shrinks and now.count("succeeded") < before.count("succeeded"):
        text = "cannot decrease the succeeded counter"
        errors.append(invalid_value("status.succeeded", now.count("succeeded"), text))
    end, ended = now.status.get("completionTime"), before.status.get("completionTime")
    if end and ended and end != ended:
        errors.append(invalid_value("status.completionTime", end, "completionTime cannot be mutated"))
    started = before.status.get("startTime")
    if started and started != now.status.get("startTime") and not now.spec.get("suspend"):
        errors.append(required("status.startTime", "startTime cannot be removed for unsuspended job"))
    met, was_met = "SuccessCriteriaMet" in now.true, "SuccessCriteriaMet" in before.true
    if was_met and not met:
        errors.append(_conditions_error("cannot disable the SuccessCriteriaMet=True condition"))
    if "Complete" in before.true and met and not was_met:
        text = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        errors.append(_conditions_error(text))
    return errors
