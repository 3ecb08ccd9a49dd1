"""HorizontalPodAutoscaler: bounds, metrics and behavior, in the form of autoscaling/v2.

Source: kubernetes `pkg/apis/autoscaling/validation`.
"""

from __future__ import annotations

from typing import Any, Final

from navarch.api.validation.rules import ABOVE_ZERO, POSITIVE, Errors, indexed, named, supported
from navarch.base import names, quantity
from navarch.base.field import forbidden_field, invalid_value, not_supported, required
from navarch.schema.types import Tree

#: Metric sources by type, in the order in which they are looked at.
_SOURCES: Final = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
_TARGET_TYPES: Final = ("Utilization", "Value", "AverageValue")
_MAX_WINDOW_S: Final = 3600
_MAX_PERIOD_S: Final = 1800
_NOT_BELOW_ZERO: Final = "must be greater than or equal to zero"
_AT_LEAST_ONE: Final = "must be greater than or equal to 1"


def autoscaler_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    errors: Errors = []
    if least is not None and least < 1:
        errors.append(invalid_value("spec.minReplicas", least, _AT_LEAST_ONE))
    if most == 0:
        errors.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif most < 1:
        errors.append(invalid_value("spec.maxReplicas", most, _AT_LEAST_ONE))
    if least is not None and most < least:
        errors.append(invalid_value("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    errors += _reference_errors(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef", needs_group=True)
    for path, metric in indexed(spec, "metrics", "spec"):
        errors += _metric_errors(metric, path)
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in spec.get("metrics") or ()):
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden_field("spec.metrics", text))
    for side in ("scaleUp", "scaleDown"):
        rules = (spec.get("behavior") or {}).get(side)
        if rules is not None:
            errors += _behavior_errors(rules, f"spec.behavior.{side}")
    return errors


def _reference_errors(reference: Tree, path: str, *, needs_group: bool) -> Errors:
    errors: Errors = []
    for key in ("kind", "name"):
        errors += named(f"{path}.{key}", reference.get(key), names.path_segment_errors)
    version = reference.get("apiVersion", "")
    where = f"{path}.apiVersion"
    if version.count("/") > 1:
        errors.append(invalid_value(where, version, f"unexpected GroupVersion string: {version}"))
    elif needs_group and "/" not in version and (version, reference.get("kind")) != ("v1", "ReplicationController"):
        errors.append(invalid_value(where, version, "apiVersion must specify API group"))
    return errors


def _metric_errors(metric: Tree, path: str) -> Errors:
    kind = metric.get("type", "")
    errors = [] if kind else [required(f"{path}.type", "must specify a metric source type")]
    if kind not in _SOURCES:
        # Kubernetes names it twice: as a wrong type, and as one for which no source can be right.
        errors += [not_supported(f"{path}.type", kind, sorted(_SOURCES))] * 2
    given = [(name, key) for name, key in _SOURCES.items() if metric.get(key) is not None]
    if given:
        name, key = given[0]
        errors += _source_errors(name, metric[key], f"{path}.{key}")
    expected = _SOURCES.get(kind)
    if expected is None:
        return errors
    if expected not in (key for _, key in given):
        text = "must populate information for the given metric source"
        errors.append(required(f"{path}.{expected}", text))
    if len(given) > 1:
        text = "must populate the given metric source only"
        errors += [forbidden_field(f"{path}.{key}", text) for _, key in given if key != expected]
    return errors


