"""A Job's podFailurePolicy and successPolicy."""

from __future__ import annotations

from typing import Any, Final

from navarch.api.validation.rules import Errors, indexed, invalid_each
from navarch.base import names
from navarch.base.field import NO_VALUE, duplicate, invalid_value, not_supported, required
from navarch.schema.types import Tree

_ACTIONS: Final = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS: Final = ("In", "NotIn")


def failure_policy_errors(policy: Tree, pod_spec: Tree, path: str) -> Errors:
    containers = {
        container.get("name") for key in ("containers", "initContainers") for _, container in indexed(pod_spec, key, "")
    }
    errors: Errors = []
    for where, rule in indexed(policy, "rules", path):
        action = rule.get("action", "")
        errors += _chosen(f"{where}.action", action, _ACTIONS)
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
        if codes is not None:
            errors += _exit_code_errors(codes, containers, f"{where}.onExitCodes")
        for place, pattern in indexed(rule, "onPodConditions", where):
            kind, status = pattern.get("type", ""), pattern.get("status", "")
            errors += invalid_each(f"{place}.type", kind, names.qualified_name_errors(kind))
            errors += _chosen(f"{place}.status", status, ("False", "True", "Unknown"))
        if codes is not None and conditions:
            errors.append(
                invalid_value(where, NO_VALUE, "specifying both OnExitCodes and OnPodConditions is not supported")
            )
        if codes is None and not conditions:
            errors.append(
                invalid_value(where, NO_VALUE, "specifying one of OnExitCodes and OnPodConditions is required")
            )
    return errors


def success_policy_errors(spec: Tree, path: str) -> Errors:
    policy = spec["successPolicy"]
    if spec.get("completionMode") != "Indexed":
        return [invalid_value(path, _shown_policy(policy), "requires indexed completion mode")]
    if not policy.get("rules"):
        return [required(f"{path}.rules", "at least one rules must be specified when the successPolicy is specified")]
    errors: Errors = []
    for where, rule in indexed(policy, "rules", path):
        errors += _success_rule_errors(rule, spec.get("completions"), where)
    return errors


def _success_rule_errors(rule: Tree, completions: int | None, path: str) -> Errors:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and indexes is None:
        return [required(path, "at least one of succeededCount or succeededIndexes must be specified")]
    errors: Errors = []
    total = None
    if indexes is not None:
        total = 0
        try:
            total = count_indexes(indexes, completions or 0)
        except ValueError as error:
            text = f"error parsing succeededIndexes: {error}"
            errors.append(invalid_value(f"{path}.succeededIndexes", indexes, text))
    if count is not None:
        where = f"{path}.succeededCount"
        if count < 0:
            errors.append(invalid_value(where, count, "must be greater than or equal to 0"))
        if completions is not None and count > completions:
            text = f"must be less than or equal to {completions} (the number of specified completions)"
            errors.append(invalid_value(where, count, text))
        if total is not None and count > total:
            text = (
                f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            )
            errors.append(invalid_value(where, count, text))
    return errors


def count_indexes(text: str, completions: int) -> int:
    """How many indexes `1,3-5` holds. Raises: ValueError with Kubernetes' text."""
    total, last = 0, -1
    for part in text.split(",") if text else ():
        first_text, dash, end_text = part.partition("-")
        first = _index(first_text, first_text)
        end = _index(end_text, end_text) if dash else first
        for value, shown in ((first, first_text), (end, end_text or first_text)):
            if value >= completions:
                raise ValueError(f'too large index: "{shown}"')
        if first <= last:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
        if dash and end <= first:
            raise ValueError(f"non-increasing order, previous: {first}, current: {end}")
        total, last = total + end - first + 1, end
    return total


def _index(text: str, shown: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ValueError(f'cannot convert string to integer for index: "{shown}"')
    return int(text)


def _exit_code_errors(codes: Tree, containers: set[Any], path: str) -> Errors:
    operator, values = codes.get("operator", ""), codes.get("values") or []
    errors = _chosen(f"{path}.operator", operator, _OPERATORS)
    name = codes.get("containerName")
    if name is not None and name not in containers:
        text = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid_value(f"{path}.containerName", name, text))
    where = f"{path}.values"
    if not values:
        errors.append(invalid_value(where, codes.get("values"), "at least one value is required"))
    for index, value in enumerate(values):
        if value in values[:index]:
            errors.append(duplicate(f"{where}[{index}]", value))
        if operator == "In" and value == 0:
            errors.append(invalid_value(f"{where}[{index}]", value, "must not be 0 for the In operator"))
    if values != sorted(values):
        errors.append(invalid_value(where, values, "must be ordered"))
    return errors


def _chosen(path: str, value: str, allowed: tuple[str, ...]) -> Errors:
    if not value:
        shown = " ".join(f'"{choice}"' for choice in allowed)
        return [required(path, f"valid values: [{shown}]")]
    return [] if value in allowed else [not_supported(path, value, allowed)]


def _shown_policy(policy: Tree) -> Tree:
    """A success policy as the server's own structure prints it."""
    rules = [
        {"SucceededIndexes": rule.get("succeededIndexes"), "SucceededCount": rule.get("succeededCount")}
        for _, rule in indexed(policy, "rules", "")
    ]
    return {"Rules": rules}