def _source_errors(kind: str, source: Tree, path: str) -> Errors:
    target, where = source.get("target") or {}, f"{path}.target"
    errors: Errors = []
    if kind in ("Resource", "ContainerResource"):
        if not source.get("name"):
            errors.append(required(f"{path}.name", "must specify a resource name"))
        if kind == "ContainerResource" and not source.get("container"):
            errors.append(required(f"{path}.container", "must specify a container"))
        return errors + _target_errors(target, where) + _resource_target_errors(target, where)
    if kind == "Object":
        described = source.get("describedObject") or {}
        errors += _reference_errors(described, f"{path}.describedObject", needs_group=False)
    errors += _identifier_errors(source.get("metric") or {}, f"{path}.metric") + _target_errors(target, where)
    value, average = target.get("value"), target.get("averageValue")
    if kind == "Pods" and average is None:
        errors.append(required(f"{where}.averageValue", "must specify a positive target averageValue"))
    if kind == "Object" and value is None and average is None:
        errors.append(required(f"{where}.averageValue", "must set either a target value or averageValue"))
    if kind == "External" and value is None and average is None:
        text = "must set either a target value for metric or a per-pod target"
        errors.append(required(f"{where}.averageValue", text))
    if kind == "External" and value is not None and average is not None:
        text = "may not set both a target value for metric and a per-pod target"
        errors.append(forbidden_field(f"{where}.value", text))
    return errors


def _identifier_errors(metric: Tree, path: str) -> Errors:
    if not metric.get("name"):
        return [required(f"{path}.name", "must specify a metric name")]
    return named(f"{path}.name", metric["name"], names.path_segment_errors)


def _target_errors(target: Tree, path: str) -> Errors:
    kind = target.get("type", "")
    errors = [] if kind else [required(f"{path}.type", "must specify a metric target type")]
    if kind not in _TARGET_TYPES:
        text = "must be either Utilization, Value, or AverageValue"
        errors.append(invalid_value(f"{path}.type", kind, text))
    for key in ("value", "averageValue"):
        amount = target.get(key)
        if amount is not None and quantity.parse(str(amount)).nano <= 0:
            errors.append(invalid_value(f"{path}.{key}", _shown(amount), "must be positive"))
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        errors.append(invalid_value(f"{path}.averageUtilization", utilization, POSITIVE))
    return errors


def _resource_target_errors(target: Tree, path: str) -> Errors:
    utilization, average = target.get("averageUtilization"), target.get("averageValue")
    if utilization is None and average is None:
        text = "must set either a target raw value or a target utilization"
        return [required(f"{path}.averageUtilization", text)]
    if utilization is not None and average is not None:
        text = "may not set both a target raw value and a target utilization"
        return [forbidden_field(f"{path}.averageValue", text)]
    return []


def _behavior_errors(rules: Tree, path: str) -> Errors:
    errors: Errors = []
    window, where = rules.get("stabilizationWindowSeconds"), f"{path}.stabilizationWindowSeconds"
    if window is not None and window < 0:
        errors.append(invalid_value(where, window, _NOT_BELOW_ZERO))
    elif window is not None and window > _MAX_WINDOW_S:
        errors.append(invalid_value(where, window, f"must be less than or equal to {_MAX_WINDOW_S}"))
    if rules.get("selectPolicy") is not None:
        errors += supported(f"{path}.selectPolicy", rules["selectPolicy"], ("Disabled", "Max", "Min"))
    if not rules.get("policies"):
        errors.append(required(f"{path}.policies", "must specify at least one Policy"))
    for where, policy in indexed(rules, "policies", path):
        errors += _scaling_policy_errors(policy, where)
    tolerance = rules.get("tolerance")
    if tolerance is not None and quantity.parse(str(tolerance)).nano < 0:
        text = "must be greater than or equal to 0"
        errors.append(invalid_value(f"{path}.tolerance", _shown(tolerance), text))
    return errors


def _scaling_policy_errors(policy: Tree, path: str) -> Errors:
    errors = supported(f"{path}.type", policy.get("type"), ("Percent", "Pods"))
    if policy.get("value", 0) <= 0:
        errors.append(invalid_value(f"{path}.value", policy.get("value", 0), ABOVE_ZERO))
    period = policy.get("periodSeconds", 0)
    if period <= 0:
        errors.append(invalid_value(f"{path}.periodSeconds", period, ABOVE_ZERO))
    elif period > _MAX_PERIOD_S:
        errors.append(invalid_value(f"{path}.periodSeconds", period, f"must be less than or equal to {_MAX_PERIOD_S}"))
    return errors


def _shown(amount: Any) -> str:
    return str(quantity.parse(str(amount)))
